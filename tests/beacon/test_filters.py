"""Beacon v2.2 filters: typed, refused by hand, joined by AND but for single-valued fields."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.catalog import AnyOf, Compare, HasTerm, Segment
from beacon.errors import BadQuestion, UnsupportedQuestion
from beacon.filters import MAX_FILTERS, joined, read, read_get, unknown_ids
from tests.support.beacon_node import loaded, source

FEMALE, MALE = HasTerm("NCIT:C16576"), HasTerm("NCIT:C20197")


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder: Path = tmp_path_factory.mktemp("filters")
    return loaded(folder / "catalog", source(folder, "A")).snapshot()["A"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NCIT:C16576", HasTerm("NCIT:C16576")),
        ("demographic.ethnicity:asian", HasTerm("demographic.ethnicity:asian")),
        ("age:>P70Y", Compare("age", ">", "P70Y")),
        ("age:<=P65Y", Compare("age", "<=", "P65Y")),
        ("EFO_0004847:<=P65Y", Compare("EFO:0004847", "<=", "P65Y")),
        ("HP_0032443:!text", Compare("HP:0032443", "!", "text")),
        ("LOINC:35925-4:>30", Compare("LOINC:35925-4", ">", "30")),
        ("library_strategy:=WGS", Compare("library_strategy", "=", "WGS")),
        ("a:=b:>c", Compare("a", "=", "b:>c")),
    ],
)
def test_a_get_filter_is_a_term_or_a_comparison(text: str, expected: HasTerm | Compare) -> None:
    (found,) = read_get([text])
    assert found.predicate == expected
    assert isinstance(found.text, str)


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": "A:11"}, {"id": "age", "operator": ">", "value": "P1Y"}]',
        ' [ "A:11", "age:>P1Y" ]',
    ],
)
def test_a_get_may_bring_its_filters_in_json(text: str) -> None:
    found = [each.predicate for each in read_get([text])]
    assert found == [HasTerm("A:11"), Compare("age", ">", "P1Y")]


def test_json_and_commas_may_stand_beside_each_other() -> None:
    exact = '{"id": "A:11", "includeDescendantTerms": false}'
    found = read_get([exact, "B:22,C:33", '[["D:4", "E:5"]]'])
    assert [each.predicate for each in found] == [
        HasTerm("A:11", False),
        HasTerm("B:22"),
        HasTerm("C:33"),
        AnyOf((HasTerm("D:4"), HasTerm("E:5"))),
    ]


@pytest.mark.parametrize(
    "text",
    ["[", "[]", "{}", '[""]', '["A:11",]', "[1]", "[NaN]", "[null]", '[{"id": "A:1", "id": "B:2"}]',
     "[" * 200 + "]" * 200, '{"id": "A:1"},B:2'],
)  # fmt: skip
def test_json_of_a_get_is_read_as_strictly_as_a_body(text: str) -> None:
    with pytest.raises(BadQuestion):
        read_get([text])


def test_descendants_are_on_unless_switched_off() -> None:
    on, off = read([{"id": "A:11"}, {"id": "A:11", "includeDescendantTerms": False}])
    assert (on.predicate, off.predicate) == (HasTerm("A:11", True), HasTerm("A:11", False))


def test_a_list_is_a_group_of_alternatives() -> None:
    (group,) = read([["A:11", {"id": "age", "operator": ">", "value": "P1Y"}]])
    assert group.predicate == AnyOf((HasTerm("A:11"), Compare("age", ">", "P1Y")))
    assert group.text == "(A:11|age:>P1Y)"


@pytest.mark.parametrize(
    "item",
    [
        7,
        None,
        "",
        "   ",
        "x" * 300,
        {},
        {"id": ""},
        {"id": 5},
        {"id": "A:11", "colour": "red"},
        {"id": "A:11", "operator": "~", "value": "1"},
        {"id": "A:11", "operator": "=", "value": 30},
        {"id": "A:11", "operator": "="},
        {"id": "A:11", "value": None},
        {"id": "A:11", "operator": ["="], "value": "1"},
        {"id": "A:11", "similarity": "huge"},
        {"id": "A:11", "similarity": ["exact"]},
        {"id": "A:11", "includeDescendantTerms": "yes"},
        {"id": "A:11", "operator": "=", "value": "1", "similarity": "exact"},
        {"id": "A:11", "scope": "planets"},
        {"id": "A:11", "scope": ["individual"]},
        [],
        [[["A:11"]]],
        ["A:11", {}],
    ],
)
def test_what_the_schema_lets_through_is_refused_by_hand(item: object) -> None:
    with pytest.raises(BadQuestion):
        read([item])


@pytest.mark.parametrize("similarity", ["high", "medium", "low"])
def test_similarity_is_unsupported_and_says_so(similarity: str) -> None:
    with pytest.raises(UnsupportedQuestion, match="similarity"):
        read([{"id": "A:11", "similarity": similarity}])


@pytest.mark.parametrize(
    "item",
    [
        {"id": "sex", "operator": "=", "value": "NCIT:C16576"},
        {"id": "sex", "operator": "!", "value": "NCIT:C16576"},
        {"id": "diseases.diseaseCode", "value": "ICD10:G35"},
        {"id": "zygosity", "operator": "=", "value": "GENO:0000136"},
        {"id": "sex:NCIT:C16576"},
        {"not": "sex:NCIT:C16576"},
        ["sex:NCIT:C16576", "sex:male"],
        "sex:=NCIT:C16576",
        "sex:NCIT:C16576",
    ],
)
def test_a_field_is_not_compared_with_the_id_of_a_term_to_answer_no(item: object) -> None:
    """Nobody's words are the id, whoever has the term."""
    with pytest.raises(UnsupportedQuestion, match=r"ask for the term: [A-Z0-9]+:[A-Z0-9]+"):
        read([item])


@pytest.mark.parametrize("word", ["https://example.org/1", "12:30", "a:b", "T4:late", "P65Y"])
def test_words_with_a_colon_are_words(word: str) -> None:
    (found,) = read([{"id": "notes", "operator": "=", "value": word}])
    assert found.predicate == Compare("notes", "=", word)


def test_filters_are_capped_groups_included() -> None:
    assert len(read(["A:11"] * MAX_FILTERS)) == MAX_FILTERS
    with pytest.raises(BadQuestion, match="At most"):
        read([*["A:11"] * (MAX_FILTERS - 1), ["A:11", "B:22"]])


@pytest.mark.parametrize("scope", ["individual", "individuals", "Individual"])
def test_a_scope_is_read_singular_or_plural(segment: Segment, scope: str) -> None:
    filters = read([{"id": "NCIT:C16576", "scope": scope}])
    assert unknown_ids(filters, segment) == ()


def test_a_term_is_unknown_in_a_scope_it_is_not_listed_for(segment: Segment) -> None:
    filters = read([{"id": "NCIT:C16576", "scope": "run"}])
    assert unknown_ids(filters, segment) == ("NCIT:C16576",)


def test_unknown_ids_are_named_once_from_inside_groups_too(segment: Segment) -> None:
    filters = read(["NCIT:C16576", "X:11", ["X:11", "sex", "shoe:=44"]])
    assert unknown_ids(filters, segment) == ("X:11", "sex", "shoe")


def test_values_of_one_single_valued_field_are_alternatives(segment: Segment) -> None:
    filters = read_get(["NCIT:C16576,ICD10:G35,NCIT:C20197"])
    assert set(joined(filters, segment)) == {HasTerm("ICD10:G35"), AnyOf((FEMALE, MALE))}


def test_equalities_on_one_single_valued_field_are_alternatives(segment: Segment) -> None:
    (either,) = joined(read_get(["sex:=female,sex:=male"]), segment)
    assert either == AnyOf((Compare("sex", "=", "female"), Compare("sex", "=", "male")))


def test_a_word_and_a_term_of_one_single_valued_field_are_alternatives(segment: Segment) -> None:
    (either,) = joined(read_get(["NCIT:C16576,sex:male"]), segment)
    assert either == AnyOf((FEMALE, HasTerm("sex:male")))


def test_values_of_a_many_valued_field_must_all_hold(segment: Segment) -> None:
    filters = read_get(["ICD10:G35,ICD10:E10"])
    assert joined(filters, segment) == (HasTerm("ICD10:G35"), HasTerm("ICD10:E10"))


def test_inequalities_are_never_alternatives(segment: Segment) -> None:
    assert len(joined(read_get(["sex:!female,sex:!male"]), segment)) == 2
    assert len(joined(read_get(["LOINC:35925-4:>20,LOINC:35925-4:<30"]), segment)) == 2


def test_no_filters_narrow_nothing(segment: Segment) -> None:
    assert joined((), segment) == ()
    assert unknown_ids((), segment) == ()


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("-A:11", "-A:11"),
        ({"not": "A:11"}, "-A:11"),
        ({"not": ["A:11", "B:22"]}, "-(A:11|B:22)"),
        (["-A:11", "B:22"], "(-A:11|B:22)"),
    ],
)
def test_a_filter_may_be_denied(item: object, text: str) -> None:
    (found,) = read([item])
    assert found.text == text


@pytest.mark.parametrize(
    "item",
    [
        *("-", "- ", {"not": "A:11", "id": "B:22"}, {"not": {}}, {"not": None}, {"not": []}),
        {"not": {"not": {"not": "A:11"}}},
    ],
)
def test_a_denial_of_nothing_or_without_end_is_refused(item: object) -> None:
    with pytest.raises(BadQuestion):
        read([item])


@pytest.mark.parametrize("item", ["-" * 200 + "A:11", "-" * 250])
def test_a_pile_of_denials_is_refused(item: object) -> None:
    with pytest.raises(BadQuestion):
        read([item])


def test_denied_ids_are_named_where_unknown(segment: Segment) -> None:
    assert unknown_ids(read(["-X:11"]), segment) == ("X:11",)
