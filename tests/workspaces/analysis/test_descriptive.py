"""Figures over sites are those of everybody's rows, and nothing of one person is among them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from workspaces.airlock import candidates
from workspaces.airlock.rules import Floors, Outcome, judge
from workspaces.analysis import frequencies
from workspaces.analysis.cohort import Clinical
from workspaces.analysis.descriptive import CrossCounts, Description
from workspaces.analysis.design import Design, Floats
from workspaces.analysis.frequencies import Frequencies
from workspaces.analysis.rounds import Round, limb_sum, plain_sum, run


def site(seed: int, people: int, *, without: str = "") -> Clinical:
    draw = np.random.default_rng(seed)
    variables = {
        "age": draw.normal(60, 9, people).round(),
        "urate": draw.lognormal(-9, 1, people),
        "platelets": draw.normal(2.5e11, 4e10, people),
        "sex": draw.integers(1, 3, people).astype(float),
        "stage": draw.integers(1, 4, people).astype(float),
    }
    for values in variables.values():
        values[draw.random(people) < 0.1] = np.nan
    variables.pop(without, None)
    return Clinical(tuple(f"{seed}-{number}" for number in range(people)), variables)


SITES = [site(1, 80), site(2, 120), site(3, 50, without="urate")]
PLAN = Description({"age": (50.0, 60.0, 70.0), "urate": (), "platelets": (2e11, 3e11)})


def everybody(name: str) -> Floats:
    values = np.concatenate([one.variables.get(name, np.zeros(0)) for one in SITES])
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


@pytest.mark.parametrize("add", [plain_sum, limb_sum])
def test_means_and_variances_are_those_of_all_rows_whatever_their_size(add: object) -> None:
    found = run(PLAN, SITES, add=add)  # type: ignore[arg-type]
    for number, name in enumerate(found.variables):
        rows = everybody(name)
        assert found.people[number] == rows.size
        assert found.mean[number] == pytest.approx(rows.mean(), rel=1e-9)
        assert found.variance[number] == pytest.approx(rows.var(ddof=1), rel=1e-6)


def test_histograms_count_everybody_with_a_value_once() -> None:
    ages = everybody("age")
    found = run(PLAN, SITES)
    expected = [(ages < 50).sum(), ((ages >= 50) & (ages < 60)).sum(),
                ((ages >= 60) & (ages < 70)).sum(), (ages >= 70).sum()]  # fmt: skip
    assert found.histograms[0].tolist() == expected
    assert found.histograms[1].size == 0


def test_the_airlock_reads_what_is_offered_and_blanks_the_small() -> None:
    plan = Description({"age": (50.0, 60.0, 70.0), "urate": ()})
    model, ages = run(plan, SITES).documents()
    floors = Floors(
        frozenset({"table", "aggregate-model"}), labels=frozenset({"age", "urate"}), cell=60
    )
    assert judge(candidates.read(json.dumps(model).encode()), floors).outcome is Outcome.RELEASE
    assert "below 50" in str(ages["rows"])
    verdict = judge(candidates.read(json.dumps(ages).encode()), floors)
    assert isinstance(verdict.released, candidates.Table)
    assert (None,) in verdict.released.cells


def test_a_variable_nobody_has_is_no_number_and_not_offered() -> None:
    found = run(Description({"height": (150.0,)}), SITES)
    assert (found.people[0], found.histograms[0].tolist()) == (0, [0, 0])
    assert np.isnan(found.mean[0])
    assert np.isnan(found.variance[0])
    assert found.documents() == []


@pytest.mark.parametrize(
    "edges", [(2.0, 1.0), (1.0, 1.0), (np.nan,), (np.inf,), tuple(range(1001))]
)
def test_edges_that_do_not_rise_or_are_too_many_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="edges of age"):
        Description({"age": edges})


def test_another_question_is_not_answered() -> None:
    with pytest.raises(ValueError, match="not a question"):
        PLAN.answer(SITES[0], Round("rows"))


def test_people_are_counted_by_two_variables() -> None:
    plan = CrossCounts("sex", "stage", {1: "male", 2: "female"}, {1: "I", 2: "II", 3: "III"})
    found = candidates.read(json.dumps(run(plan, SITES)).encode())
    assert isinstance(found, candidates.Table)
    sex = np.concatenate([one.variables["sex"] for one in SITES])
    stage = np.concatenate([one.variables["stage"] for one in SITES])
    assert found.cells[1][2] == ((sex == 2) & (stage == 3)).sum()
    lacking = CrossCounts("sex", "grade", {1: "male"}, {1: "I"})
    assert run(lacking, SITES)["cells"] == [[0]]


def test_allele_counts_add_and_are_offered_as_tables() -> None:
    draw = np.random.default_rng(4)
    dosages = [draw.binomial(2, 0.3, (people, 1_200)).astype(float) for people in (20, 30)]
    dosages[0][3, 5] = np.nan
    sites = [Design(np.zeros(len(one)), np.ones((len(one), 1)), one) for one in dosages]
    names = [f"1-{10 + place}-A-G" for place in range(1_200)]
    first, second = frequencies.documents(run(Frequencies(1_200), sites), names)
    read = candidates.read(json.dumps(first).encode())
    assert isinstance(read, candidates.Table)
    copies = int(np.nansum(np.concatenate(dosages)[:, 5]))
    assert read.cells[5] == (98 - copies, copies)
    assert len(read.rows) == 1_000
    assert len(second["rows"]) == 200  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="other variants"):
        run(Frequencies(9), sites)
