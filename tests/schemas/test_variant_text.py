from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import variant_text
from schemas.hgvs import Edit, GenomicName, UnreadableName
from schemas.variant_text import (
    Gene,
    KnownId,
    ProteinChange,
    Region,
    Spelling,
    WrittenAllele,
    read,
)

VRS = "ga4gh:VA.CxiA_hvYbkD8Vqwjhx5AYuyul4mtlkpD"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr17:43045711 G>A", WrittenAllele("chr17", 43045710, "G", "A")),
        ("chr17:43,045,711 g>a", WrittenAllele("chr17", 43045710, "G", "A")),
        ("17-43045711-G-A", WrittenAllele("17", 43045710, "G", "A")),
        ("17_43045711_G_A", WrittenAllele("17", 43045710, "G", "A")),
        ("17:43045711:G:A", WrittenAllele("17", 43045710, "G", "A")),
        ("MT : 151 T > C", WrittenAllele("MT", 150, "T", "C")),
        ("1\t10177\trs1\tA\tAC\t100\tPASS\tAC=1", WrittenAllele("1", 10176, "A", "AC")),
        ("NC_000001.11:10177 A>AC", WrittenAllele("NC_000001.11", 10176, "A", "AC")),
        ("NC_000001.11:10176:A:AC", WrittenAllele("NC_000001.11", 10176, "A", "AC")),
        ("NC_000001.11:10177::C", WrittenAllele("NC_000001.11", 10177, "", "C")),
        ("NC_000001.11:10176:AC:", WrittenAllele("NC_000001.11", 10176, "AC", "")),
        ("NC_000001.11:10176:2:", WrittenAllele("NC_000001.11", 10176, "NN", "", counted=True)),
        ("1:1000-2000", Region("1", 999, 2000)),
        ("chr1:1,000..2,000", Region("chr1", 999, 2000)),
        ("17:g.101A>G", GenomicName("17", 100, 101, Edit.SUBSTITUTION, "A", "G")),
        (VRS, KnownId(VRS)),
        (VRS.removeprefix("ga4gh:"), KnownId(VRS)),
        ("RS334", KnownId("rs334")),
        ("dbSNP:rs334", KnownId("rs334")),
        ("clinvar:15333", KnownId("clinvar:15333")),
        ("VCV000015333.4", KnownId("VCV000015333.4")),
        ("CA123456", KnownId("CA123456")),
        ("NM_004006.2:c.4375C>T", KnownId("NM_004006.2:c.4375C>T")),
        ("NP_004324.2:p.Val600Glu", KnownId("NP_004324.2:p.Val600Glu")),
        ("ENSP00000288602:p.Val600Glu", KnownId("ENSP00000288602:p.Val600Glu")),
        ("BRAF:c.1799T>A", KnownId("BRAF:c.1799T>A")),
        ("BRAF:p.Val600Glu", ProteinChange("V600E", "BRAF")),
        ("BRAF V600E", ProteinChange("V600E", "BRAF")),
        ("p.Val600Glu", ProteinChange("V600E")),
        ("V600E", ProteinChange("V600E")),
        ("BRCA1", Gene("BRCA1")),
        ("CA12", Gene("CA12")),
        ("F11R", Gene("F11R")),
        ("HLA-DRB1", Gene("HLA-DRB1")),
        ("C1orf112", Gene("C1orf112")),
    ],
)
def test_each_spelling_is_told_by_its_shape(text: str, expected: Spelling) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "hello", "1:10177", "23:100 A>C", "1:100 A>Z", "chr1:x", "rs", "rs0", "ICD10:G35"],
)
def test_what_has_no_shape_is_none(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "1:0 A>C",
        "1:9999999999 A>C",
        "1:100 A>A",
        "1:200-100",
        "1:0-100",
        "17:g.5_3del",
        "NC_000001.11:5:A:A",
        "NC_000001.11:5::",
        "NC_000001.11:5:99999:",
        "NC_000001.11:9999999999:A:C",
    ],
)
def test_a_shape_that_breaks_its_rules_is_refused(text: str) -> None:
    with pytest.raises(UnreadableName):
        read(text)


@given(st.text(max_size=120) | st.text("0123456789:-_>.,ACGTNchrgcpmdelinsdup SQ", max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read(text)
    except UnreadableName:
        return


@pytest.mark.parametrize(
    "piece", ["1", "A", ":", "1,", "A>", "N", "(", "p.", "17:g.1del", "-A", "ins", "Val1", " "]
)
def test_a_hostile_text_at_the_cap_is_read_without_going_back_over_it(piece: str) -> None:
    """A pattern that tried every way to split the text would not end here."""
    text = (piece * variant_text.MAX_CHARS)[: variant_text.MAX_CHARS]
    for start in ("", "17:g.1", "1:1 ", "NC_000001.11:1:", "BRAF:p.", "1 1 . A "):
        with contextlib.suppress(UnreadableName):
            read((start + text)[: variant_text.MAX_CHARS])
