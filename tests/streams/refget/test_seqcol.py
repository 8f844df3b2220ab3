"""Digests and comparisons of collections, against the published answers and by their laws."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.refget import fasta, seqcol
from tests.support.shared import shared_data

NAMES = (
    "base.fa", "different_names.fa", "different_order.fa", "pair_swap.fa", "subset.fa",
    "swap_wo_coords.fa",
)  # fmt: skip


def _collection(name: str) -> dict[str, Any]:
    path = shared_data("hts") / "refget" / "seqcol" / name
    read = list(fasta.read(path, io.BytesIO()))
    return dict(
        seqcol.level2(
            [one.name for one in read], [one.length for one in read], [one.ga4gh for one in read]
        )
    )


@pytest.mark.parametrize("name", NAMES)
def test_digests_of_every_level_are_the_published_ones(name: str) -> None:
    text = (shared_data("hts") / "refget" / "seqcol" / "test_fasta_digests.json").read_text()
    expected = json.loads(text)[name]
    arrays = _collection(name)
    digests = seqcol.level1(arrays)
    assert arrays == expected["level2"]
    assert digests == expected["level1"]
    assert seqcol.level0(digests) == expected["top_level_digest"]


@pytest.mark.parametrize("other", NAMES[1:])
def test_comparisons_are_the_published_ones(other: str) -> None:
    folder = shared_data("hts") / "refget" / "seqcol" / "comparison"
    expected = json.loads((folder / f"compare_base.fa_{other}.json").read_text())
    made = seqcol.compare(
        _collection("base.fa"),
        _collection(other),
        a_digest=expected["digests"]["a"],
        b_digest=expected["digests"]["b"],
    )
    assert made == expected


elements = st.lists(st.sampled_from(["x", "y", "z"]), max_size=5)


@given(elements, elements)
def test_comparing_the_other_way_round_mirrors_the_answer(a: list[str], b: list[str]) -> None:
    there = seqcol.compare({"names": a}, {"names": b}, a_digest=None, b_digest=None)
    back = seqcol.compare({"names": b}, {"names": a}, a_digest=None, b_digest=None)
    assert there["array_elements"]["a_count"] == back["array_elements"]["b_count"]
    assert there["array_elements"]["a_and_b_count"] == back["array_elements"]["a_and_b_count"]
    for name in ("names",):
        assert (
            there["array_elements"]["a_and_b_same_order"][name]
            == back["array_elements"]["a_and_b_same_order"][name]
        )


def test_repeats_on_one_side_leave_the_order_undefined() -> None:
    made = seqcol.compare(
        {"names": ["x", "x", "y"]}, {"names": ["x", "y"]}, a_digest=None, b_digest=None
    )
    assert made["array_elements"]["a_and_b_same_order"] == {"names": None}
    assert made["array_elements"]["a_and_b_count"] == {"names": 2}


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{}", b'{"names": 1}', b'{"other": []}', b'{"names": [null]}',
        b'{"names": [[1]]}', b"[" * 100_000, b'{"names": ["\\ud800"]}',
    ],
)  # fmt: skip
def test_what_is_no_collection_is_not_compared(raw: bytes) -> None:
    assert seqcol.parse(raw) is None
