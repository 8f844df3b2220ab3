"""What travels between a node and ClickHouse in place of lists of people."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from beacon.clickhouse import bitmaps
from beacon.errors import CatalogError


@given(st.sets(st.integers(0, 2**32 - 1), max_size=300))
def test_a_set_comes_back_as_it_went(numbers: set[int]) -> None:
    assert bitmaps.read(bitmaps.written(BitMap(numbers))) == BitMap(numbers)


def test_a_crowd_is_an_eighth_of_a_byte_each() -> None:
    crowd = BitMap(range(0, 1_000_000, 2))
    assert bitmaps.read(bitmaps.written(crowd)) == crowd
    assert len(bitmaps.written(crowd)) < 200_000  # below what a server takes as an address


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\x00\x02\x01\x00\x00\x00", b"\x02\x00", b"\x01\x80", b"\x01\x05nope!"]
)
def test_what_is_no_set_is_an_error_and_never_nobody(raw: bytes) -> None:
    with pytest.raises(CatalogError):
        bitmaps.read(base64.b64encode(raw).decode())


@pytest.mark.parametrize("text", ["!", "AAA", "AA A="])
def test_what_is_no_base64_is_an_error(text: str) -> None:
    with pytest.raises(CatalogError):
        bitmaps.read(text)
