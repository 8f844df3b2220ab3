"""What is typed becomes one question, or a sentence that says what would be understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import UnreadableQuestion
from portal.questions.question import Kind, Site, parse
from portal.questions.terms import MAX_CHARS, MAX_TERMS

ALLELE = {"referenceName": "1", "start": [10176], "referenceBases": "A", "alternateBases": "AC"}


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
    ("typed", "parameters"),
    [
        ("NC_000001.10:10176:A:AC", ALLELE | {"assemblyId": "GRCh37"}),
        ("1 10177 rs1 A AC 100 PASS .", ALLELE),
        ("NC_000001.10:g.10177A>G", ALLELE | {"alternateBases": "G", "assemblyId": "GRCh37"}),
        ("chr1:g.10177A>G", ALLELE | {"alternateBases": "G"}),
        ("rs334", {"genomicAlleleShortForm": "rs334"}),
        ("clinvar:15333", {"genomicAlleleShortForm": "clinvar:15333"}),
        ("NM_004006.2:c.4375C>T", {"genomicAlleleShortForm": "NM_004006.2:c.4375C>T"}),
        ("BRCA1", {"geneId": "BRCA1"}),
        ("BRAF V600E", {"geneId": "BRAF", "aminoacidChange": "V600E"}),
        ("p.Val600Glu", {"aminoacidChange": "V600E"}),
        (
            "NC_000001.10:g.10177_10178del",
            {
                "genomicAlleleShortForm": "NC_000001.10:g.10177_10178del",
                "assemblyId": "GRCh37",
            },
        ),
    ],
)
def test_every_spelling_asks_in_the_parameters_that_most_beacons_read(
    typed: str, parameters: dict[str, object]
) -> None:
    question = parse(typed)
    assert question.kind is Kind.VARIANTS
    assert question.parameters == parameters


def test_what_was_understood_is_told_in_both_ways_of_counting() -> None:
    words = parse("chr17:43045711 G>A", assembly="GRCh38").words
    assert words == (
        "Variant 17:43,045,711 G>A, GRCh38, 1-based; sent as start=43045710 (0-based)."
    )
    words = parse("NC_000017.11:g.43045711_43045713del").words
    assert "17:43,045,711–43,045,713, GRCh38, 1-based" in words
    assert "0-based start=43045710, end=43045713" in words


@pytest.mark.parametrize("term", ["ICD10CM:C4A", "HP:0000822", "SNOMED:22298006", "ICD10:E11"])
def test_the_code_of_a_term_is_no_change_of_a_protein(term: str) -> None:
    assert parse(term).kind is Kind.INDIVIDUALS


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Type a question"),
        ("   ", "Type a question"),
        ("NC_000017.9:100:A:C", "not one of the chromosomes"),
        ("17:g.5_3del", "backwards"),
        ("17:g.5=", "exact positions|not supported"),
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


def test_a_sequence_of_another_assembly_than_the_chosen_one_is_refused() -> None:
    with pytest.raises(UnreadableQuestion, match="GRCh37"):
        parse("NC_000001.10:g.5A>G", assembly="GRCh38")


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


def test_a_variant_and_terms_are_one_question_about_people() -> None:
    question = parse("1:10177 A>AC", terms="ICD10:G35; sex = female")
    assert question.kind is Kind.INDIVIDUALS
    assert question.parameters == ALLELE
    assert question.filters == (
        {"id": "ICD10:G35", "includeDescendantTerms": True},
        {"id": "sex", "operator": "=", "value": "female"},
    )
    assert question.words.startswith("People with ICD10:G35 and sex = female, narrower")
    assert "who carry: Variant 1:10,177 A>AC" in question.words


def test_terms_may_stand_in_either_field_and_count_once() -> None:
    question = parse("ICD10:G35", terms="ICD10:G35, NCIT:C16576")
    assert [one["id"] for one in question.filters] == ["ICD10:G35", "NCIT:C16576"]
    assert parse("", terms=question.terms) == question


@pytest.mark.parametrize("terms", ["1:10177 A>AC", "female", "sex =", "= 5", "22:a", "a" * 501])
def test_a_second_field_that_is_no_list_of_terms_is_refused(terms: str) -> None:
    with pytest.raises(UnreadableQuestion):
        parse("1:10177 A>AC", terms=terms)


@pytest.mark.parametrize("terms", [",", " ; ", ""])
def test_an_empty_list_of_terms_changes_nothing(terms: str) -> None:
    assert parse("1:10177 A>AC", terms=terms) == parse("1:10177 A>AC")
    with pytest.raises(UnreadableQuestion):
        parse("", terms=terms)


@pytest.mark.parametrize(
    ("typed", "filtered"),
    [
        ("LOINC:35925-4>=30", ("LOINC:35925-4", ">=", "30")),
        ("diseases.ageOfOnset < P40Y", ("diseases.ageOfOnset", "<", "P40Y")),
        ("sex!=male", ("sex", "!", "male")),
    ],
)
def test_a_field_is_compared_with_a_value(typed: str, filtered: tuple[str, ...]) -> None:
    (one,) = parse("", terms=typed).filters
    assert (one["id"], one["operator"], one["value"]) == filtered


def test_the_place_is_known_where_the_text_says_it() -> None:
    assert parse("1:10177 A>AC").site == Site("1", 10176, 10177, "A", "AC")
    assert parse("1:10000-20000").site == Site("1", 9999, 20000)
    assert parse("rs334").site is None


@pytest.mark.parametrize("typed", ["c.68_69del", "m.1234A>G", "g.43045711G>A"])
def test_hgvs_without_its_sequence_is_named_and_never_taken_for_a_term(typed: str) -> None:
    with pytest.raises(UnreadableQuestion, match="on which sequence"):
        parse(typed)
