"""What is read to find that nobody carries a variant is what is read to find who does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from beacon.catalog import Allele, ByIdentifier, VariantQuestion
from beacon.loading.parquet import Row
from beacon.segment.tail import Tail
from beacon.variation.identifiers import Kind
from tests.support.small_segment import row, segment_of

PEOPLE = ("p0", "p1", "p2")
THERE = Allele("1", 100, "A", "G")


def carried(start0: int) -> Row:
    samples, genotypes = np.array([1], np.uint32), np.array([1], np.uint16)
    calls = {"samples": samples, "genotypes": genotypes, "an": 6}
    return row((1, start0, start0 + 1), ("A", "G"), "SNP", **calls)


@pytest.mark.parametrize(
    "absent",
    [
        Allele("1", 100, "A", "C"),
        Allele("1", 0, "A", "G"),
        Allele("1", 2**30, "A", "G"),
        Allele("22", 100, "A", "G"),
        ByIdentifier("rs1"),
    ],
)
def test_nobody_takes_the_reading_of_one_variant(
    absent: VariantQuestion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    whole = Tail.read

    def reading(tail: Tail, begin: int, end: int) -> bytes:
        read.append(end - begin)
        return whole(tail, begin, end)

    monkeypatch.setattr(Tail, "read", reading)
    rows = [carried(100), carried(200)]
    segment = segment_of(tmp_path, rows, people=PEOPLE, identifiers=(Kind.RSID,))
    assert segment.carriers(THERE) == BitMap([1])
    read.clear()
    assert segment.carriers(THERE) == BitMap([1])
    one = list(read)
    assert one
    read.clear()
    assert segment.carriers(absent) == BitMap()
    assert read == one
    segment.close()


def test_of_no_variants_at_all_nobody_carries_one(tmp_path: Path) -> None:
    segment = segment_of(tmp_path, [], people=PEOPLE)
    assert segment.carriers(THERE) == BitMap()
    segment.close()
