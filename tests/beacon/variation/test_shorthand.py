from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    Edited,
    Replacement,
    WithoutEffects,
)
from beacon.errors import BadQuestion, UnsupportedQuestion
from beacon.variation import shorthand
from beacon.variation.shorthand import Asked


@pytest.mark.parametrize(
    ("text", "question", "assembly"),
    [
        ("NC_000017.11:g.101G>A", Allele("17", 100, "G", "A"), "GRCh38"),
        ("NC_000017.10:g.101G>A", Allele("17", 100, "G", "A"), "GRCh37"),
        ("chr17:g.101G>A", Allele("17", 100, "G", "A"), None),
        ("NC_012920.1:m.73A>G", Allele("MT", 72, "A", "G"), None),
        ("17:g.101_102insAC", Allele("17", 101, "", "AC"), None),
        ("17:g.101_102delAC", Allele("17", 100, "AC", ""), None),
        ("17:g.101_102dupAC", Allele("17", 100, "", "AC"), None),
        ("17:g.101_103delinsAC", Replacement("17", 100, "NNN", "AC"), None),
        ("17:g.101_102delTTinsAC", Allele("17", 100, "TT", "AC"), None),
        ("NC_000001.10:10176:A:AC", Allele("1", 10176, "A", "AC"), "GRCh37"),
        ("1-10177-A-AC", Allele("1", 10176, "A", "AC"), None),
        ("rs334", ByIdentifier("rs334"), None),
        ("NM_004006.2:c.4375C>T", ByIdentifier("NM_004006.2:c.4375C>T"), None),
        ("BRAF:p.Val600Glu", AminoacidChange("V600E", "BRAF"), None),
    ],
)
def test_a_short_form_asks_exactly_what_it_says(
    text: str, question: WithoutEffects, assembly: str | None
) -> None:
    assert shorthand.asked(text) == Asked(question, assembly)


@pytest.mark.parametrize(("edit", "kind"), [("del", "DEL"), ("dup", "DUP"), ("inv", "INV")])
def test_an_edit_without_bases_asks_for_the_edit(
    edit: str, kind: Literal["DEL", "DUP", "INV"]
) -> None:
    assert shorthand.asked(f"17:g.101_103{edit}").question == Edited("17", 100, 103, kind)


@pytest.mark.parametrize(
    "text",
    [
        "BRCA1",
        "1:1000-2000",
        "hello",
        "NC_000017.12:g.101G>A",
        "NC_000099.1:g.101G>A",
        "GL000191.1:g.101G>A",
        "17:g.1_20000delinsA",
    ],
)
def test_what_no_data_of_ours_could_answer_is_unsupported(text: str) -> None:
    with pytest.raises(UnsupportedQuestion):
        shorthand.asked(text)


@pytest.mark.parametrize("text", ["17:g.0A>G", "17:g.5_3del", "17:g.5=", "1-100-A-A"])
def test_what_contradicts_itself_is_refused(text: str) -> None:
    with pytest.raises(BadQuestion):
        shorthand.asked(text)


@pytest.mark.parametrize(
    "variant_id", ["chr1-10177-A-AC", "chr1:10177 A>AC", "NC_000001.11:10177::C"]
)
def test_a_variant_is_named_in_any_spelling(variant_id: str) -> None:
    question = shorthand.named(variant_id).question
    assert question in (Allele("1", 10176, "A", "AC"), Allele("1", 10177, "", "C"))


def test_a_variant_is_named_by_a_replacement_that_leaves_the_old_bases_unsaid() -> None:
    question = shorthand.named("NC_000001.11:g.873_874delinsGC").question
    assert question == Replacement("1", 872, "NN", "GC")
    assert shorthand.named("NC_000001.11:872:2:GC").question == question
    assert isinstance(shorthand.named("NC_000001.11:g.873_874delNNinsGC").question, ById)
    assert isinstance(shorthand.named("NC_000001.11:872:NN:GC").question, ById)


@pytest.mark.parametrize(
    "variant_id",
    [
        "1-10177-A-AC",
        "1-101-500-0123456789abcdef",
        "1-401-N-A",
        "V600E",
        "x",
        "17:g.5_3del",
        "BRCA1",
    ],
)
def test_any_other_id_stays_an_id(variant_id: str) -> None:
    assert shorthand.named(variant_id) == Asked(ById(variant_id), None)


@given(st.text(max_size=100))
def test_no_text_breaks_the_reader(text: str) -> None:
    shorthand.named(text)
    try:
        shorthand.asked(text)
    except (BadQuestion, UnsupportedQuestion):
        return
