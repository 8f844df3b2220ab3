"""Kinds of genomic question told by the parameters present (Beacon v2.2 genomic queries)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.catalog import Allele, AminoacidChange, ChangeWithin, InGene, Span, VariantQuestion
from beacon.errors import BadQuestion, UnsupportedQuestion
from beacon.variants import PARAMETERS, recognise
from schemas import sequences


def question(**parameters: Any) -> VariantQuestion:
    asked = recognise(parameters)
    assert asked is not None
    return asked.question


def test_nothing_asked_is_no_question() -> None:
    assert recognise({}) is None


def test_a_gene_is_asked_with_what_narrows_it() -> None:
    assert question(
        geneId="BRCA1", variantType="DEL", variantMinLength=2, alternateBases="A"
    ) == InGene("BRCA1", variant_type="DEL", min_length=2, alt="A")


@pytest.mark.parametrize(
    ("start", "ref", "alt", "expected"),
    [
        (100, "GGNT", "GGAT", (102, "N", "A")),
        (100, "GNT", "GT", (101, "N", "")),
        (100, "G", "GN", (101, "", "N")),
        (100, "NA", "N", (100, "NA", "N")),
        (100, "CA", "CN", (101, "A", "N")),
    ],
)
def test_n_stands_in_the_change_whatever_is_written_around_it(
    start: int, ref: str, alt: str, expected: tuple[int, str, str]
) -> None:
    asked = {"start": start, "referenceBases": ref, "alternateBases": alt}
    assert question(referenceName="1", **asked) == Allele("1", *expected)


@pytest.mark.parametrize("change", ["V600E", "p.Val600Glu", "p.(Val600Glu)"])
def test_an_amino_acid_change_is_asked_in_one_letter_form(change: str) -> None:
    assert question(aminoacidChange=change) == AminoacidChange("V600E")
    assert question(aminoacidChange=change, geneId="BRAF") == AminoacidChange("V600E", "BRAF")


@pytest.mark.parametrize("change", ["V600E", "p.Val600Glu"])
def test_an_amino_acid_change_narrows_a_range_a_bracket_or_a_gene(change: str) -> None:
    placed = {"referenceName": "7", "start": [10], "end": [20], "aminoacidChange": change}
    v600e, of_braf = AminoacidChange("V600E"), AminoacidChange("V600E", "BRAF")
    assert question(**placed) == ChangeWithin(v600e, Span("7", 10, 20))
    assert question(**placed, geneId="BRAF") == ChangeWithin(of_braf, Span("7", 10, 20))
    lengths = {"variantMinLength": 1, "variantMaxLength": 3}
    narrowed = Span("7", 10, 20, variant_type="SNP", min_length=1, max_length=3)
    assert question(**placed, **lengths, variantType="SNP") == ChangeWithin(v600e, narrowed)
    bracket = {**placed, "start": [10, 11], "end": [11, 20]}
    windows = Span("7", 10, 20, starts=(10, 11), ends=(11, 20))
    assert question(**bracket) == ChangeWithin(v600e, windows)
    in_gene = ChangeWithin(of_braf, InGene("BRAF", min_length=1, max_length=3))
    assert question(aminoacidChange=change, geneId="BRAF", **lengths) == in_gene


def test_the_assembly_of_a_range_with_a_change_is_that_of_its_sequence() -> None:
    placed = {"referenceName": "NC_000007.14", "start": [10], "end": [20]}
    asked = recognise({**placed, "aminoacidChange": "V600E"})
    assert asked is not None
    assert asked.assembly == "GRCh38"
    with pytest.raises(BadQuestion, match="different assemblies"):
        recognise({**placed, "aminoacidChange": "V600E", "assemblyId": "hg19"})


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"variantType": "SNP"}, "cannot be combined with aminoacidChange without geneId or a"),
        ({"referenceName": "7", "start": [1], "referenceBases": "A", "alternateBases": "T"},
         "aminoacidChange cannot narrow an exact allele"),
    ],
)  # fmt: skip
def test_what_a_change_cannot_narrow_is_refused_saying_what_it_can(
    parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadQuestion, match=said):
        recognise({**parameters, "aminoacidChange": "V600E"})


@pytest.mark.parametrize(
    "name",
    [
        "17",
        "chr17",
        "NC_000017.11",
        "refseq:NC_000017.11",
        sequences.refget_id("GRCh38", "17"),
        "ga4gh:" + sequences.refget_id("GRCh38", "17"),
    ],
)
def test_a_sequence_is_known_by_each_of_its_names(name: str) -> None:
    asked = recognise(
        {"referenceName": name, "start": [100], "referenceBases": "A", "alternateBases": "G"}
    )
    assert asked is not None
    assert asked.question == Allele("17", 100, "A", "G")
    assert asked.assembly == (None if name in ("17", "chr17") else "GRCh38")


@pytest.mark.parametrize(
    "parameters",
    [
        {"geneId": "BRCA1", "referenceName": "17", "start": [1], "end": [2]},
        {"geneId": "BRCA1", "start": [1]},
        {"geneId": ""},
        {"geneId": 7},
        {"geneId": "x" * 201},
        {"geneId": "BRCA1", "variantMinLength": 5, "variantMaxLength": 4},
        {"aminoacidChange": "V600"},
        {"aminoacidChange": "V600E", "variantType": "SNP"},
        {"aminoacidChange": "V600E", "variantMaxLength": 5},
        {"aminoacidChange": "V600E", "alternateBases": "A"},
        {"aminoacidChange": "V600", "referenceName": "7", "start": [1], "end": [2]},
        {"aminoacidChange": "", "referenceName": "7", "start": [1], "end": [2]},
        {"aminoacidChange": ["V600E"], "referenceName": "7", "start": [1], "end": [2]},
        {"aminoacidChange": "V600E", "geneId": "", "referenceName": "7", "start": [1], "end": [2]},
        {"aminoacidChange": "V600E", "referenceName": "7", "start": [2], "end": [2]},
        {"aminoacidChange": "V600E", "referenceName": "7", "start": [1, 2], "end": [2]},
        {"aminoacidChange": "V600E", "referenceName": "7", "start": [1], "alternateBases": "A"},
        {
            "aminoacidChange": "V600E",
            "geneId": "BRAF",
            "variantMinLength": 5,
            "variantMaxLength": 4,
        },
        {"aminoacidChange": "V600E", "geneId": 7, "variantMinLength": 5},
        {"genomicAlleleShortForm": "17:g.1A>G", "aminoacidChange": "V600E"},
        {"genomicAlleleShortForm": "17:g.1A>G", "geneId": "BRCA1"},
        {"genomicAlleleShortForm": "17:g.1A>G", "variantId": "rs334"},
        {"genomicAlleleShortForm": "17:g.1A>G", "start": [0]},
        {"genomicAlleleShortForm": "x" * 12_001},
        {"variantId": ""},
        {"genomicAlleleShortForm": "NC_000017.11:g.1A>G", "assemblyId": "GRCh37"},
        {
            "referenceName": sequences.refget_id("GRCh38", "17"),
            "assemblyId": "hg19",
            "start": [1],
            "end": [2],
        },
    ],
)
def test_parameters_that_contradict_each_other_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(BadQuestion):
        recognise(parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"mateName": "2"},
        {"aminoacidChange": "V600E", "start": [1], "end": [2]},
        {"aminoacidChange": "V600E", "referenceName": "7"},
        {
            "aminoacidChange": "V600E",
            "referenceName": "7",
            "start": [1],
            "end": [2],
            "variantType": "SO:9",
        },
        {"geneId": "BRCA1", "variantType": "SO:9"},
        {"geneId": "BRCA1", "assemblyId": "T2T-CHM13"},
        {"variantId": "nonsense here"},
        {"referenceName": "SQ." + "a" * 32, "start": [1], "end": [2]},
    ],
)
def test_what_is_not_served_is_refused_naming_what_is(parameters: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedQuestion, match="upported"):
        recognise(parameters)


@pytest.mark.parametrize(
    "spellings",
    [
        (
            "EFO:0030072",
            "efo:0030072",
            "high-level copy number gain",
            "High_level_copy_number_gain",
        ),
        ("EFO:0030069", "complete genomic deletion"),
        ("SO:0001743", "DEL", "del", "EFO:0030067", "copy_number_loss"),
        ("SNV", "SNP", "SO:0001483"),
        ("CNV", "SO:0001019"),
    ],
)
def test_a_type_is_one_question_in_every_spelling(spellings: tuple[str, ...]) -> None:
    """Otherwise each would be another draw of noise."""
    placed = {"referenceName": "1", "start": [1], "end": [9]}
    assert len({recognise({**placed, "variantType": each}) for each in spellings}) == 1


@pytest.mark.parametrize("unknown", ["EFO:0030064", "EFO:0030065", "high-level", "EFO:30072"])
def test_a_type_that_nothing_could_tell_is_refused_with_those_that_are_known(unknown: str) -> None:
    with pytest.raises(UnsupportedQuestion, match="EFO:0030068"):
        recognise({"referenceName": "1", "start": [1], "end": [9], "variantType": unknown})


_VALUES = st.none() | st.text(max_size=20) | st.integers() | st.lists(st.integers(), max_size=3)


@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS)), _VALUES, max_size=6))
def test_no_parameters_break_the_reader(parameters: dict[str, Any]) -> None:
    try:
        recognise(parameters)
    except (BadQuestion, UnsupportedQuestion):
        return
