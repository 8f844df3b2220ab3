"""Counts, names and annotation of a BFF record."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.catalog import Allele, PopulationCount
from beacon.loading.load import load
from beacon.segments import SegmentCatalog
from tests.support.bff import (
    Record,
    case,
    frequencies,
    legacy,
    loaded,
    one,
    refused,
    rows,
    site,
    source,
)


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
    assert segment.variants(asked, samples=None, skip=0, limit=1).total == 0


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
    assert "record 2" in refused(tmp_path, legacy(50, "A", "G"), legacy(4, "A", "G") | said)


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
