from __future__ import annotations

import dataclasses
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from beacon.catalog import Allele, AnyOf, Compare, HasTerm, Segment, Span
from beacon.errors import CatalogError, SourceRefused
from beacon.loading.genotypes import text as genotype_text
from beacon.loading.load import DatasetSource, check, load
from beacon.segment.variant_rows import variant_id
from beacon.segments import SegmentCatalog
from tests.support.sources import HEADER, write_records, write_vcf

PEOPLE: list[dict[str, Any]] = [
    {"id": "P1", "sex": {"id": "NCIT:C16576", "label": "female"}},
    {"id": "P2", "sex": {"id": "NCIT:C20197", "label": "male"}},
    {"id": "P3", "sex": {"id": "NCIT:C20197", "label": "male"}},
]
SAMPLES = ("P1", "P2", "P3")
LINES = (
    "101 rs1 A G . 0|1 1|1 0|0",
    "201 . A C,AT . 1|2 0/1 ./1",
    "301 rs3;rs4 G T . 0/0 . 0|0",
    "401 . N <DEL> END=500 0/1 0/0 0/0",
    "501 . T *,<INS:ME:ALU> . 1/2 0/0 0/0",
    "601 . C T . 1 0|0|1 0",
)


@pytest.fixture
def source(tmp_path: Path) -> DatasetSource:
    vcf = write_vcf(tmp_path / "a.vcf.gz", LINES, samples=SAMPLES)
    return DatasetSource(
        *("small", "Small", "", "GRCh38", (vcf,)),
        individuals=write_records(tmp_path / "individuals.json", PEOPLE),
    )


def loaded(source: DatasetSource, folder: Path) -> Segment:
    load(source, folder)
    return SegmentCatalog(folder).snapshot()[source.id]


def refused(source: DatasetSource, folder: Path) -> str:
    """The problems as text, after seeing that nothing was left behind."""
    with pytest.raises(SourceRefused) as caught:
        load(source, folder)
    left = [path.name for path in folder.iterdir()] if folder.exists() else []
    assert [name for name in left if not name.endswith(".lock")] == []
    return "\n".join(str(problem) for problem in caught.value.problems)


def calls(segment: Segment, asked: Allele) -> list[tuple[str, str]]:
    (row,) = segment.variants(asked, samples=None, skip=0, limit=2).rows
    return list(segment.calls(row.row, limit=10))


def test_genotypes_come_back_as_they_were_called(source: DatasetSource, tmp_path: Path) -> None:
    segment = loaded(source, tmp_path / "catalog")
    assert calls(segment, Allele("1", 100, "A", "G")) == [("P1", "0|1"), ("P2", "1|1")]
    assert calls(segment, Allele("1", 200, "A", "C")) == [
        *(("P1", "1|0"), ("P2", "0/1"), ("P3", "./1"))
    ]
    assert calls(segment, Allele("1", 200, "A", "AT")) == [("P1", "0|1")]
    assert [name for name, _ in calls(segment, Allele("1", 600, "C", "T"))] == ["P1", "P2"]


def test_missing_calls_count_neither_as_carriers_nor_as_alleles(
    source: DatasetSource, tmp_path: Path
) -> None:
    segment = loaded(source, tmp_path / "catalog")
    asked = Allele("1", 300, "G", "T")
    assert segment.variants(asked, samples=None, skip=0, limit=1).total == 0
    (row,) = segment.variants(Span("1", 300, 301), samples=None, skip=0, limit=1).rows
    assert (row.allele_count, row.allele_number, row.carriers) == (0, 4, 0)
    assert row.identifiers == ("rs3", "rs4")
    (row,) = segment.variants(Allele("1", 200, "A", "C"), samples=None, skip=0, limit=1).rows
    assert (row.allele_count, row.allele_number) == (3, 5)


def test_a_symbolic_deletion_reaches_to_its_end(source: DatasetSource, tmp_path: Path) -> None:
    segment = loaded(source, tmp_path / "catalog")
    page = segment.variants(Span("1", 499, 500), samples=None, skip=0, limit=5)
    assert [(row.variant_type, row.end0) for row in page.rows] == [("DEL", 500)]
    beside = Span("1", 500, 501, variant_type="DEL")
    assert segment.variants(beside, samples=None, skip=0, limit=5).total == 0
    asked = Span("1", 0, 1000, variant_type="EFO:0030067", min_length=99, max_length=99)
    assert segment.variants(asked, samples=None, skip=0, limit=5).total == 1


def test_a_long_deletion_is_found_from_its_far_end(tmp_path: Path) -> None:
    lines = ["1001 . N <DEL> END=900000 0/1", "1001 . N <DEL> END=2000 0/1", "5000 . A C . 0/1"]
    vcf = write_vcf(tmp_path / "a.vcf.gz", lines, samples=("P1",))
    segment = loaded(DatasetSource("d", "D", "", "GRCh38", (vcf,)), tmp_path / "catalog")
    for start0, end0, expected in ((899_999, 900_000, 1), (900_000, 900_001, 0), (0, 10_000, 3)):
        assert segment.variants(Span("1", start0, end0), samples=None, skip=0, limit=0).total == (
            expected
        )


def test_what_is_left_out_is_counted_by_reason(source: DatasetSource, tmp_path: Path) -> None:
    told: dict[str, int] = {}
    load(source, tmp_path / "catalog", progress=told.__setitem__)
    left_out = {what: count for what, count in told.items() if what.startswith("left out")}
    assert list(left_out.values()) == [1]


def test_samples_belong_to_people_through_biosamples(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf.gz", ["101 . A G . 0/1 0/1"], samples=("S1", "S2"))
    biosamples = [{"id": "S1", "individualId": "P1"}, {"id": "S2", "individualId": "P1"}]
    source = DatasetSource(
        *("d", "D", "", "GRCh38", (vcf,)),
        individuals=write_records(tmp_path / "i.json", PEOPLE),
        biosamples=write_records(tmp_path / "b.json", biosamples),
        runs=write_records(tmp_path / "r.json", [{"id": "R1", "biosampleId": "S2"}]),
    )
    segment = loaded(source, tmp_path / "catalog")
    (row,) = segment.variants(Allele("1", 100, "A", "G"), samples=None, skip=0, limit=1).rows
    assert (row.carriers, row.allele_count) == (1, 2)
    samples = segment.matching("genomicVariant", [HasTerm("NCIT:C16576")])
    assert segment.entries("run", samples=samples, skip=0, limit=5)[0] == 1


def test_a_share_of_a_cohort_holds_only_its_people(source: DatasetSource, tmp_path: Path) -> None:
    cohort = {
        "id": "c",
        "name": "C",
        "ids": ["P1", "P3"],
        "cohortSize": 3,
        "collectionEvents": [{}],
    }
    share = dataclasses.replace(
        source,
        keep_people=frozenset({"P3"}),
        reference="own",
        cohorts=write_records(tmp_path / "c.json", [cohort]),
    )
    segment = loaded(share, tmp_path / "catalog")
    assert (segment.facts.people, segment.facts.variants) == (1, 1)
    assert segment.entry("individual", "P1") is None
    assert segment.person_number("P1") is None
    (row,) = segment.variants(None, samples=None, skip=0, limit=9).rows
    assert (row.allele_count, row.allele_number) == (1, 1)
    assert row.reference_af == pytest.approx(3 / 5)
    stated = {"id": "c", "name": "C", "cohortSize": 1}
    assert segment.entry("cohort", "c") == stated


def test_a_share_with_nobody_in_it_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    nobody = dataclasses.replace(source, keep_people=frozenset())
    assert "at least one person" in refused(nobody, tmp_path / "catalog")


@pytest.mark.parametrize("lost", [1, 28, 40, 200])
def test_a_truncated_file_is_refused(source: DatasetSource, tmp_path: Path, lost: int) -> None:
    whole = source.vcfs[0].read_bytes()
    source.vcfs[0].write_bytes(whole[:-lost])
    assert "cut off" in refused(source, tmp_path / "catalog")
    assert "cut off" in str(check(source)[0])


def test_a_damaged_block_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    damaged = bytearray(source.vcfs[0].read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    source.vcfs[0].write_bytes(bytes(damaged))
    assert "damaged" in refused(source, tmp_path / "catalog")


def test_a_plain_gzip_cut_short_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    text = gzip.decompress(source.vcfs[0].read_bytes())
    source.vcfs[0].write_bytes(gzip.compress(text)[:-9])
    assert "cut off" in refused(source, tmp_path / "catalog")


@pytest.mark.parametrize("text", [b"", b"not a variant file\n", b"##fileformat=VCFv4.3\n"])
def test_what_is_not_a_variant_file_is_refused(
    source: DatasetSource, tmp_path: Path, text: bytes
) -> None:
    path = tmp_path / "odd.vcf"
    path.write_bytes(text)
    odd = dataclasses.replace(source, vcfs=(path,))
    assert "odd.vcf" in refused(odd, tmp_path / "catalog")


def test_a_missing_file_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    missing = dataclasses.replace(source, vcfs=(tmp_path / "none.vcf.gz",))
    assert "none.vcf.gz" in refused(missing, tmp_path / "catalog")


def test_a_file_of_another_assembly_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    other = dataclasses.replace(source, assembly="hg19")
    assert "the header says GRCh38" in refused(other, tmp_path / "catalog")


def test_a_header_that_contradicts_itself_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    header = HEADER.replace("##INFO", "##reference=hs37d5.fa\n##INFO")
    vcf = write_vcf(tmp_path / "b.vcf.gz", LINES, samples=SAMPLES, header=header)
    both = dataclasses.replace(source, vcfs=(vcf,))
    assert "one assembly" in refused(both, tmp_path / "catalog")


@pytest.mark.parametrize("length", [247249719, 248387328])  # NCBI36's, CHM13's
def test_a_file_of_an_assembly_that_is_neither_is_refused(
    source: DatasetSource, tmp_path: Path, length: int
) -> None:
    """Its header tells by a chromosome that is almost as long as theirs."""
    header = HEADER.replace("248956422", str(length))
    write_vcf(source.vcfs[0], LINES, samples=SAMPLES, header=header)
    problem = refused(source, tmp_path / "catalog")
    assert f"header: expected GRCh37 or GRCh38, whose chromosome 1 is not of {length}" in problem


@pytest.mark.parametrize(
    "stated", ["length=200000", "length=x", "assembly=GRCh38,length=248387328"]
)
def test_a_length_that_tells_nothing_is_let_pass(
    source: DatasetSource, tmp_path: Path, stated: str
) -> None:
    """A cut-out of a chromosome, or a header that says which assembly it is."""
    header = HEADER.replace("length=248956422", stated)
    write_vcf(source.vcfs[0], LINES, samples=SAMPLES, header=header)
    assert loaded(source, tmp_path / "catalog").facts.variants


def test_an_unknown_assembly_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    unknown = dataclasses.replace(source, assembly="T2T")
    assert "assembly" in refused(unknown, tmp_path / "catalog")


def test_an_allele_that_comes_twice_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    twice = dataclasses.replace(source, vcfs=source.vcfs * 2)
    assert "1:101" in refused(twice, tmp_path / "catalog")


def test_the_same_allele_at_two_anchors_is_kept_and_found_twice(tmp_path: Path) -> None:
    lines = ["101 . A AC . 0/1 0/0", "101 . AG ACG . 0/0 0/1"]
    vcf = write_vcf(tmp_path / "a.vcf.gz", lines, samples=("P1", "P2"))
    segment = loaded(DatasetSource("d", "D", "", "GRCh38", (vcf,)), tmp_path / "catalog")
    assert len(segment.carriers(Allele("1", 101, "", "C"))) == 2


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({"id": "P1"}, "a JSON array"),
        (["P1"], "record 1, expected a JSON object"),
        ([{"name": "P1"}], "record 1, id"),
        ([{"id": 7}], "record 1, id"),
        ([{"id": ""}], "record 1, id"),
        ([{"id": "x" * 201}], "record 1, id"),
        ([{"id": "P1"}, {"id": "P1"}], "record 2 (P1), id"),
        ([{"id": "P1", "sex": {"id": "PATO 11", "label": "x"}}], "record 1 (P1), sex.id"),
        ([{"id": "P1", "sex": {"label": "x"}}], "record 1 (P1), sex.id"),
        (
            [{"id": "P1", "diseases": [{"diseaseCode": {"id": "A:1,A:2", "label": "x"}}]}],
            "diseases.diseaseCode.id",
        ),
        (
            [{"id": "P1", "phenotypicFeatures": [{"excluded": "TRUE"}]}],
            "phenotypicFeatures.excluded",
        ),
    ],
)
def test_a_wrong_record_is_named_with_its_field(
    source: DatasetSource, tmp_path: Path, records: object, expected: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(records))
    text = refused(dataclasses.replace(source, individuals=path), tmp_path / "catalog")
    assert text.startswith("wrong.json")
    assert expected in text.replace(":", ",", 1)


@pytest.mark.parametrize("content", [b"[{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_refused(source: DatasetSource, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.json"
    path.write_bytes(content)
    assert "JSON" in refused(dataclasses.replace(source, individuals=path), tmp_path / "catalog")


def test_only_the_first_problems_are_listed(source: DatasetSource, tmp_path: Path) -> None:
    path = write_records(tmp_path / "wrong.json", [{"id": ""}] * 500)
    assert len(check(dataclasses.replace(source, individuals=path))) == 20


def test_a_reference_to_nobody_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    path = write_records(tmp_path / "b.json", [{"id": "S1", "individualId": "P9"}])
    text = refused(dataclasses.replace(source, biosamples=path), tmp_path / "catalog")
    assert "record 1 (S1), individualId" in text


def test_a_failed_load_leaves_the_version_before(source: DatasetSource, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    before = loaded(source, folder).facts
    source.vcfs[0].write_bytes(source.vcfs[0].read_bytes()[:-28])
    with pytest.raises(SourceRefused):
        load(source, folder)
    assert SegmentCatalog(folder).snapshot()["small"].facts == before


def test_a_new_version_is_served_after_refresh_and_not_within_a_request(
    source: DatasetSource, tmp_path: Path
) -> None:
    load(source, tmp_path / "catalog")
    catalog = SegmentCatalog(tmp_path / "catalog")
    during = catalog.snapshot()
    load(dataclasses.replace(source, name="Renamed"), tmp_path / "catalog")
    assert catalog.snapshot()["small"].facts.name == "Small"
    assert len(list((tmp_path / "catalog").glob("*.segment"))) == 2
    catalog.refresh()
    assert catalog.snapshot()["small"].facts.name == "Renamed"
    assert during["small"].variants(None, samples=None, skip=0, limit=1).total == 7


def test_the_same_content_has_the_same_version(source: DatasetSource, tmp_path: Path) -> None:
    first = load(source, tmp_path / "one").version
    moved = source.vcfs[0].rename(tmp_path / "other.vcf.gz")
    assert load(dataclasses.replace(source, vcfs=(moved,)), tmp_path / "two").version == first


def test_a_segment_cut_short_is_not_served(source: DatasetSource, tmp_path: Path) -> None:
    load(source, tmp_path / "catalog")
    (path,) = (tmp_path / "catalog").glob("*.segment")
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(CatalogError):
        SegmentCatalog(tmp_path / "catalog")


def test_a_segment_is_not_readable_by_others(source: DatasetSource, tmp_path: Path) -> None:
    load(source, tmp_path / "catalog")
    (path,) = (tmp_path / "catalog").glob("*.segment")
    assert path.stat().st_mode & 0o077 == 0


def test_a_hierarchy_widens_a_term_to_those_below(source: DatasetSource, tmp_path: Path) -> None:
    table = tmp_path / "terms.tsv"
    table.write_text("NCIT:C16576\tfemale\tNCIT:C1\nNCIT:C1\tsex\t\nNCIT:C2\tunused\t\n")
    segment = loaded(dataclasses.replace(source, hierarchies=(table,)), tmp_path / "catalog")
    assert len(segment.people([HasTerm("NCIT:C1")])) == 1
    assert len(segment.people([HasTerm("NCIT:C1", descendants=False)])) == 0
    assert len(segment.people([HasTerm("NCIT:C2")])) == 0
    assert segment.knows(AnyOf((HasTerm("NCIT:C2"), Compare("sex", "=", "x"))))


def test_a_missing_hierarchy_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    missing = dataclasses.replace(source, hierarchies=(tmp_path / "none.obo",))
    assert "none.obo" in refused(missing, tmp_path / "catalog")


def test_metadata_that_is_not_json_is_refused(source: DatasetSource, tmp_path: Path) -> None:
    odd = dataclasses.replace(source, metadata={"createDateTime": object()})
    assert "metadata" in refused(odd, tmp_path / "catalog")


def test_long_alleles_have_short_ids_of_their_own() -> None:
    one, two = (variant_id(Allele("1", 9, "A" * n, "G"), 9 + n) for n in (100, 101))
    assert one != two
    assert max(len(one), len(two)) < 60


def test_an_unknown_genotype_code_is_empty() -> None:
    assert genotype_text(0) == ""


@pytest.mark.parametrize(
    "line",
    [
        "0 . A G . 0/1 0/0 0/0",
        "900000000 . A G . 0/1 0/0 0/0",
        "150 . A G . 0/7 0/0 0/0",
        "150 . A G . 0/1",
        "150 . A G . x/y 0/0 0/0",
        "abc . A G . 0/1 0/0 0/0",
    ],
)
def test_a_line_that_cannot_be_meant_refuses_the_file(
    source: DatasetSource, tmp_path: Path, line: str
) -> None:
    vcf = write_vcf(tmp_path / "bad.vcf.gz", [*LINES, line], samples=SAMPLES)
    bad = dataclasses.replace(source, vcfs=(vcf,))
    assert "bad.vcf.gz" in refused(bad, tmp_path / "catalog")


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_is_refused_or_changes_nothing(
    source: DatasetSource, tmp_path: Path, seed: int
) -> None:
    """Only the bits gzip ignores (time, system) may go unnoticed."""
    expected = load(source, tmp_path / "whole")
    damaged = bytearray(source.vcfs[0].read_bytes())
    chance = random.Random(seed)  # noqa: S311 (seeded, so a failure repeats)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    source.vcfs[0].write_bytes(bytes(damaged))
    try:
        facts = load(source, tmp_path / "catalog")
    except SourceRefused:
        return
    assert dataclasses.replace(facts, version=expected.version) == expected


@pytest.mark.parametrize("seed", range(60))
def test_garbled_text_is_refused_or_loaded_but_never_breaks(
    source: DatasetSource, tmp_path: Path, seed: int
) -> None:
    text = bytearray(gzip.decompress(source.vcfs[0].read_bytes()))
    chance = random.Random(seed)  # noqa: S311 (seeded, so a failure repeats)
    body = text.index(b"#CHROM")
    for _ in range(chance.randrange(1, 6)):
        text[chance.randrange(body, len(text) - 1)] = chance.choice(
            b"\t\n:;/|.0129ACGT<>*=-\x00\xff"
        )
    path = tmp_path / "garbled.vcf"
    path.write_bytes(bytes(text))
    garbled = dataclasses.replace(source, vcfs=(path,))
    try:
        facts = load(garbled, tmp_path / "catalog")
    except SourceRefused:
        return
    segment = SegmentCatalog(tmp_path / "catalog").snapshot()["small"]
    assert segment.variants(None, samples=None, skip=0, limit=99).total == facts.variants
