from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from beacon.segment import sparse

SIZES = st.sampled_from([1, 7, 255, 256, 2500, 1 << 16, 1_000_000])


@given(st.data())
def test_numbers_come_back_in_every_form(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    numbers = np.array(sorted(data.draw(st.sets(st.integers(0, size - 1), max_size=300))), "u4")
    blob = sparse.encode(numbers, size)
    assert sparse.decode(blob).tolist() == numbers.tolist()


@pytest.mark.parametrize(
    ("numbers", "most"),
    [(range(2500), 314), (range(0, 2500, 30), 86), (range(0, 60_000, 254), 239), ([0, 65_535], 5)],
)
def test_the_shortest_form_is_taken(numbers: range | list[int], most: int) -> None:
    size = 2500 if max(numbers) < 2500 else 1 << 16
    assert len(sparse.encode(np.array(list(numbers), "u4"), size)) <= most


@given(st.lists(st.integers(0, 32_767), max_size=200))
def test_codes_come_back(codes: list[int]) -> None:
    packed = sparse.encode_codes(np.array(codes, np.uint16))
    assert sparse.decode_codes(packed, len(codes)).tolist() == codes


def test_one_genotype_for_all_carriers_costs_three_bytes() -> None:
    assert len(sparse.encode_codes(np.full(1000, 22, np.uint16))) == 3


@pytest.mark.parametrize(
    ("numbers", "size"),
    [
        ([], 2500),
        ([0], 1),
        ([3, 9], 2500),
        (range(2500), 2500),
        (range(0, 2500, 30), 2500),
        (range(0, 60_000, 254), 1 << 16),
        (range(255, 60_000, 255), 1 << 16),
        (range(254, 60_000, 255), 1 << 16),
        (range(0, 1 << 16, 3), 1 << 16),
        (range(1, 61_000, 3), 61_000),
        (range(4095), 1 << 16),
        (range(0, 4096 * 16, 16), 1 << 16),
        (range(0, 4097 * 15, 15), 1 << 16),
        ([65_535], 1 << 16),
        ([65_535, 65_536], 1_000_000),
        (range(0, 1_000_000, 300), 1_000_000),
        (range(0, 1_000_000, 7), 1_000_000),
    ],
)
def test_a_blob_is_a_bitmap_of_its_numbers(numbers: range | list[int], size: int) -> None:
    found = sparse.held(sparse.encode(np.array(list(numbers), "u4"), size))
    assert found == BitMap(numbers)
    assert len(found | BitMap([5])) == len({*numbers, 5})  # sound, whatever form it was given in


@given(st.data())
def test_a_blob_of_any_numbers_is_their_bitmap(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    numbers = data.draw(st.sets(st.integers(0, size - 1), max_size=300))
    assert sparse.held(sparse.encode(np.array(sorted(numbers), "u4"), size)) == BitMap(numbers)


def test_a_bitmap_is_filled_in_any_order() -> None:
    assert sparse.bitmap(np.array([5, 1, 5, 70_000])) == BitMap([1, 5, 70_000])


@given(
    st.lists(st.sets(st.integers(0, 2499), max_size=400), max_size=12),
    st.sets(st.integers(0, 2499)),
)
def test_many_are_asked_together(sets: list[set[int]], wanted: set[int]) -> None:
    blobs = [sparse.encode(np.array(sorted(each), "u4"), 2500) for each in sets]
    marks = np.zeros(2500, dtype=bool)
    marks[list(wanted)] = True
    assert sorted(sparse.marked(blobs, marks)) == [n for n, s in enumerate(sets) if s & wanted]
    union = set(np.flatnonzero(sparse.union(blobs, 2500)).tolist())
    assert union == set().union(*sets)
