from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyroaring import BitMap

from beacon.catalog import (
    Allele,
    AminoacidChange,
    Annotations,
    ById,
    ByIdentifier,
    ChangeWithin,
    InGene,
    PopulationCount,
    Span,
    VariantQuestion,
)
from beacon.errors import UnsupportedQuestion
from beacon.loading.parquet import Row
from beacon.segments import SqliteSegment
from beacon.variation import alleles
from tests.support.small_segment import row, segment_of

PEOPLE = tuple(f"P{number}" for number in range(60))
REACH = 60_000


def made() -> list[Row]:
    """2,500 alleles on two chromosomes: substitutions, indels, and spans up to 20 kb."""
    chance = random.Random(11)  # noqa: S311 (seeded, so a failure repeats)
    found: dict[tuple[object, ...], Row] = {}
    for _ in range(2500):
        rank, start0 = chance.choice((1, 23)), chance.randrange(REACH)
        ref, shape = chance.choice("ACGT"), chance.random()
        alt, end0, kind, length = chance.choice("ACGTN".replace(ref, "")), start0 + 1, "SNP", 1
        if shape < 0.1:
            length = chance.choice((3, 40, 998, 999, 1000, 1001, 20_000))
            alt, end0, kind = "<DEL>", start0 + 1 + length, "DEL"
        elif shape < 0.2:
            length = chance.randrange(1, 5)
            alt, kind = ref + "".join(chance.choices("ACGT", k=length)), "INS"
        elif shape < 0.3:
            length = chance.randrange(1, 5)
            alt, ref, kind = ref, ref + "".join(chance.choices("ACGT", k=length)), "DEL"
            end0 = start0 + len(ref)
        carriers = np.array(sorted(chance.sample(range(60), chance.choice((0, 1, 3, 50)))), "u4")
        codes = np.array([chance.choice((22, 31)) for _ in carriers], "u2")
        one = row((rank, start0, end0), (ref, alt), kind, length=length, samples=carriers,
                  genotypes=codes)  # fmt: skip
        found[one[:5]] = one
    return list(found.values())


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return made()


@pytest.fixture(scope="module")
def segment(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> SqliteSegment:
    return segment_of(tmp_path_factory.mktemp("segment"), rows, people=PEOPLE)


def key(one: Row) -> tuple[object, ...]:
    return (one.rank, one.start0, one.ref, one.alt, one.end0)


def keys(segment: SqliteSegment, asked: VariantQuestion | None) -> list[tuple[object, ...]]:
    page = segment.variants(asked, samples=None, skip=0, limit=10_000)
    assert page.total == len(page.rows)
    return [
        (alleles.RANKS[r.allele.chrom], r.allele.start0, r.allele.ref, r.allele.alt, r.end0)
        for r in page.rows
    ]


def expected(rows: list[Row], fits: Callable[[Row], bool]) -> list[tuple[object, ...]]:
    return sorted(key(one) for one in rows if fits(one))


def test_everything_comes_back_in_order(segment: SqliteSegment, rows: list[Row]) -> None:
    assert keys(segment, None) == expected(rows, lambda _: True)


def test_random_ranges_agree_with_a_plain_scan(segment: SqliteSegment, rows: list[Row]) -> None:
    chance = random.Random(1)  # noqa: S311 (seeded, so a failure repeats)
    answered = 0
    for _ in range(300):
        start0 = chance.randrange(-10, REACH + 30_000)
        end0 = start0 + chance.choice((0, 1, 10, 1000, 20_000))
        kind, least = chance.choice((None, "DEL", "SNP", "INS")), chance.choice((None, 2, 500))
        most, alt = chance.choice((None, 1, 4, 1000)), chance.choice((None, None, "A", "NN"))
        asked = Span("X", start0, end0, variant_type=kind, min_length=least, max_length=most,
                     alt=alt)  # fmt: skip

        def fits(one: Row, asked: Span = asked) -> bool:
            kinds = {"INDEL": {"INS", "DEL"}}.get(asked.variant_type or "", {asked.variant_type})
            return (
                one.rank == 23
                and one.start0 < asked.end0
                and one.end0 > asked.start0
                and asked.start0 < asked.end0
                and (asked.variant_type is None or one.type in kinds)
                and (asked.min_length is None or one.length >= asked.min_length)
                and (asked.max_length is None or one.length <= asked.max_length)
                and (asked.alt is None or spelled(one, asked.alt))
            )

        found = keys(segment, asked)
        assert found == expected(rows, fits), asked
        answered += bool(found)
    assert answered > 30


def spelled(one: Row, pattern: str) -> bool:
    core = alleles.trimmed(Allele("1", one.start0, one.ref, one.alt))
    return any(alleles.bases_match(pattern, form) for form in (one.alt, core.alt))


def test_random_brackets_agree_with_a_plain_scan(segment: SqliteSegment, rows: list[Row]) -> None:
    chance = random.Random(2)  # noqa: S311 (seeded, so a failure repeats)
    answered = 0
    for _ in range(300):
        at = chance.randrange(REACH)
        starts = (at, at + chance.choice((1, 100, 5000, 30_000)))
        low = at + chance.choice((0, 1, 5, 999, 1000, 1001, 1002, 20_001))
        ends = (low, low + chance.choice((1, 2, 500, 5000)))
        asked = Span("1", 0, 0, starts=starts, ends=chance.choice((None, ends)))
        if chance.random() < 0.2:
            asked = Span("1", 0, 0, ends=ends)

        def fits(one: Row, asked: Span = asked) -> bool:
            first, last = asked.starts or (0, 10**9)
            low, high = asked.ends or (0, 10**9)
            return one.rank == 1 and first <= one.start0 < last and low <= one.end0 < high

        found = keys(segment, asked)
        assert found == expected(rows, fits), asked
        answered += bool(found)
    assert answered > 100


def test_every_allele_is_found_anchored_and_trimmed(
    segment: SqliteSegment, rows: list[Row]
) -> None:
    for one in rows[:600]:
        if one.alt.startswith("<"):
            continue
        stored = Allele(alleles.CHROMOSOMES[one.rank - 1], one.start0, one.ref, one.alt)
        core = alleles.trimmed(stored)
        same = expected(
            rows,
            lambda other, one=one, core=core: (  # type: ignore[misc]
                other.rank == one.rank
                and not other.alt.startswith("<")
                and alleles.trimmed(Allele(core.chrom, other.start0, other.ref, other.alt)) == core
            ),
        )
        assert "N" in one.alt or keys(segment, stored) == keys(segment, core) == same


def test_every_allele_is_found_by_its_own_id(segment: SqliteSegment) -> None:
    page = segment.variants(None, samples=None, skip=0, limit=10_000)
    for each in page.rows:
        found = segment.variants(ById(each.variant_id), samples=None, skip=0, limit=2)
        assert [one.row for one in found.rows] == [each.row]
    assert len({each.variant_id for each in page.rows}) == page.total


@pytest.mark.parametrize("name", ["", "1", "1-", "1-x-A-C", "1-0-A-C", "1-99999999999-A-C", "--"])
def test_an_id_that_is_none_finds_nothing(segment: SqliteSegment, name: str) -> None:
    assert keys(segment, ById(name)) == []


def test_people_and_variants_agree_both_ways(segment: SqliteSegment, rows: list[Row]) -> None:
    chance = random.Random(3)  # noqa: S311 (seeded, so a failure repeats)
    for _ in range(60):
        start0 = chance.randrange(REACH)
        asked = Span("1", start0, start0 + chance.choice((10, 300, 20_000)))
        inside = [
            one for one in rows
            if one.rank == 1 and one.start0 < asked.end0 and one.end0 > asked.start0
        ]  # fmt: skip
        carrying = {
            int(p) for one in inside for p in (one.samples if one.samples is not None else ())
        }
        assert set(segment.carriers(asked)) == carrying
        chosen = BitMap(chance.sample(range(60), chance.choice((1, 5, 60))))
        theirs = [one for one in inside if set(map(int, one.samples)) & set(chosen)]  # type: ignore[arg-type]
        page = segment.variants(asked, samples=chosen, skip=0, limit=10_000)
        assert page.total == len(page.rows) == len(theirs)
    everyone = sum(len(one.samples) > 0 for one in rows)  # type: ignore[arg-type]
    for _ in range(2):  # the second time from memory
        page = segment.variants(None, samples=BitMap(range(60)), skip=0, limit=0)
        assert page.total == everyone
    assert segment.variants(None, samples=BitMap(), skip=0, limit=5).total == 0


def test_calls_come_back_in_sample_order(segment: SqliteSegment, rows: list[Row]) -> None:
    texts = {22: "0/1", 31: "1|1"}
    by_key = {key(one): one for one in rows}
    for each in segment.variants(None, samples=None, skip=0, limit=300).rows:
        rank = alleles.RANKS[each.allele.chrom]
        one = by_key[rank, each.allele.start0, each.allele.ref, each.allele.alt, each.end0]
        assert one.samples is not None
        assert one.genotypes is not None
        pairs = zip(one.samples.tolist(), one.genotypes.tolist(), strict=True)
        assert list(segment.calls(each.row, limit=100)) == [(f"P{s}", texts[c]) for s, c in pairs]
        assert each.carriers == len(one.samples)


V600E = AminoacidChange("V600E")
NOTE = Annotations(
    *(("BRAF", "Braf2"), ("SO:0001583",), ("V600E", "L5P"), ("ENST01:c.1799T>A",)),
    *(("ENSP01:p.Val600Glu",), ("BRAF", "Braf2")),
)


@pytest.fixture
def annotated(tmp_path: Path) -> SqliteSegment:
    counts = [PopulationCount("afr", 1, 20, 0.05), PopulationCount("eur", None, None, 0.25)]
    return segment_of(
        tmp_path,
        [
            row((7, 100, 101), ("T", "A"), "SNP", identifiers=("rs113488022",), annotations=NOTE,
                populations=counts, homozygotes=0),
            row((7, 100, 101), ("T", "C"), "SNP", identifiers=("rs113488022", "clinvar:13961")),
            row((7, 200, 203), ("TCA", "T"), "DEL", length=2, annotations=Annotations(("BRAF",))),
            row((7, 300, 301), ("G", "C"), "SNP"),
        ],
        genes="annotation",
        aminoacid_changes=True,
    )  # fmt: skip


def starts(segment: SqliteSegment, asked: VariantQuestion) -> list[tuple[int, str]]:
    page = segment.variants(asked, samples=None, skip=0, limit=9)
    return [(each.allele.start0, each.allele.alt) for each in page.rows]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (InGene("BRAF"), [(100, "A"), (200, "T")]),
        (InGene("braf"), [(100, "A"), (200, "T")]),
        (InGene("BRAF", variant_type="DEL"), [(200, "T")]),
        (InGene("BRAF", max_length=1), [(100, "A")]),
        (InGene("BRAF", min_length=2), [(200, "T")]),
        (InGene("BRAF", ref="T", alt="A"), [(100, "A")]),
        (InGene("BRAF2"), [(100, "A")]),
        (InGene("KRAS"), []),
        (AminoacidChange("V600E"), [(100, "A")]),
        (AminoacidChange("V600E", "BRAF"), [(100, "A")]),
        (AminoacidChange("V600E", "KRAS"), []),
        (AminoacidChange("V600E", "BRAF2"), []),
        (AminoacidChange("L5P", "braf2"), [(100, "A")]),
        (AminoacidChange("L5P", "BRAF"), []),
        (AminoacidChange("V600K"), []),
        (ChangeWithin(V600E, Span("7", 100, 101)), [(100, "A")]),
        (ChangeWithin(V600E, Span("7", 90, 101)), [(100, "A")]),
        (ChangeWithin(V600E, Span("7", 101, 301)), []),
        (ChangeWithin(V600E, Span("1", 100, 101)), []),
        (ChangeWithin(V600E, Span("7", 100, 100)), []),
        (ChangeWithin(V600E, Span("7", 100, 101, max_length=1)), [(100, "A")]),
        (ChangeWithin(V600E, Span("7", 100, 101, min_length=2)), []),
        (ChangeWithin(V600E, Span("7", 100, 101, variant_type="DEL")), []),
        (ChangeWithin(V600E, Span("7", 100, 101, variant_type="SNP")), [(100, "A")]),
        (ChangeWithin(V600E, Span("7", 100, 101, alt="C")), []),
        (ChangeWithin(V600E, Span("7", 0, 0, starts=(99, 101), ends=(101, 102))), [(100, "A")]),
        (ChangeWithin(V600E, Span("7", 0, 0, starts=(101, 102), ends=(101, 102))), []),
        (ChangeWithin(AminoacidChange("V600E", "braf"), Span("7", 0, 999)), [(100, "A")]),
        (ChangeWithin(AminoacidChange("V600E", "BRAF2"), Span("7", 0, 999)), []),
        (ChangeWithin(AminoacidChange("V600K"), Span("7", 0, 999)), []),
        (ChangeWithin(V600E, InGene("BRAF", max_length=1)), [(100, "A")]),
        (ChangeWithin(V600E, InGene("BRAF", variant_type="DEL")), []),
        (ChangeWithin(V600E, InGene("KRAS")), []),
        (ByIdentifier("rs113488022"), [(100, "A"), (100, "C")]),
        (ByIdentifier("RS113488022"), [(100, "A"), (100, "C")]),
        (ByIdentifier("rs1"), []),
        (ByIdentifier("clinvar:13961"), [(100, "C")]),
        (ByIdentifier("VCV000013961.5"), [(100, "C")]),
        (ByIdentifier("enst01:c.1799t>a"), [(100, "A")]),
        (ByIdentifier("ENSP01:p.V600E"), [(100, "A")]),
        (ByIdentifier("ENSP01:p.(Val600Glu)"), [(100, "A")]),
    ],
)
def test_names_find_what_is_annotated(
    annotated: SqliteSegment, asked: VariantQuestion, found: list[tuple[int, str]]
) -> None:
    assert annotated.supports(asked)
    assert starts(annotated, asked) == found


def test_a_record_tells_its_annotations_and_populations(annotated: SqliteSegment) -> None:
    one, two, *_ = annotated.variants(None, samples=None, skip=0, limit=9).rows
    assert one.annotations == NOTE
    assert (one.identifiers, two.identifiers) == (
        ("rs113488022",),
        ("rs113488022", "clinvar:13961"),
    )
    assert [each.population for each in one.populations] == ["afr", "eur"]
    assert one.populations[1].frequency == 0.25
    assert (one.homozygotes, two.homozygotes, one.hemizygotes, one.carriers) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "asked",
    [
        InGene("BRAF"),
        AminoacidChange("V600E"),
        ChangeWithin(V600E, Span("1", 5, 6)),
        ChangeWithin(V600E, InGene("BRAF")),
        ByIdentifier("rs1"),
        ByIdentifier("NM_1.1:c.5A>T"),
        ByIdentifier("anything"),
    ],
)
def test_what_cannot_be_evaluated_is_unsupported_and_never_no(
    tmp_path: Path, asked: VariantQuestion
) -> None:
    plain = segment_of(tmp_path, [row((1, 5, 6), ("A", "C"), "SNP")])
    assert not plain.supports(asked)
    with pytest.raises(UnsupportedQuestion):
        plain.variants(asked, samples=None, skip=0, limit=1)


def test_sites_without_genotypes_cannot_say_who_carries(tmp_path: Path) -> None:
    plain = segment_of(tmp_path, [row((1, 5, 6), ("A", "C"), "SNP")])
    with pytest.raises(UnsupportedQuestion):
        plain.carriers(Allele("1", 5, "A", "C"))
    with pytest.raises(UnsupportedQuestion):
        plain.variants(None, samples=BitMap([0]), skip=0, limit=1)
    assert plain.calls(0, limit=5) == ()


def test_a_segment_without_variants_answers(tmp_path: Path) -> None:
    empty = segment_of(tmp_path, [])
    for asked in (None, Span("1", 0, 10**8), Allele("1", 1, "A", "C"), ById("1-1-A-C")):
        assert empty.variants(asked, samples=None, skip=0, limit=5).total == 0
