"""What is typed becomes one question, or a sentence that says what would be understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import UnreadableQuestion
from portal.question import MAX_CHARS, MAX_TERMS, Kind, parse


@pytest.mark.parametrize(
    "typed",
    ["1:10177 A>AC", "1-10177-A-AC", "chr1:10177 A>AC", "CHR1:10,177 a>ac", " 1 : 10177  A > AC "],
)
def test_one_variant_has_many_spellings_and_one_question(typed: str) -> None:
    question = parse(typed)
    assert question.kind is Kind.VARIANTS
    assert question.parameters == {
        "referenceName": "1",
        "start": [10176],
        "referenceBases": "A",
        "alternateBases": "AC",
    }
    assert "1-based; sent as start=10176" in question.words


def test_a_region_includes_both_its_ends() -> None:
    question = parse("1:10000-20000", assembly="GRCh37")
    assert question.parameters == {
        "referenceName": "1",
        "start": [9999],
        "end": [20000],
        "assemblyId": "GRCh37",
    }


def test_terms_ask_for_people_who_have_all_of_them() -> None:
    question = parse("ICD10:G35, NCIT:C16576")
    assert question.kind is Kind.INDIVIDUALS
    assert [one["id"] for one in question.filters] == ["ICD10:G35", "NCIT:C16576"]


def test_chromosome_m_is_mt() -> None:
    assert parse("chrM:73 A>G").parameters["referenceName"] == "MT"


def test_the_body_nests_its_parameters_as_the_schema_has_them() -> None:
    """Beacon v2.2 request body: every value of `requestParameters` is an object."""
    query = parse("1:10177 A>AC").body()["query"]
    assert isinstance(query, dict)
    assert set(query["requestParameters"]) == {"g_variant"}
    assert query["includeResultsetResponses"] == "ALL"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Type a question"),
        ("   ", "Type a question"),
        ("rs334", "rsID"),
        ("BRCA1", "gene name"),
        ("NM_004006.2:c.4375C>T", "HGVS"),
        ("1:0 A>C", "counted from 1"),
        ("1:9999999999 A>C", "counted from 1"),
        ("1:200-100", "ends before"),
        ("1:100 A>A", "same"),
        ("1:10177", "not a variant"),
        ("23:100 A>C", "not a variant"),
        ("1:100 A>Z", "not a variant"),
        ("chr1:x", "unfinished variant"),
        ("hello", "not a variant"),
        ("ICD10:" + "x" * MAX_CHARS, "characters long"),
        (" ".join(f"A:{n}" for n in range(MAX_TERMS + 1)), "terms"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(typed: str, says: str) -> None:
    with pytest.raises(UnreadableQuestion, match=says):
        parse(typed)


def test_an_unknown_assembly_is_refused() -> None:
    with pytest.raises(UnreadableQuestion, match="assembly"):
        parse("1:10177 A>AC", assembly="hg12")


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(typed: str) -> None:
    try:
        question = parse(typed)
    except UnreadableQuestion:
        return
    assert question.parameters or question.filters
