"""Records of stored variants (Beacon v2.2 genomicVariant): only what is certain is said."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.catalog import Allele, Annotations, DatasetFacts, PopulationCount, VariantRow
from beacon.variation import variations
from tests.support.beacon_schemas import Schemas

FACTS = DatasetFacts("d", "Dataset", "v1", "GRCh38", 4, 1, ("19",))
RS7412 = Allele("19", 44908821, "C", "T")
VRS = "ga4gh:VA.CxiA_hvYbkD8Vqwjhx5AYuyul4mtlkpD"


def record(allele: Allele = RS7412, **said: Any) -> dict[str, Any]:
    row = VariantRow(
        **{
            "row": 0,
            "variant_id": "19-44908822-C-T",
            "allele": allele,
            "end0": allele.start0 + len(allele.ref),
            "variant_type": "SNP",
            "allele_count": 2,
            "allele_number": 8,
            "carriers": 2,
            "reference_af": None,
            **said,
        }
    )
    made: Any = variations.record(row, None, facts=FACTS, dataset_url="http://n.example/d")
    return dict(made)


def test_a_substitution_is_named_in_hgvs_spdi_and_vrs() -> None:
    identifiers = record(identifiers=("rs7412", "clinvar:17848"))["identifiers"]
    assert identifiers["genomicHGVSId"] == "NC_000019.10:g.44908822C>T"
    assert identifiers["clinvarVariantId"] == "clinvar:17848"
    assert [one["id"] for one in identifiers["variantAlternativeIds"]] == [
        "dbSNP:rs7412",
        "NC_000019.10:44908821:C:T",
        VRS,
    ]


@pytest.mark.parametrize(
    "allele",
    [Allele("1", 5, "A", "AC"), Allele("1", 5, "N", "<DEL>"), Allele("1", 5, "A", "A]2:5]")],
)
def test_what_has_no_certain_name_is_not_named(allele: Allele) -> None:
    assert "identifiers" not in record(allele)


def test_annotations_are_told_where_the_standard_has_them() -> None:
    said = Annotations(
        *(("APOE",), ("SO:0001583",), ("R176C", "R176C"), ("NM_1.1:c.526C>T",)),
        *(("NP_1.1:p.Arg176Cys",), ("APOE", "APOC1")),
    )
    made = record(annotations=said)
    assert made["molecularAttributes"] == {
        "geneIds": ["APOE"],
        "aminoacidChanges": ["R176C"],
        "molecularEffects": [{"id": "SO:0001583", "label": "missense_variant"}],
    }
    assert made["identifiers"]["transcriptHGVSIds"] == ["NM_1.1:c.526C>T"]
    assert made["identifiers"]["proteinHGVSIds"] == ["NP_1.1:p.Arg176Cys"]


def test_frequencies_are_of_the_dataset_and_of_its_populations() -> None:
    populations = (PopulationCount("afr", 1, 4, 0.25), PopulationCount("eas", None, None, None))
    made = record(homozygotes=1, hemizygotes=0, populations=populations)
    (source,) = made["frequencyInPopulations"]
    whole, afr = source["frequencies"]
    assert (whole["alleleFrequency"], whole["homozygotes"], whole["hemizygotes"]) == (0.25, 1, 0)
    assert afr == {
        "population": "afr",
        "alleleFrequency": 0.25,
        "alleleCount": 1,
        "alleleNumber": 4,
    }


def test_a_full_record_is_valid() -> None:
    said = Annotations(
        ("APOE",), ("SO:0001583",), ("R176C",), ("NM_1.1:c.1C>T",), ("NP_1.1:p.R1C",)
    )
    made = record(identifiers=("rs7412", "clinvar:17848"), annotations=said, homozygotes=1)
    Schemas().entry(made, "genomicVariations")


def test_a_variant_nobody_was_called_at_has_no_frequency() -> None:
    assert "frequencyInPopulations" not in record(allele_number=0)
