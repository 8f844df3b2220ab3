from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from pyroaring import BitMap

from beacon.catalog import (
    Allele,
    AnyOf,
    ById,
    Compare,
    HasTerm,
    Predicate,
    Segment,
    Span,
    VariantQuestion,
)
from beacon.errors import CatalogError, UnsupportedFilter, UnsupportedVariantType
from beacon.loading.load import DatasetSource, load
from beacon.segment.blocks import FORMAT
from beacon.segments import SegmentCatalog, SqliteSegment
from tests.support import small_segment
from tests.support.oracle import Oracle, OracleAllele, has_term, measured
from tests.support.shared import shared_data

FEMALE, MALE, G35, E10 = "NCIT:C16576", "NCIT:C20197", "ICD10:G35", "ICD10:E10"
BMI = "LOINC:35925-4"


@pytest.fixture(scope="module")
def files() -> tuple[Path, Path]:
    data = shared_data("beacon")
    return data / "1000g/test_1000G.b37.chr1.vcf.gz", data / "cineca-uk1"


@pytest.fixture(scope="module")
def uk1(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Segment:
    vcf, folder = files
    source = DatasetSource(
        *("uk1", "UK1", "synthetic", "hg19", (vcf,)),
        individuals=folder / "individuals.json.gz",
        biosamples=folder / "biosamples.json.gz",
        runs=folder / "runs.json.gz",
        analyses=folder / "analyses.json.gz",
        cohorts=folder / "cohorts.json",
        reference="own",
    )
    catalog = tmp_path_factory.mktemp("catalog")
    load(source, catalog)
    return SegmentCatalog(catalog).snapshot()["uk1"]


@pytest.fixture(scope="module")
def oracle(files: tuple[Path, Path]) -> Oracle:
    return Oracle(files[0], files[1] / "individuals.json.gz")


def count(segment: Segment, question: VariantQuestion, samples: BitMap | None = None) -> int:
    return segment.variants(question, samples=samples, skip=0, limit=0).total


@pytest.mark.parametrize(
    ("predicates", "expected"),
    [
        ((), 2504),
        ((HasTerm(FEMALE),), 1271),
        ((HasTerm(MALE),), 1233),
        ((HasTerm(G35),), 125),
        ((HasTerm(G35), HasTerm(FEMALE)), 63),
        ((HasTerm(G35), HasTerm(FEMALE), HasTerm("GAZ:00002640")), 7),
        ((HasTerm(E10), HasTerm("ICD10:J45")), 8),
        ((AnyOf((HasTerm(E10), HasTerm("ICD10:J45"))),), 291),
        ((HasTerm(E10), HasTerm("ICD10:D50")), 7),
        ((HasTerm("NCIT:C67109"),), 1144),
        ((Compare(BMI, ">", "30"),), 642),
        ((Compare(BMI, ">=", "25"),), 1448),
        ((Compare("sex", "=", "Female"),), 1271),
        ((Compare("sex", "!", "female"),), 1233),
    ],
)
def test_people_have_the_published_counts(
    uk1: Segment, predicates: tuple[Predicate, ...], expected: int
) -> None:
    assert len(uk1.people(predicates)) == expected


@pytest.mark.parametrize(
    ("start0", "end0", "expected"),
    [
        (10000, 20000, 108),
        (50000, 60000, 137),
        (100000, 200000, 202),
        (10176, 10177, 1),
        (10177, 10178, 0),
        (10175, 10176, 0),
    ],
)
def test_ranges_have_the_published_counts(
    uk1: Segment, start0: int, end0: int, expected: int
) -> None:
    assert count(uk1, Span("1", start0, end0)) == expected


def test_an_allele_has_the_published_carriers(uk1: Segment) -> None:
    asked = Allele("1", 76853, "A", "G")
    (row,) = uk1.variants(asked, samples=None, skip=0, limit=10).rows
    carriers = uk1.owners(uk1.carriers(asked))
    narrowed = [len(carriers & uk1.people([HasTerm(term)])) for term in (FEMALE, G35, E10)]
    assert (row.carriers, row.allele_count, len(carriers), *narrowed) == (140, 170, 140, 68, 9, 5)


@pytest.mark.parametrize("asked", [Allele("1", 10176, "A", "AC"), Allele("1", 10177, "", "C")])
def test_an_insertion_is_found_anchored_and_trimmed(uk1: Segment, asked: Allele) -> None:
    (row,) = uk1.variants(asked, samples=None, skip=0, limit=10).rows
    assert (row.carriers, row.allele_count) == (1810, 2130)
    assert row.variant_id == "1-10177-A-AC"
    assert row.identifiers == ("rs367896724",)


def test_alleles_have_the_published_types_and_rarity(uk1: Segment) -> None:
    rows = uk1.variants(None, samples=None, skip=0, limit=5000).rows
    kinds = [row.variant_type for row in rows]
    # One of the 996 is written with an extra base; published as 995 and one other.
    assert [kinds.count(kind) for kind in ("SNP", "DEL", "INS")] == [996, 37, 11]
    carriers = [row.carriers for row in rows if row.carriers is not None]
    assert (carriers.count(1), sum(c < 5 for c in carriers), carriers.count(0)) == (401, 654, 1)
    assert len(rows) == uk1.facts.variants == 1044
    assert [row.row for row in rows] == list(range(1044))
    frequencies = [row.allele_count / row.allele_number for row in rows]
    assert [row.reference_af for row in rows] == pytest.approx(frequencies, rel=1e-6)


def test_both_alleles_of_a_multi_allelic_line_are_there(uk1: Segment) -> None:
    for start0 in (13288, 15273, 54711, 66380):
        assert count(uk1, Span("1", 0, 0, starts=(start0, start0 + 1))) == 2


def test_every_allele_agrees_with_a_plain_reading_of_the_file(uk1: Segment, oracle: Oracle) -> None:
    expected = {each.key: each for each in oracle.alleles}
    rows = uk1.variants(None, samples=None, skip=0, limit=5000).rows
    assert len(expected) == len(rows)
    for row in rows:
        allele = row.allele
        theirs = expected[allele.chrom, allele.start0, allele.ref, allele.alt]
        assert (row.allele_count, row.allele_number) == (theirs.allele_count, theirs.allele_number)
        assert tuple(uk1.calls(row.row, limit=5000)) == theirs.calls


def test_random_ranges_agree_with_a_plain_reading(uk1: Segment, oracle: Oracle) -> None:
    chance = random.Random(20261121)  # noqa: S311 (seeded, so a failure repeats)
    for _ in range(200):
        start0 = chance.randrange(9_000, 200_000)
        end0 = start0 + chance.choice((1, 2, 10, 500, 20_000))
        women = chance.random() < 0.5
        expected = oracle.overlapping(start0, end0)
        who = frozenset(oracle.people(has_term(FEMALE))) if women else None
        if who is not None:
            expected = [each for each in expected if each.carriers & who]
        samples = uk1.matching("genomicVariant", [HasTerm(FEMALE)]) if women else None
        page = uk1.variants(Span("1", start0, end0), samples=samples, skip=0, limit=9999)
        assert page.total == len(page.rows) == len(expected)
        keys = [(r.allele.chrom, r.allele.start0, r.allele.ref, r.allele.alt) for r in page.rows]
        assert keys == sorted(each.key for each in expected)


def test_random_joins_agree_with_a_plain_reading(uk1: Segment, oracle: Oracle) -> None:
    chance = random.Random(7)  # noqa: S311 (seeded, so a failure repeats)
    terms = [FEMALE, MALE, G35, E10, "ICD10:J45", "NCIT:C67109", "GAZ:00002640"]
    groups = {term: oracle.people(has_term(term)) for term in terms}
    for _ in range(150):
        allele: OracleAllele = chance.choice(oracle.alleles)
        term, limit = chance.choice(terms), chance.uniform(18, 45)
        heavy = oracle.people(measured(BMI, limit.__gt__))
        expected = allele.carriers & groups[term] & heavy
        people = uk1.people([HasTerm(term), Compare(BMI, "<", repr(limit))])
        found = uk1.owners(uk1.carriers(Allele(*allele.key))) & people
        assert len(found) == len(expected)
        assert found == BitMap(uk1.person_number(name) or 0 for name in expected)


def test_brackets_ask_for_start_and_end_in_their_windows(uk1: Segment, oracle: Oracle) -> None:
    asked = Span("1", 0, 0, starts=(50_000, 60_000), ends=(55_000, 56_000))
    expected = [
        each
        for each in oracle.alleles
        if 50_000 <= each.start0 < 60_000 and 55_000 <= each.start0 + len(each.ref) < 56_000
    ]
    assert count(uk1, asked) == len(expected) > 0


def test_type_bases_and_length_narrow_a_range(uk1: Segment) -> None:
    assert count(uk1, Span("1", 0, 10**9, variant_type="DEL")) == 37
    assert count(uk1, Span("1", 10_000, 11_000, alt="AC")) == 1
    assert count(uk1, Span("1", 10_176, 10_177, ref="N", alt="NN")) == 1
    assert count(uk1, Span("1", 10_176, 10_177, min_length=2)) == 0
    assert count(uk1, Span("1", 10_176, 10_177, max_length=1)) == 1


def test_n_in_an_allele_matches_any_one_base(uk1: Segment) -> None:
    assert count(uk1, Allele("1", 76853, "N", "G")) == 1
    assert count(uk1, Allele("1", 76853, "A", "NN")) == 0


@pytest.mark.parametrize(
    "asked",
    [
        Allele("1", 76853, "A", "C"),
        Allele("1", 76853, "C", "G"),
        Allele("1", 76854, "A", "G"),
        Allele("2", 76853, "A", "G"),
        Allele("unknown", 76853, "A", "G"),
        Span("X", 0, 10**9),
        Span("1", 10**30, 10**31),
        Span("1", 0, 10**9, alt="*"),
        Span("1", 0, 10**9, alt="[ACGT]"),
        ById("1-1-A-C"),
    ],
)
def test_what_is_not_there_is_not_found(uk1: Segment, asked: VariantQuestion) -> None:
    assert count(uk1, asked) == 0
    assert not uk1.carriers(asked)


def test_an_unknown_variant_type_is_refused_not_ignored(uk1: Segment) -> None:
    with pytest.raises(UnsupportedVariantType):
        count(uk1, Span("1", 0, 10**9, variant_type="SHRUG"))


def nested(depth: int) -> Predicate:
    inner: Predicate = HasTerm(FEMALE)
    for _ in range(depth):
        inner = AnyOf((inner,))
    return inner


@pytest.mark.parametrize(
    "predicate",
    [
        HasTerm("ICD10:Z99"),
        Compare("shoe size", "=", "42"),
        Compare(BMI, ">", "heavy"),
        Compare("sex", ">", "female"),
        AnyOf((HasTerm(FEMALE), HasTerm("ICD10:Z99"))),
        nested(50),
    ],
)
def test_a_filter_that_cannot_be_evaluated_is_refused(uk1: Segment, predicate: Predicate) -> None:
    with pytest.raises(UnsupportedFilter):
        uk1.people([predicate])


def test_a_segment_says_what_it_knows(uk1: Segment) -> None:
    assert uk1.knows(AnyOf((HasTerm(G35), Compare(BMI, ">", "1"))))
    assert not uk1.knows(AnyOf((HasTerm(G35), HasTerm("ICD10:Z99"))))
    assert not uk1.knows(Compare("id", "=", "HG00096"))


def test_terms_name_the_single_valued_field_they_come_from(uk1: Segment) -> None:
    fields = [uk1.term_field(term) for term in (FEMALE, "NCIT:C67109", "GAZ:00002640", G35, "x")]
    assert fields == ["sex", "ethnicity", "geographicOrigin", None, None]


def test_filtering_terms_list_what_people_have(uk1: Segment) -> None:
    terms = {(term.id, term.kind): term for term in uk1.terms()}
    assert terms[G35, "ontologyTerm"].people == 125
    assert terms[BMI, "alphanumeric"].label == "BMI"
    assert (FEMALE, "ontologyTerm") in terms
    assert not any("pedigree" in name or name == "id" for name, _ in terms)


def test_pages_follow_each_other_without_gap(uk1: Segment) -> None:
    asked = Span("1", 10_000, 20_000)
    whole = uk1.variants(asked, samples=None, skip=0, limit=200).rows
    pages = [uk1.variants(asked, samples=None, skip=n, limit=25).rows for n in range(0, 108, 25)]
    assert tuple(row for page in pages for row in page) == whole
    assert uk1.variants(asked, samples=None, skip=500, limit=25).rows == ()


def test_records_belong_to_the_people_asked_for(uk1: Segment) -> None:
    samples = uk1.matching("genomicVariant", [HasTerm(G35)])
    for entity in ("individual", "biosample", "run", "analysis"):
        total, page = uk1.entries(entity, samples=samples, skip=120, limit=10)
        assert (total, len(page)) == (125, 5)
    assert uk1.entries("cohort", samples=samples, skip=0, limit=1)[0] == 1
    assert uk1.entries("individual", samples=BitMap(), skip=0, limit=1) == (0, [])
    assert uk1.entries("cohort", samples=BitMap(), skip=0, limit=1) == (0, [])


def test_records_use_the_names_of_the_current_standard(uk1: Segment) -> None:
    record = uk1.entry("individual", "HG00096")
    assert record is not None
    assert "measurements" in record
    assert "measures" not in record
    assert uk1.entry("individual", "nobody") is None
    dataset: Mapping[str, object] | None = uk1.entry("dataset", "uk1")
    assert dataset == {"id": "uk1", "name": "UK1", "description": "synthetic"}


def test_a_cohort_never_lists_its_members(uk1: Segment) -> None:
    _, (cohort,) = uk1.entries("cohort", samples=None, skip=0, limit=1)
    assert "ids" not in cohort


def test_variants_are_not_entries(uk1: Segment) -> None:
    with pytest.raises(UnsupportedFilter):
        uk1.entries("genomicVariant", samples=None, skip=0, limit=1)


def test_an_empty_folder_is_an_empty_catalog(tmp_path: Path) -> None:
    assert SegmentCatalog(tmp_path).snapshot() == {}


@pytest.mark.parametrize("text", ["", "[]", '{"datasets": {"a": {}}}', '{"datasets": 3}'])
def test_a_broken_manifest_is_an_error_not_an_empty_catalog(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(CatalogError):
        SegmentCatalog(tmp_path)


def test_a_segment_of_another_releases_layout_is_refused_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    rows = [small_segment.row((1, 5, 6), ("A", "C"), "SNP")]
    small_segment.segment_of(tmp_path, rows).close()
    with closing(sqlite3.connect(tmp_path / "made.segment")) as db, db:
        db.execute("UPDATE facts SET value = ? WHERE name = 'format'", (str(FORMAT - 1),))
    with pytest.raises(CatalogError, match="does not read; load its files again"):
        SqliteSegment(tmp_path / "made.segment")
