"""Who carries what by sample, and what is read to find that nobody carries a variant."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from beacon.catalog import Allele, ByIdentifier, Span, VariantQuestion
from beacon.errors import UnsupportedQuestion
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


@pytest.mark.parametrize("each", [1, 2, 3])
def test_samples_of_one_person_are_told_apart(each: int, tmp_path: Path) -> None:
    draw = random.Random(each)  # noqa: S311 - seeded, so a failure repeats
    persons = [number // each for number in range(24)]
    draw.shuffle(persons)
    carriers = [sorted(draw.sample(range(24), draw.choice((0, 1, 2, 20)))) for _ in range(300)]
    rows = [
        row((1, start0, start0 + 1), ("A", "G"), "SNP", an=48, samples=np.array(of, np.uint32),
            genotypes=np.ones(len(of), np.uint16))
        for start0, of in enumerate(carriers)
    ]  # fmt: skip
    names = [f"p{number}" for number in range(24 // each)]
    segment = segment_of(tmp_path, rows, people=names, persons=persons)
    for _ in range(60):
        first = draw.randrange(300)
        last = draw.randint(first + 1, 300)  # of many rows a person's are read, of few each one
        asked = draw.choice((None, Span("1", first, last)))
        among = range(300) if asked is None else range(first, last)
        chosen = BitMap(draw.sample(range(24), draw.choice((1, 2, 12, 24))))
        page = segment.variants(asked, samples=chosen, skip=0, limit=300)
        theirs = [place for place in among if chosen.intersect(BitMap(carriers[place]))]
        assert [found.allele.start0 for found in page.rows] == theirs
        carrying = BitMap(sample for place in among for sample in carriers[place])
        whole = asked or Span("1", 0, 300)
        assert segment.carriers(whole) == carrying
        assert segment.owners(chosen) == BitMap(persons[sample] for sample in chosen)
    segment.close()


def test_more_variants_than_can_be_told_apart_are_refused_never_a_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.segment.carriers.MAX_TOLD_APART", 5)
    rows = [carried(start0) for start0 in range(20)]
    segment = segment_of(tmp_path, rows, people=("p0", "p1"), persons=(0, 0, 1))
    with pytest.raises(UnsupportedQuestion, match="shorter range"):
        segment.variants(None, samples=BitMap([1]), skip=0, limit=0)
    few = segment.variants(Span("1", 2, 5), samples=BitMap([1]), skip=0, limit=0)
    every = segment.variants(None, samples=BitMap([0, 1]), skip=0, limit=0)
    assert (few.total, every.total) == (3, 20)  # all samples of one person need no telling apart
    segment.close()
