"""A question travels as arrays and nothing else; sums through integers are sums."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.analysis import limbs
from workspaces.analysis.design import Floats
from workspaces.analysis.rounds import Round, run


def test_a_question_comes_as_it_went_without_what_the_coordinator_keeps() -> None:
    given_arrays = {"coefficients": np.array([[1.5, -2.0]]), "tested": np.zeros(0)}
    asked = Round("newton", given_arrays, {"score": np.ones(3)}, wide=4)
    received = Round.of_question(asked.question())
    assert (received.step, received.wide, received.kept) == ("newton", 4, {})
    assert {name: array.tolist() for name, array in received.given.items()} == {
        "coefficients": [[1.5, -2.0]], "tested": [],
    }  # fmt: skip


def saved(**arrays: object) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    return packed.getvalue()


def broken() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("step 0.npy", b"")
        archive.writestr("given a.npy", np.lib.format.MAGIC_PREFIX + b"\x01\x00")
    return packed.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"newton",
        broken(),
        saved(step=np.zeros(0)),
        saved(**{"step x": np.zeros(0)}),
        saved(**{" 0": np.zeros(0)}),
        saved(**{"step 0": np.zeros(0), "given a": np.array([np.nan])}),
        saved(**{"step 0": np.zeros(0), "given a": np.array([1])}),
        saved(**{"step 0": np.zeros(0), "given a": np.array(["text"])}),
        saved(**{"step 0": np.zeros(0), "given a": np.array([None])}),
    ],
)
def test_what_is_no_question_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a question"):
        Round.of_question(raw)


class Endless:
    def first(self) -> Round:
        return Round("again")

    def answer(self, site: int, asked: Round) -> Floats:
        return np.array([float(site)])

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | None:
        return asked


def test_an_analysis_that_does_not_end_is_ended() -> None:
    with pytest.raises(RuntimeError, match="not done"):
        run(Endless(), [1, 2])


@given(st.lists(st.lists(st.floats(-1e25, 1e25), min_size=3, max_size=3), min_size=1, max_size=9))
def test_wide_numbers_add_as_exactly_as_floats_do(values: list[list[float]]) -> None:
    sites = np.array(values)
    mixed = np.column_stack([sites, np.full(len(sites), 0.5)])
    summed = np.sum([limbs.encode(one, wide=3) for one in mixed], axis=0)
    found = limbs.decode(summed, sites=len(sites), wide=3)
    size = np.abs(sites).sum(axis=0) + 1
    assert (np.abs(found[:3] - sites.sum(axis=0)) <= 1e-15 * len(sites) * size).all()
    assert found[3] == 0.5 * len(sites)


def test_a_wide_number_that_does_not_fit_is_refused() -> None:
    limbs.encode(np.array([1e28, 1.0]), wide=1)
    for numbers, wide in (([5e28], 1), ([-5e28], 1), ([1e6], 0), ([1.0, 1e6], 1)):
        with pytest.raises(ValueError, match="scale it first"):
            limbs.encode(np.array(numbers), wide=wide)
    with pytest.raises(ValueError, match="sites"):
        limbs.decode(np.zeros(9, dtype=np.int64), sites=2, wide=2)
