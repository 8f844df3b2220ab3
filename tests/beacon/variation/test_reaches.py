"""A dataset compared with its reference finds a change in every spelling of it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from string import ascii_letters
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon.catalog import Allele, ByIdentifier, Edited, Segment, VariantQuestion
from beacon.errors import SourceRefused, UnsupportedQuestion
from beacon.loading.load import check, load
from beacon.segments import SegmentCatalog
from beacon.variation import naming, shorthand
from beacon.variation.alleles import trimmed
from tests.support.bases import TextReference, result
from tests.support.beacon_node import source

TEXT = "GGACACACTTTTGCAAGCTTAAAGGGTCTCTCTCATTTGACGACGACGTT" + "CA" * 60 + "GTTTTTTG"


def _line(position: int, ref: str, alt: str) -> str:
    assert TEXT[position - 1 : position - 1 + len(ref)] == ref
    return f"{position} . {ref} {alt} . 0|1 0|0 0|0 0|0"


LINES = (
    _line(2, "G", "GAC"),  # one copy more of a repeat
    _line(8, "CT", "C"),  # one of a run of T less
    _line(13, "G", "C"),
    _line(16, "A", "AGG"),
    _line(27, "T", "TCT"),
    _line(34, "CATT", "CT"),  # not at its left end, and anchored twice
    _line(39, "GACG", "G"),
    _line(171, "GT", "G"),
)


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder: Path = tmp_path_factory.mktemp("reaches")
    load(replace(source(folder / "s", "S", lines=LINES), bases=TextReference(TEXT)), folder / "c")
    return SegmentCatalog(folder / "c").snapshot()["S"]


def rows(segment: Segment, question: VariantQuestion) -> list[str]:
    page = segment.variants(question, samples=None, skip=0, limit=100)
    return [row.variant_id for row in page.rows]


def spellings(change: Allele) -> list[Allele]:
    """Every way to write a change with the same result, by trying all of them, some anchored."""
    core = trimmed(change)
    wanted, more = result(TEXT, change), len(core.alt) - len(core.ref)
    if core.ref and core.alt:
        return [change]
    found = []
    for start0 in range(len(TEXT) + 1):
        ref = TEXT[start0 : start0 + len(core.ref)]
        alt = wanted[start0 : start0 + more] if more > 0 else ""
        spelled = Allele("1", start0, ref, alt)
        if len(ref) == len(core.ref) and result(TEXT, spelled) == wanted:
            found.append(spelled)
            if 0 < start0 < len(TEXT) - 4:
                before, after = TEXT[start0 - 1], TEXT[start0 + len(ref)]
                found.append(Allele("1", start0 - 1, before + ref, before + alt))
                found.append(Allele("1", start0 - 1, before + ref + after, before + alt + after))
    return found


def stored(line: str) -> Allele:
    position, _, ref, alt, *_ = line.split()
    return Allele("1", int(position) - 1, ref, alt)


@pytest.mark.parametrize("line", LINES)
def test_every_spelling_finds_the_one_variant(segment: Segment, line: str) -> None:
    asked = spellings(stored(line))
    assert asked
    found = {tuple(rows(segment, each)) for each in asked}
    assert len(found) == 1
    ((name,),) = found
    position, _, ref, alt, *_ = line.split()
    assert name == f"1-{position}-{ref}-{alt}"


def test_no_other_change_finds_a_variant(segment: Segment) -> None:
    known = {result(TEXT, stored(line)) for line in LINES}
    rng = random.Random(3)  # noqa: S311 (seeded, of a test)
    for _ in range(3000):
        start0 = rng.randrange(len(TEXT) - 3)
        ref = TEXT[start0 : start0 + rng.randrange(4)]
        asked = Allele("1", start0, ref, "".join(rng.choices("ACGT", k=rng.randrange(4))))
        if asked.ref != asked.alt:
            assert bool(rows(segment, asked)) == (result(TEXT, asked) in known)


def test_a_name_we_give_finds_what_it_names(segment: Segment) -> None:
    page = segment.variants(None, samples=None, skip=0, limit=100)
    assert len(page.rows) == len(LINES)
    for row in page.rows:
        names = naming.names(row.allele, row.reach, assembly="GRCh38")
        assert names is not None
        assert names.hgvs is not None
        assert names.vrs is not None
        for name in (names.hgvs, names.spdi, names.vrs):
            assert rows(segment, shorthand.asked(name).question) == [row.variant_id]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Edited("1", 2, 4, "DUP"), ["1-2-G-GAC"]),
        (Edited("1", 5, 7, "DUP"), ["1-2-G-GAC"]),
        (Edited("1", 2, 6, "DUP"), []),
        (Edited("1", 9, 10, "DEL"), ["1-8-CT-C"]),
        (Edited("1", 12, 13, "DEL"), []),
        (Edited("1", 2, 4, "DEL"), []),
    ],
)
def test_an_edit_without_bases_is_resolved_by_the_reference(
    segment: Segment, asked: Edited, expected: list[str]
) -> None:
    assert rows(segment, asked) == expected


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("13 . G TC . 0|1 0|0 0|0 0|0", "1:g.13delinsTC"),
        ("12 . TG TTC . 0|1 0|0 0|0 0|0", "1:g.13delinsTC"),
        ("11 . TTG TTTC . 0|1 0|0 0|0 0|0", "1:g.13delinsTC"),
        ("13 . GC TT . 0|1 0|0 0|0 0|0", "1:g.13_14delinsTT"),
    ],
)
def test_a_replacement_without_its_deleted_bases_is_found_anchored_or_not(
    tmp_path: Path, line: str, text: str
) -> None:
    load(source(tmp_path / "s", "S", lines=(line,)), tmp_path / "c")
    segment = SegmentCatalog(tmp_path / "c").snapshot()["S"]
    assert len(rows(segment, shorthand.asked(text).question)) == 1
    assert rows(segment, shorthand.asked("1:g.13delinsTG").question) == []


def test_an_insertion_too_long_to_be_named_still_moves(tmp_path: Path) -> None:
    unit = "CA" * 600
    long = source(tmp_path / "s", "S", lines=(_line(50, "T", "T" + unit),))
    load(replace(long, bases=TextReference(TEXT)), tmp_path / "c")
    segment = SegmentCatalog(tmp_path / "c").snapshot()["S"]
    for start0, inserted in ((50, unit), (51, "AC" * 600), (170, unit)):
        assert len(rows(segment, Allele("1", start0, "", inserted))) == 1
    assert rows(segment, Allele("1", 49, "", unit)) == []


def test_a_vrs_id_that_nobody_has_finds_nothing(segment: Segment) -> None:
    assert rows(segment, ByIdentifier("ga4gh:VA." + "A" * 32)) == []
    assert segment.facts.justified


def test_a_file_of_another_reference_is_refused_naming_the_places(tmp_path: Path) -> None:
    made = source(tmp_path / "s", "S", lines=("13 . C G . 0|1 0|0 0|0 0|0",))
    wrong = replace(made, bases=TextReference(TEXT))
    with pytest.raises(SourceRefused) as refused:
        load(wrong, tmp_path / "c")
    (problem,) = refused.value.problems
    assert (problem.where, problem.field) == ("1:13", "REF")
    assert check(wrong) == [problem]
    assert check(replace(wrong, bases=None)) == []


def test_a_reference_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused):
        load(replace(source(tmp_path / "s", "S"), bases=tmp_path / "none.fa"), tmp_path / "c")


def test_a_dataset_without_a_reference_does_not_know_duplications(tmp_path: Path) -> None:
    load(source(tmp_path / "s", "S", lines=LINES), tmp_path / "c")
    plain = SegmentCatalog(tmp_path / "c").snapshot()["S"]
    assert not plain.supports(Edited("1", 2, 4, "DUP"))
    assert plain.supports(Edited("1", 2, 4, "DEL"))
    assert rows(plain, Edited("1", 8, 9, "DEL")) == ["1-8-CT-C"]


_PLACES = st.integers(0, 200) | st.integers(0, 2**31 - 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    chrom=st.sampled_from(["1", "22", "MT", "nowhere"]),
    start0=_PLACES,
    end0=_PLACES,
    change=st.sampled_from(["DEL", "DUP", "INV"]),
    ref=st.text("ACGTN", max_size=5),
    alt=st.text("ACGTN", max_size=5),
    name=st.text(max_size=20) | st.text(ascii_letters + "-_", min_size=32, max_size=32),
)
def test_any_question_is_answered(
    segment: Segment,
    chrom: str,
    start0: int,
    end0: int,
    change: Literal["DEL", "DUP", "INV"],
    ref: str,
    alt: str,
    name: str,
) -> None:
    rows(segment, Edited(chrom, start0, end0, change))
    rows(segment, Allele(chrom, start0, ref, alt))
    try:
        rows(segment, ByIdentifier(f"ga4gh:VA.{name}"))
    except UnsupportedQuestion:
        return
