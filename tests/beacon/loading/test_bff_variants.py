"""BFF `genomicVariations`: what each record becomes, and what is refused of it."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from beacon import withdrawals
from beacon.catalog import Allele, ById, PopulationCount, Segment, Span, VariantRow
from beacon.errors import Problem, SourceRefused
from beacon.loading import bff_variants, parquet
from beacon.loading.load import DatasetSource, check, load
from beacon.loading.records import Limits
from beacon.segments import SegmentCatalog
from beacon.variation.reference import Reference
from tests.support.bases import TextReference
from tests.support.shared import shared_data
from tests.support.sources import write_records, write_vcf

PEOPLE = [{"id": name} for name in ("P1", "P2", "P3")]
SAMPLES = [
    {"id": "S1", "individualId": "P1"},
    {"id": "S2", "individualId": "P2"},
    {"id": "S3", "individualId": "P3"},
    {"id": "P3", "individualId": "P2"},  # named as another person is
]
Record = dict[str, Any]


def located(start0: object, end0: object, sequence: object = "refseq:NC_000001.11") -> Record:
    number = {"type": "Number"}
    interval = {"type": "SequenceInterval", "start": {**number, "value": start0},
                "end": {**number, "value": end0}}  # fmt: skip
    return {"type": "SequenceLocation", "sequence_id": sequence, "interval": interval}


def legacy(start0: object, ref: object, alt: object, kind: object = "SNP", **more: Any) -> Record:
    """One that S1 carries."""
    length = len(ref) if isinstance(ref, str) and isinstance(start0, int) else 1
    end0 = start0 + length if isinstance(start0, int) else start0
    variation = {"variantType": kind, "referenceBases": ref, "alternateBases": alt,
                 "location": located(start0, end0)}  # fmt: skip
    return {"variantInternalId": "v", "variation": variation, "caseLevelData": [case("S1")]} | more


def case(sample: object, zygosity: object = None, **more: Any) -> Record:
    made: Record = {"biosampleId": sample, **more}
    return made if zygosity is None else made | {"zygosity": zygosity}


def varied(variation: Record) -> Record:
    return {"variation": variation, "caseLevelData": [case("S1")]}


def source(folder: Path, records: Sequence[object] | None = None, **more: Any) -> DatasetSource:
    path = folder / "genomicVariations.json"
    if records is not None:
        path.write_text(json.dumps(records), encoding="utf-8")
    given: dict[str, Any] = {
        "individuals": write_records(folder / "individuals.json", PEOPLE),
        "biosamples": write_records(folder / "biosamples.json", SAMPLES),
        "genomic_variations": (path,),
    }
    return DatasetSource("d", "D", "", "GRCh38", **given | more)


def loaded(made: DatasetSource, folder: Path) -> Segment:
    load(made, folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["d"]


def rows(segment: Segment) -> list[VariantRow]:
    asked = (Span(chrom, 0, 200_000_000) for chrom in segment.facts.chromosomes)
    pages = (segment.variants(each, people=None, skip=0, limit=100) for each in asked)
    return [row for page in pages for row in page.rows]


def one(folder: Path, record: Record, *, text: str | None = None) -> tuple[Segment, VariantRow]:
    bases: Reference | None = None if text is None else TextReference(text)
    segment = loaded(source(folder, [record], bases=bases), folder)
    (row,) = rows(segment)
    return segment, row


def refused(folder: Path, *records: object, **more: Any) -> str:
    """The problems as text; the dry run finds the same, and neither leaves anything."""
    made = source(folder, records, **more)
    with pytest.raises(SourceRefused) as caught:
        load(made, folder / "catalog")
    assert [str(each) for each in check(made)] == [str(each) for each in caught.value.problems]
    assert [p for p in (folder / "catalog").iterdir() if not p.name.endswith(".lock")] == []
    return "\n".join(str(each) for each in caught.value.problems)


# Alleles


@pytest.mark.parametrize(
    ("record", "variant", "kind", "end0"),
    [
        (legacy(4, "A", "G"), "1-5-A-G", "SNP", 5),
        (legacy(4, "a", "g", "SNV"), "1-5-A-G", "SNP", 5),
        (legacy(4, "AC", "GT", "MNP"), "1-5-AC-GT", "MNP", 6),
        (legacy(4, "A", "AC", "INDEL"), "1-5-A-AC", "INS", 5),
        (legacy(4, "ACG", "A", "DEL"), "1-5-ACG-A", "DEL", 7),
        (legacy(4, "AC", "ACG", "INS"), "1-5-AC-ACG", "INS", 6),
        (legacy(4, "ACG", "A", "SNP"), "1-5-ACG-A", "DEL", 7),  # the bases decide
        (legacy(4, "A", "<DEL>", "DEL") | {}, "", "", 0),
        (legacy(4, "G", "G]2:321]", "BND"), "1-5-G-G]2:321]", "BND", 5),
    ],
)
def test_a_legacy_variation_is_the_allele_its_bases_say(
    tmp_path: Path, record: Record, variant: str, kind: str, end0: int
) -> None:
    if not variant:
        record["variation"]["location"] = located(4, 90)
        variant, kind, end0 = "1-5-A-<DEL>", "DEL", 90
    _, row = one(tmp_path, record)
    assert (row.allele, row.variant_type, row.end0) == (
        Allele("1", 4, *variant.split("-", 3)[2:]), kind, end0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sequence",
    ["1", "chr1", "NC_000001.11", "ga4gh:SQ.Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO", "HGVSid:1:g.5A>G",
     "HGVSid:chr1:g.5A>G", "HGVSid:NC_000001.11:g.9A>G"],
)  # fmt: skip
def test_a_sequence_is_found_by_any_of_its_names(tmp_path: Path, sequence: str) -> None:
    record = legacy(4, "A", "G")
    record["variation"]["location"]["sequence_id"] = sequence
    _, row = one(tmp_path, record)
    assert row.allele == Allele("1", 4, "A", "G")


def test_a_gene_in_place_of_a_sequence_is_read_beside_it(tmp_path: Path) -> None:
    record = legacy(4, "A", "G", _position={"refseqId": "1"})
    record["variation"]["location"]["sequence_id"] = "HGVSid:ENSG00000186092:g.5A>G"
    assert one(tmp_path, record)[1].allele.chrom == "1"
    del record["_position"]
    (tmp_path / "other").mkdir()
    assert "sequence_id" in refused(tmp_path / "other", record)


def test_an_interval_that_counts_the_first_base_only_is_of_all_of_ref(tmp_path: Path) -> None:
    record = legacy(4, "ACG", "A")
    record["variation"]["location"] = located(4, 5)
    assert one(tmp_path, record)[1].end0 == 7


@pytest.mark.parametrize(
    ("kind", "stored"),
    [("DEL", "DEL"), ("DUP", "DUP"), ("INV", "INV"), ("CNV", "CNV"), ("EFO:0030067", "DEL"),
     ("SO:0001742", "DUP")],
)  # fmt: skip
@pytest.mark.parametrize("ref", ["", "N", None])
def test_a_change_without_bases_is_a_symbolic_allele(
    tmp_path: Path, kind: str, stored: str, ref: str | None
) -> None:
    """With the base in front the interval counts it too, as a node answers it itself."""
    record = legacy(0, "", "", kind)
    record["variation"]["location"] = located(99 if ref else 100, 200)
    record["variation"]["referenceBases"] = ref
    _, row = one(tmp_path, record)
    assert (row.allele, row.variant_type) == (Allele("1", 99, "N", f"<{stored}>"), stored)
    assert row.end0 == 200


@pytest.mark.parametrize(
    ("variation", "alt"),
    [
        ({"type": "CopyNumberChange", "copy_change": "efo:0030067"}, "<DEL>"),
        ({"type": "CopyNumberChange", "copy_change": "efo:0030072"}, "<DUP>"),
        ({"type": "RelativeCopyNumber", "relative_copy_class": "partial loss"}, "<DEL>"),
        ({"type": "CopyNumberCount", "copies": {"type": "Number", "value": 1}}, "<DEL>"),
        ({"type": "AbsoluteCopyNumber", "copies": {"type": "Number", "value": 4}}, "<DUP>"),
    ],
)
def test_a_copy_number_is_a_loss_or_a_gain(tmp_path: Path, variation: Record, alt: str) -> None:
    _, row = one(tmp_path, varied({**variation, "subject": located(10, 20)}))
    assert (row.allele, row.end0) == (Allele("1", 9, "N", alt), 20)


TEXT = "ACGTTTTGCA"


@pytest.mark.parametrize(
    ("place", "bases", "allele"),
    [
        ((1, 2), "T", Allele("1", 1, "C", "T")),
        ((3, 7), "TTT", Allele("1", 3, "TTTT", "TTT")),
        ((2, 2), "A", Allele("1", 1, "C", "CA")),
        ((7, 9), "", Allele("1", 6, "TGC", "T")),
    ],
)
def test_an_allele_of_vrs_takes_what_it_replaces_from_the_reference(
    tmp_path: Path, place: tuple[int, int], bases: str, allele: Allele
) -> None:
    state = {"type": "LiteralSequenceExpression", "sequence": bases}
    made = {"type": "Allele", "location": located(*place), "state": state}
    assert one(tmp_path, varied(made), text=TEXT)[1].allele == allele
    (tmp_path / "other").mkdir()
    assert "--sequences" in refused(tmp_path / "other", varied(made))


def test_an_insertion_in_front_of_nothing_takes_its_base_from_the_reference(
    tmp_path: Path,
) -> None:
    record = legacy(2, "-", "AA", "INS")
    record["variation"]["location"] = located(2, 2)
    segment, row = one(tmp_path, record, text=TEXT)
    assert row.allele == Allele("1", 1, "C", "CAA")
    assert segment.variants(Allele("1", 2, "", "AA"), people=None, skip=0, limit=1).total == 1


def test_a_sequence_beside_the_chromosomes_is_left_out_and_counted(tmp_path: Path) -> None:
    other = legacy(7, "A", "G")
    other["variation"]["location"]["sequence_id"] = "GL000191.1"
    told: dict[str, int] = {}
    made = source(tmp_path, [legacy(4, "A", "G"), other])
    load(made, tmp_path / "catalog", progress=told.__setitem__)
    assert told["left out: sequence outside 1..22, X, Y, MT"] == 1
    assert told["genomicVariant"] == 1


STATE = {"type": "LiteralSequenceExpression", "sequence": "T"}
OTHER_ASSEMBLY = legacy(4, "A", "G")
OTHER_ASSEMBLY["variation"]["location"]["sequence_id"] = "refseq:NC_000001.10"
LONG_INTERVAL = legacy(4, "AC", "G")
LONG_INTERVAL["variation"]["location"] = located(4, 9)
BACKWARDS = legacy(4, "A", "G")
BACKWARDS["variation"]["location"] = located(9, 4)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (OTHER_ASSEMBLY, "sequence_id, expected a sequence of GRCh38"),
        (LONG_INTERVAL, "interval"),
        (BACKWARDS, "interval"),
        (legacy(-1, "A", "G"), "start"),
        (legacy(2**63, "A", "G"), "start"),
        (legacy(10**400, "A", "G"), "start"),
        (legacy(4.0, "A", "G"), "start"),
        (legacy(True, "A", "G"), "start"),
        (legacy("4", "A", "G"), "start"),
        (legacy(None, "A", "G"), "start"),
        (legacy(249_250_621, "A", "G"), "end"),
        (legacy(4, "A", "A"), "two different alleles"),
        (legacy(4, "A", "R"), "ACGTN"),
        (legacy(4, "A", "*"), "ACGTN"),
        (legacy(4, "A", ["G"]), "alternateBases"),
        (legacy(4, 7, "G"), "referenceBases"),
        (legacy(4, "A", "G" * 100_001), "alternateBases"),
        (legacy(4, "A", "G\u0000"), "alternateBases"),
        (legacy(4, "A", "<DEL>\n"), "alternateBases"),
        (legacy(4, "A", "<DEL>"), "at least one changed base"),
        (legacy(4, "AC", "<DEL>"), "one base"),
        (legacy(4, "A", "<WHAT>"), "<DEL>"),
        (legacy(4, "A", "", "BND"), "breakend"),
        (legacy(4, "", "ACG", "INS"), "--sequences"),
        (legacy(4, "AC", "", "DEL"), "--sequences"),
        (legacy(4, "A", "", "INS") | {"caseLevelData": 4}, "caseLevelData"),
        (legacy(4, "A", "G", ["SNP"]), "variantType"),
        (varied({}), "LegacyVariation"),
        (varied({"type": "Haplotype", "members": []}), "LegacyVariation"),
        (varied({"type": ["Allele"]}), "LegacyVariation"),
        (varied({"type": "Text", "definition": "x"}), "LegacyVariation"),
        ({"variation": "ga4gh:VA.x"}, "variation"),
        ({"variation": None}, "LegacyVariation"),
        ({}, "LegacyVariation"),
        ("x", "a JSON object"),
        (None, "a JSON object"),
        ([], "a JSON object"),
        (7, "a JSON object"),
        (varied({"type": "Allele", "location": "ga4gh:VSL.x", "state": STATE}), "location"),
        (varied({"type": "Allele", "location": {"type": "ChromosomeLocation", "chr": "1"},
                 "state": STATE}), "SequenceLocation"),
        (varied({"type": "Allele", "location": located(1, 2), "state": {"type": "X"}}), "state"),
        (varied({"type": "Allele", "location": located(1, 2),
                 "state": {"type": "LiteralSequenceExpression"}}), "new bases"),
        (varied({"type": "CopyNumberChange", "subject": located(1, 5),
                 "copy_change": "efo:0030064"}), "copy_change"),
        (varied({"type": "CopyNumberChange", "subject": located(0, 5),
                 "copy_change": "efo:0030067"}), "behind the first base"),
        (varied({"type": "CopyNumberCount", "subject": located(1, 5),
                 "copies": {"type": "Number", "value": 2}}), "two copies"),
        (varied({"type": "CopyNumberCount", "subject": located(1, 5, "X"),
                 "copies": {"type": "Number", "value": 1}}), "two copies"),
        (varied({"type": "CopyNumberCount", "subject": located(1, 5),
                 "copies": {"type": "IndefiniteRange", "value": 3}}), "a Number"),
    ],
)  # fmt: skip
def test_a_record_without_one_allele_is_refused_by_its_place(
    tmp_path: Path, record: object, field: str
) -> None:
    said = refused(tmp_path, legacy(50, "A", "G"), record)
    assert field in said.replace(": expected", ", expected")
    assert "genomicVariations.json, record 1" in said


def test_what_is_refused_may_be_left_out_and_is_reported(tmp_path: Path) -> None:
    found: list[Problem] = []
    made = source(tmp_path, [legacy(4, "A", "G"), legacy(9, "A", "A"), {}], max_rejected=2)
    load(made, tmp_path / "catalog", report=found.append)
    assert [(each.file, each.where) for each in found] == [
        ("genomicVariations.json", "record 1 (v)"), ("genomicVariations.json", "record 2"),
    ]  # fmt: skip
    assert len(rows(SegmentCatalog(tmp_path / "catalog").snapshot()["d"])) == 1


def test_an_allele_that_comes_twice_is_refused(tmp_path: Path) -> None:
    made = source(tmp_path, [legacy(4, "A", "G"), legacy(4, "A", "G")])
    with pytest.raises(SourceRefused) as caught:
        load(made, tmp_path / "catalog")
    assert "each allele once" in str(caught.value.problems[0])


# Carriers


@pytest.mark.parametrize(
    ("zygosity", "genotype"),
    [
        ({"id": "GENO:0000135", "label": "heterozygous"}, "0/1"),
        ({"id": "GENO:0000136"}, "1/1"),
        ({"id": "GENO:0000134", "label": "hemizygous"}, "1"),
        ({"id": "GENO:GENO_0000458", "label": "1|0"}, "1|0"),
        ({"id": "GENO:GENO_0000136", "label": "1|1"}, "1|1"),
        ({"id": "GENO:0000137", "label": "unspecified"}, "1/."),
        ({"id": "X:1", "label": "./1"}, "./1"),
        ({"label": "Homozygous"}, "1/1"),
        ({"label": "0/1/1"}, "0/1/1"),
        (None, "1/."),
        ({}, "1/."),
    ],
)
def test_a_zygosity_is_the_genotype_it_stands_for(
    tmp_path: Path, zygosity: object, genotype: str
) -> None:
    record = legacy(4, "A", "G", caseLevelData=[case("S1", zygosity)])
    segment, row = one(tmp_path, record)
    assert list(segment.calls(row.row, limit=9)) == [("S1", genotype)]
    assert row.allele_count == genotype.count("1")
    assert (row.homozygotes, row.hemizygotes) == (int(genotype in ("1/1", "1|1")),
                                                  int(genotype == "1"))  # fmt: skip


def test_a_biosample_counts_for_its_individual(tmp_path: Path) -> None:
    cases = [case("S2"), case("P1"), case(None, individualId="P1")]
    records = [legacy(9 + n, "A", "G", caseLevelData=[each]) for n, each in enumerate(cases)]
    segment = loaded(source(tmp_path, records), tmp_path)
    carriers = [segment.person_ids(segment.carriers(ById(f"1-{10 + n}-A-G"))) for n in range(3)]
    assert carriers == [["P2"], ["P1"], ["P1"]]


def test_somebody_of_no_record_is_a_person_where_no_file_of_people_is_given(
    tmp_path: Path,
) -> None:
    record = legacy(4, "A", "G", caseLevelData=[case("X"), case(None, individualId="Y")])
    segment = loaded(source(tmp_path, [record], individuals=None, biosamples=None), tmp_path)
    assert sorted(segment.person_ids(segment.carriers(ById("1-5-A-G")))) == ["X", "Y"]


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([case("nobody")], "caseLevelData[0].biosampleId"),
        ([case("S1"), case("nobody")], "caseLevelData[1].biosampleId"),
        ([case("nobody", individualId="P1")], "caseLevelData[0].biosampleId"),
        ([case("S1", individualId="P2")], "caseLevelData[0].individualId"),
        ([case(None, individualId="nobody")], "caseLevelData[0].individualId"),
        ([case(None, individualId="P3")], "caseLevelData[0].individualId"),  # a biosample of P2
        ([case(None)], "caseLevelData[0].biosampleId"),
        ([case("")], "caseLevelData[0].biosampleId"),
        ([case(7)], "caseLevelData[0].biosampleId"),
        ([case("S1"), case("S1")], "each biosample once"),
        (["S1"], "caseLevelData[0]"),
        ({"biosampleId": "S1"}, "caseLevelData"),
        ([case("S1", "0/1")], "zygosity"),
        ([case("S1", {"id": "GENO:0000135", "label": "1/1"})], "say the same"),
        ([case("S1", {"id": "GENO:0000135", "label": "0/0"})], "genotype with this allele"),
        ([case("S1", {"label": "./."})], "genotype with this allele"),
        ([case("S1", {"label": "1/2"})], "a genotype of 0, 1"),
        ([case("S1", {"label": "/".join("1" * 8)})], "a genotype of 0, 1"),
        ([case("S1", {"id": "GENO:9999999", "label": "odd"})], "a zygosity of GENO"),
        ([case("S1", {"id": 135})], "zygosity.id"),
    ],
)
def test_a_carrier_that_is_not_of_the_dataset_or_contradicts_itself_is_refused(
    tmp_path: Path, cases: object, said: str
) -> None:
    assert said in refused(tmp_path, legacy(50, "A", "G"), legacy(4, "A", "G", caseLevelData=cases))


def test_nobody_who_withdrew_is_loaded(tmp_path: Path) -> None:
    both = [case("S1"), case("S2")]
    own = frequencies(("d", {"alleleFrequency": 0.5, "alleleCount": 2, "alleleNumber": 4}))
    records = [legacy(4, "A", "G", caseLevelData=both, **own), legacy(9, "A", "G")]
    made = source(tmp_path, records, reference="own")
    before = {row.variant_id: row for row in rows(loaded(made, tmp_path))}
    assert before["1-5-A-G"].allele_number == 4
    assert before["1-5-A-G"].reference_af == 0.5
    withdrawals.add(tmp_path / "catalog", "d", "P1")
    (row,) = rows(loaded(made, tmp_path))
    assert (row.variant_id, row.allele_count, row.carriers) == ("1-5-A-G", 1, 1)
    assert (row.allele_number, row.reference_af) == (0, None)


def test_variants_of_both_forms_make_one_dataset(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf.gz", ["101 . A G . 0/1 0/0"], samples=("S1", "S2"))
    segment = loaded(source(tmp_path, [legacy(4, "A", "G")], vcfs=(vcf,)), tmp_path)
    assert sorted(row.variant_id for row in rows(segment)) == ["1-101-A-G", "1-5-A-G"]
    assert segment.person_ids(segment.carriers(ById("1-101-A-G"))) == ["P1"]


def test_sites_do_not_go_with_genotypes(tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "a.vcf.gz", ["101 . A G . 0/1 0/0"], samples=("S1", "S2"))
    sites = {name: value for name, value in legacy(4, "A", "G").items() if name == "variation"}
    assert "genotypes in every variant file, or in none" in refused(tmp_path, sites, vcfs=(vcf,))


# Counts


def frequencies(*stated: tuple[str, Record], source: str = "here") -> Record:
    of = [{"population": name, **numbers} for name, numbers in stated]
    return {"frequencyInPopulations": [{"source": source, "sourceReference": "x",
                                        "frequencies": of}]}  # fmt: skip


def site(start0: int, **more: Any) -> Record:
    return {name: v for name, v in legacy(start0, "A", "G", **more).items() if name[0] != "c"}


def test_sites_have_the_counts_they_state(tmp_path: Path) -> None:
    counts = {"alleleFrequency": 0.1, "alleleCount": 4, "alleleNumber": 40, "homozygotes": 1}
    record = site(4, **frequencies(("d", counts), ("AFR", {"alleleFrequency": 0.25})))
    segment = loaded(source(tmp_path, [record], individuals=None, biosamples=None), tmp_path)
    (row,) = rows(segment)
    assert (row.allele_count, row.allele_number, row.homozygotes, row.carriers) == (4, 40, 1, None)
    assert row.populations == (PopulationCount("AFR", None, None, 0.25),)
    assert segment.facts.populations == ("AFR",)
    assert not segment.facts.genotypes


def test_a_population_of_two_sources_bears_its_source(tmp_path: Path) -> None:
    both = [frequencies(("AFR", {"alleleFrequency": share}), source=name)
            for name, share in (("gnomAD", 0.25), ("ExAC", 0.5))]  # fmt: skip
    stated = [one for each in both for one in each["frequencyInPopulations"]]
    record = legacy(4, "A", "G", frequencyInPopulations=stated)
    _, row = one(tmp_path, record)
    assert [(each.population, each.frequency) for each in row.populations] == [
        ("gnomAD: AFR", 0.25), ("ExAC: AFR", 0.5),
    ]  # fmt: skip


def test_a_record_of_nobody_beside_carriers_is_left_out_and_counted(tmp_path: Path) -> None:
    withheld = frequencies(("d", {"alleleCount": 2, "alleleNumber": 4, "alleleFrequency": 0.5}))
    nobody = frequencies(("d", {"alleleCount": 0, "alleleNumber": 4, "alleleFrequency": 0}))
    told: dict[str, int] = {}
    records = [legacy(4, "A", "G"), site(9), site(19, **withheld), site(29, **nobody)]
    load(source(tmp_path, records), tmp_path / "catalog", progress=told.__setitem__)
    assert told["left out: record without caseLevelData in a file that has them"] == 2
    segment = SegmentCatalog(tmp_path / "catalog").snapshot()["d"]
    assert [row.variant_id for row in rows(segment)] == ["1-5-A-G", "1-30-A-G"]
    asked = Allele("1", 29, "A", "G")
    assert segment.variants(asked, people=None, skip=0, limit=1).total == 0


@pytest.mark.parametrize(
    "stated",
    [
        [("AFR", {})], [("AFR", {"alleleFrequency": "0.1"})], [("AFR", {"alleleFrequency": True})],
        [("AFR", {"alleleFrequency": 1.01})], [("AFR", {"alleleFrequency": -0.1})],
        [("AFR", {"alleleFrequency": 10**400})], [("", {"alleleFrequency": 0.1})],
        [("AFR", {"alleleFrequency": 0.1, "alleleCount": 5, "alleleNumber": 4})],
        [("AFR", {"alleleFrequency": 0.1, "alleleCount": 2**63})],
        [("AFR", {"alleleFrequency": 0.1, "alleleNumber": -1})],
        [("AFR", {"alleleFrequency": 0.1}), ("AFR", {"alleleFrequency": 0.2})],
        [("d", {"alleleFrequency": 0.1}), ("d", {"alleleFrequency": 0.2})],
        [("d", {"alleleFrequency": 0.5, "alleleCount": 3, "alleleNumber": 6})],  # S1 has one
        [("x" * 101, {"alleleFrequency": 0.1})],
    ],
)  # fmt: skip
def test_a_frequency_that_cannot_be_is_refused(
    tmp_path: Path, stated: list[tuple[str, Record]]
) -> None:
    record = legacy(4, "A", "G", **frequencies(*stated))
    assert "frequencyInPopulations" in refused(tmp_path, legacy(50, "A", "G"), record)


def test_more_populations_than_a_dataset_has_are_refused(tmp_path: Path) -> None:
    many = frequencies(*((f"p{n}", {"alleleFrequency": 0.1}) for n in range(65)))
    assert "at most 64 populations" in refused(tmp_path, legacy(4, "A", "G", **many))


# Names and annotation


def test_names_are_public_ones_in_the_spelling_of_questions(tmp_path: Path) -> None:
    identifiers = {
        "genomicHGVSId": "NC_000001.11:g.5A>G",
        "clinvarVariantId": "434136",
        "clinVarIds": ["VCV000440707.6"],
        "transcriptHGVSIds": ["NM_1.1:c.5A>G", "ENST1:."],
        "proteinHGVSIds": ["NP_1.1:p.Val2Glu"],
        "variantAlternativeIds": ["dbSNP:rs397", {"id": "ClinGen:CA34"},
                                  {"id": "NC_000001.11:4:A:G", "notes": "SPDI"}],
    }  # fmt: skip
    attributes = {"geneIds": ["G1"], "aminoacidChanges": ["p.Val2Glu"]}
    record = legacy(4, "A", "G", identifiers=identifiers, molecularAttributes=attributes)
    _, row = one(tmp_path, record | {"variantInternalId": "rs7"})
    assert set(row.identifiers) == {
        "rs7", "rs397", "ClinGen:CA34", "clinvar:434136", "VCV000440707.6", "NC_000001.11:g.5A>G",
    }  # fmt: skip
    assert row.annotations.transcript_hgvs == ("NM_1.1:c.5A>G",)
    assert row.annotations.changed_genes == ("G1",)


@pytest.mark.parametrize("name", ["1:g.5A>G", "NC_000001.10:g.5A>G", "ENSG1:g.5A>G"])
def test_an_hgvs_name_of_something_else_is_counted_and_not_kept(tmp_path: Path, name: str) -> None:
    told: dict[str, int] = {}
    record = legacy(4, "A", "G", identifiers={"genomicHGVSId": name})
    load(source(tmp_path, [record]), tmp_path / "catalog", progress=told.__setitem__)
    assert sum(count for what, count in told.items() if "HGVS name" in what) == 1
    (row,) = rows(SegmentCatalog(tmp_path / "catalog").snapshot()["d"])
    assert row.identifiers == ()


def effect(term: str, label: str = "") -> Record:
    return {"id": term, "label": label}


MISSENSE, UPSTREAM = effect("SO:0001583"), effect("ENSGLOSSARY:0000164", "upstream_gene_variant")
INTERGENIC = effect("X:1", "Intergenic region")


@pytest.mark.parametrize(
    ("genes", "changes", "effects", "kept", "pairs"),
    [
        (["A"], ["V2E", "V9E"], [MISSENSE], ("A",), [("V2E", "A"), ("V9E", "A")]),
        (["A", "B"], ["V2E"], [MISSENSE], ("A", "B"), [("V2E", "")]),
        (["A", "B"], ["V2E", "V9E"], [MISSENSE], ("A", "B"), [("V2E", ""), ("V9E", "")]),
        (["A", "B"], ["Val2Glu", "."], [MISSENSE, UPSTREAM], ("A",), [("V2E", "A")]),
        (["A", "B", "A"], ["V2E", "V9E", "V2E"], [], ("A", "B"), [("V2E", "A"), ("V9E", "B")]),
        (["A", "B"], ["V2E", "V2E"], [MISSENSE] * 2, ("A", "B"), [("V2E", "A"), ("V2E", "B")]),
        (["A"], [], [UPSTREAM], (), []),
        (["A", "B"], [], [UPSTREAM, INTERGENIC], (), []),
        (["A", "."], ["", ""], [effect("X:2", "intron_variant&stop_gained")] * 2, ("A",), []),
        ([], ["V2E"], [], (), [("V2E", "")]),
        (["A"], ["odd"], [effect("X:3", "odd")], ("A",), []),
    ],
)
def test_changes_belong_to_genes_where_the_lists_say_so(
    tmp_path: Path,
    genes: list[str],
    changes: list[str],
    effects: list[Record],
    kept: tuple[str, ...],
    pairs: list[tuple[str, str]],
) -> None:
    said = {"geneIds": genes, "aminoacidChanges": changes, "molecularEffects": effects}
    _, row = one(tmp_path, legacy(4, "A", "G", molecularAttributes=said))
    found = row.annotations
    assert found.genes == kept
    assert list(zip(found.aminoacid_changes, found.changed_genes, strict=True)) == pairs


@pytest.mark.parametrize(
    "said",
    [
        {"molecularAttributes": []}, {"molecularAttributes": {"geneIds": "A"}},
        {"molecularAttributes": {"geneIds": [7]}},
        {"molecularAttributes": {"geneIds": ["x" * 201]}},
        {"molecularAttributes": {"geneIds": ["\ud800"]}},
        {"molecularAttributes": {"molecularEffects": ["SO:0001583"]}},
        {"molecularAttributes": {"molecularEffects": [{"id": 7}]}},
        {"molecularAttributes": {"aminoacidChanges": {"a": "b"}}},
        {"identifiers": "rs1"}, {"identifiers": {"variantAlternativeIds": [7]}},
        {"identifiers": {"variantAlternativeIds": {"id": "rs1"}}},
        {"identifiers": {"clinvarVariantId": 7}}, {"identifiers": {"genomicHGVSId": ["x"]}},
        {"identifiers": {"transcriptHGVSIds": "x"}}, {"variantInternalId": 7},
        {"variantInternalId": "a\tb"},
    ],
)  # fmt: skip
def test_names_and_annotation_of_another_form_are_refused(tmp_path: Path, said: Record) -> None:
    assert "record 1" in refused(tmp_path, legacy(50, "A", "G"), legacy(4, "A", "G") | said)


def test_what_has_no_place_is_counted(tmp_path: Path) -> None:
    told: dict[str, int] = {}
    record = legacy(
        4, "A", "G", "DEL", variantLevelData={"phenotypicEffects": []},
        caseLevelData=[case("S1", alleleOrigin={"id": "GENO:0000888"})],
    )  # fmt: skip
    load(source(tmp_path, [record]), tmp_path / "catalog", progress=told.__setitem__)
    assert {what for what in told if what.startswith("lost: ")} == {
        "lost: caseLevelData.alleleOrigin", "lost: variantLevelData",
        "lost: variantType, which the bases contradict",
    }  # fmt: skip


# Files


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_are_read_and_refused_line_by_line(tmp_path: Path, packed: bool) -> None:
    content = lines(legacy(4, "A", "G")) + b'\n{]\n{"a": NaN}\n' + lines(legacy(9, "A", "G"))
    path = tmp_path / ("v.json.gz" if packed else "v.json")
    path.write_bytes(gzip.compress(content) if packed else content)
    found: list[Problem] = []
    made = source(tmp_path, genomic_variations=(path,), max_rejected=2)
    load(made, tmp_path / "catalog", report=found.append)
    assert [each.where for each in found] == ["line 3", "line 4"]
    assert len(rows(SegmentCatalog(tmp_path / "catalog").snapshot()["d"])) == 2


GOOD = json.dumps(legacy(4, "A", "G"))
DEEP = "[" * 100_000 + "]" * 100_000


BARE = GOOD[:-1]  # without its end
NO_RECORDS = [
    "", "   ", "7", "null", "[", "[}", "{", "[{}", "[{},]", "\x00[]", f"[{GOOD}] x",
    f"[{GOOD}{GOOD}]",
    f'[{BARE}, "info": NaN}}]',
    f'[{BARE}, "info": -Infinity}}]',
    f'[{BARE}, "variantInternalId": "w"}}]',
    f'{BARE}, "variantInternalId": "w"}}\n',
    GOOD.replace('"caseLevelData"', '"caseLevelData": [], "caseLevelData"'),
    f'[{BARE}, "info": {DEEP}}}]',
    f'{BARE}, "info": {DEEP}}}\n',
    f'[{BARE}, "info": {"9" * 10_000}}}]',
    f'{BARE}, "info": {"9" * 10_000}}}\n',
    json.dumps(legacy(4, "A", "G"), indent=1),
]  # fmt: skip


@pytest.mark.parametrize("content", NO_RECORDS, ids=range(len(NO_RECORDS)))
def test_a_file_that_is_not_json_of_records_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SourceRefused) as caught:
        load(source(tmp_path, genomic_variations=(path,)), tmp_path / "catalog")
    assert caught.value.problems[0].file == "v.json"


@pytest.mark.parametrize("content", [b"\x1f\x8b", gzip.compress(b"[" + GOOD.encode())[:-9], b"[]"])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.json.gz"
    path.write_bytes(content)
    with pytest.raises(SourceRefused):
        load(source(tmp_path, genomic_variations=(path,)), tmp_path / "catalog")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    missing = source(tmp_path, genomic_variations=(tmp_path / "none.json",))
    assert "a file that exists" in str(check(missing)[0])


@pytest.mark.parametrize("form", ["[%s]", "%s\n"])
def test_a_record_without_end_is_refused_before_it_is_held(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bff_variants, "LIMITS", Limits(10**9, 100_000, bytes_each=1))
    path = tmp_path / "v.json"
    endless = GOOD[:-1] + ', "info": "' + "x" * 5_000_000 + '"}'
    path.write_text(form % endless, encoding="utf-8")
    assert "at most 100000 characters" in str(
        check(source(tmp_path, genomic_variations=(path,)))[0]
    )


def test_a_packed_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.loading.records.FREE_EXPANSION_BYTES", 1_000_000)
    path = tmp_path / "v.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * 3_000_000 + b"]"))
    assert "unpacks to at most" in str(check(source(tmp_path, genomic_variations=(path,)))[0])


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(tmp_path, [legacy(4, "A", "G")])
    whole = bff_variants.BffFile.check

    def changed(self: bff_variants.BffFile, *more: Any) -> None:
        whole(self, *more)
        self.path.write_text(json.dumps([legacy(4, "A", "G"), {}]), encoding="utf-8")

    monkeypatch.setattr(bff_variants.BffFile, "check", changed)
    with pytest.raises(SourceRefused, match="1 problem"):
        load(made, tmp_path / "catalog")
    assert not SegmentCatalog(tmp_path / "catalog").snapshot()


def test_a_load_that_was_cut_does_not_read_a_whole_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    first.write_text(json.dumps([legacy(4, "A", "G"), site(9)]), encoding="utf-8")
    second.write_text(json.dumps([legacy(14, "A", "G")]), encoding="utf-8")
    made = source(tmp_path, genomic_variations=(first, second))
    write: Callable[..., parquet.Written] = parquet.write

    def cut(read: Any, path: Path, **more: Any) -> parquet.Written:
        if ".1." in path.name:
            raise KeyboardInterrupt
        return write(read, path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            load(made, tmp_path / "catalog")
    told: dict[str, int] = {}
    facts = load(made, tmp_path / "catalog", progress=told.__setitem__)
    assert facts.variants == 2
    assert told["alleles kept by the load that was cut"] == 1
    assert told["left out: record without caseLevelData in a file that has them"] == 1


def test_the_version_is_of_the_content(tmp_path: Path) -> None:
    made = source(tmp_path, [legacy(4, "A", "G")])
    first = load(made, tmp_path / "catalog").version
    assert load(made, tmp_path / "catalog").version == first
    source(tmp_path, [legacy(4, "A", "T")])
    assert load(made, tmp_path / "catalog").version != first
    assert load(replace(made, genomic_variations=()), tmp_path / "catalog").version != first


# Whatever comes


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything inside."""
    held = isinstance(value, dict | list)
    keys = list(value) if isinstance(value, dict) else range(len(value)) if held else ()
    inner = [(value, key) for key in keys]
    return inner + [place for container, key in inner for place in _places(container[key])]


WHOLE = legacy(
    4, "A", "G", identifiers={"variantAlternativeIds": [{"id": "dbSNP:rs1"}], "genomicHGVSId": "x"},
    molecularAttributes={
        "geneIds": ["A"], "aminoacidChanges": ["V2E"], "molecularEffects": [MISSENSE],
    },
    caseLevelData=[case("S1", {"id": "GENO:0000135", "label": "0|1"}), case("S2")],
    **frequencies(("AFR", {"alleleFrequency": 0.1, "alleleCount": 1, "alleleNumber": 10})),
)  # fmt: skip
ODD: Sequence[object] = (
    None, True, -1, 2**64, 1e308, 0.5, "", "x", "\ud800", "\x00", "1" * 300, [], {}, [[]], [None],
    {"id": {}}, {"type": []}, {"value": {}}, ["x", 7], "<DEL>", "GENO:0000135",
)  # fmt: skip


def test_any_member_of_any_form_is_refused_or_read(tmp_path: Path) -> None:
    """Each place of a whole record, with each odd value: nothing but a refusal ever comes out."""
    chance = random.Random(20)  # noqa: S311 (seeded, so a failure repeats)
    records: list[Mapping[str, Any]] = []
    for number in range(len(_places(WHOLE))):
        for odd in chance.sample(ODD, 12):
            record = copy.deepcopy(WHOLE)
            container, key = _places(record)[number]
            container[key] = odd
            records.append(record)
    good = legacy(50, "A", "G")
    found: list[Problem] = []
    made = source(tmp_path, [*records, good], max_rejected=len(records))
    assert check(made, report=found.append) == []
    assert len(records) / 2 < len(found) < len(records)


# The files of others


def test_a_converters_file_is_what_its_vcf_is(tmp_path: Path) -> None:
    folder = shared_data("beacon")
    people = folder / "cineca-uk1" / "individuals.json.gz"
    bare = DatasetSource("d", "D", "", "GRCh37", individuals=people)
    one_vcf = folder / "1000g" / "test_1000G.b37.chr1.vcf.gz"
    one_bff = folder / "1000g" / "genomicVariations.b37.chr1.bff.json.gz"
    vcf = loaded(replace(bare, vcfs=(one_vcf,)), tmp_path / "vcf")
    bff = loaded(replace(bare, genomic_variations=(one_bff,)), tmp_path / "bff")
    known, found = ({row.variant_id: row for row in all_rows(each)} for each in (vcf, bff))
    # The converter trimmed one allele; of the other nobody is a carrier.
    assert known.keys() - found.keys() == {"1-66381-TATATA-AATATA", "1-61170-C-T"}
    assert found.keys() - known.keys() == {"1-66381-T-A"}
    for name in known.keys() & found.keys():
        one, other = known[name], found[name]
        assert (one.allele_count, one.carriers, one.homozygotes, one.variant_type) == (
            other.allele_count, other.carriers, other.homozygotes, other.variant_type,
        )  # fmt: skip
        assert list(vcf.calls(one.row, limit=3000)) == sorted(bff.calls(other.row, limit=3000))


def all_rows(segment: Segment) -> Sequence[VariantRow]:
    return segment.variants(Span("1", 0, 10**8), people=None, skip=0, limit=5000).rows


@pytest.mark.parametrize(
    ("file", "variants"),
    [("pi-api-chr22/genomicVariations.json.gz", 999), ("ega-test/genomicVariations.json", 41)],
)
def test_the_files_of_other_beacons_are_read_whole(
    tmp_path: Path, file: str, variants: int
) -> None:
    path = shared_data("beacon") / file
    facts = load(
        DatasetSource("d", "D", "", "GRCh37", genomic_variations=(path,)), tmp_path / "catalog"
    )
    assert facts.variants == variants
