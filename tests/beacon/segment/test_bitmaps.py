from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from beacon import ontology
from beacon.catalog import Compare
from beacon.errors import SourceRefused, UnsupportedFilter
from beacon.findings import Amount, Finding, Term, Text, findings
from beacon.ontology import Hierarchy
from beacon.quantities import date_seconds, duration_days, of_text
from beacon.segment.bitmaps import FindingIndex, Values, compare_text

Operator = Literal["=", "<", ">", "!", ">=", "<="]


def term_ids(record: dict[str, object]) -> set[str]:
    return {each.id for each in findings(record) if isinstance(each, Term)}


def test_terms_are_found_wherever_the_record_has_them() -> None:
    record: dict[str, object] = {
        "id": "P1",
        "sex": {"id": "NCIT:C16576", "label": "female"},
        "diseases": [{"diseaseCode": {"id": "ICD10:G35"}, "severity": {"id": "HP:0012828"}}],
    }
    assert term_ids(record) == {"NCIT:C16576", "ICD10:G35", "HP:0012828"}


def test_excluded_features_relatives_units_and_free_info_never_match() -> None:
    record: dict[str, object] = {
        "phenotypicFeatures": [
            {"featureType": {"id": "HP:0000001"}, "excluded": True},
            {"featureType": {"id": "HP:0000002"}, "excluded": "TRUE"},
            {"featureType": {"id": "HP:0000003"}, "excluded": False},
        ],
        "pedigrees": [{"disease": {"diseaseCode": {"id": "ICD10:C50"}}}],
        "measurements": [{"measurementValue": {"unit": {"id": "NCIT:C28252"}, "value": 1}}],
        "info": {"note": {"id": "HP:0000004"}},
    }
    assert term_ids(record) == {"HP:0000003"}


def test_measurements_are_found_in_both_shapes() -> None:
    def measured(value: object) -> set[Finding]:
        record = {"assayCode": {"id": "LOINC:1-8", "label": "x"}, "measurementValue": value}
        return {each for each in findings({"measurements": [record]}) if isinstance(each, Amount)}

    expected = {Amount("LOINC:1-8", "number", 3.5, 3.5, "x")}
    assert measured({"value": 3.5}) == measured({"quantity": {"value": 3.5}}) == expected
    assert measured({"value": "3.5"}) == measured({"value": True}) == set()


def test_ages_are_durations_under_their_path() -> None:
    record = {"diseases": [{"ageOfOnset": {"iso8601duration": "P1Y"}}]}
    expected = Amount("diseases.ageOfOnset", "duration", 365.25, 365.25)
    assert set(findings(record)) == {expected}


@pytest.mark.parametrize(
    ("element", "kind", "low", "high"),
    [
        ({"iso8601duration": "P1W"}, "duration", 7, 7),
        ({"weeks": 2, "days": 3}, "duration", 17, 17),
        (
            {"start": {"iso8601duration": "P1D"}, "end": {"iso8601duration": "P9D"}},
            *("duration", 1, 9),
        ),
        ({"start": "1970-01-01", "end": "1970-01-02"}, "date", 0, 2 * 86400 - 1),
        ("P3D", "duration", 3, 3),
    ],
)
def test_every_form_of_a_time_is_an_amount(
    element: object, kind: str, low: float, high: float
) -> None:
    (found,) = findings({"onset": element})
    assert isinstance(found, Amount)
    assert (found.kind, found.low, found.high) == (kind, low, high)


@pytest.mark.parametrize(
    "element",
    [
        {"start": {"iso8601duration": "P9D"}, "end": {"iso8601duration": "P1D"}},
        {"start": "1970-01-01", "end": {"iso8601duration": "P1D"}},
        {"iso8601duration": "soon"},
        {"weeks": "2"},
    ],
)
def test_a_time_that_contradicts_itself_is_no_interval(element: object) -> None:
    found = list(findings({"onset": element}))
    assert not any(isinstance(each, Amount) and each.low != each.high for each in found)


def test_words_of_a_run_are_found_and_references_are_not() -> None:
    run = {"id": "R", "biosampleId": "B", "libraryStrategy": "WGS", "runDate": "2015"}
    found = set(findings(run))
    assert Text("libraryStrategy", "WGS") in found
    assert {each.field for each in found} == {"libraryStrategy", "runDate"}


def test_a_cohorts_exclusion_criteria_say_nothing_of_its_people() -> None:
    sick = {"diseaseConditions": [{"diseaseCode": {"id": "HP:0001", "label": "x"}}]}
    cohort: dict[str, object] = {"exclusionCriteria": sick}
    assert list(findings(cohort)) == []


def test_twelve_months_are_a_year() -> None:
    assert duration_days("P12M") == duration_days("P1Y")


@pytest.mark.parametrize("text", ["", "P", "PT", "1Y", "P1", "P-1Y", "P1Y2Q", "P1Y" * 40])
def test_what_is_not_a_duration_is_none(text: str) -> None:
    assert duration_days(text) is None


def test_a_term_stands_for_everyone_below_it() -> None:
    tree = Hierarchy({"A:1": "top", "A:2": "mid"}, {"A:2": ("A:1",), "A:3": ("A:2",)})
    index = FindingIndex()
    index.add(4, [Term("A:3", "leaf", "diseases.diseaseCode")])
    index.add(7, [Term("A:1", "", "diseases.diseaseCode")])
    terms = index.terms(tree)
    assert terms["A:1"].closed == BitMap([4, 7])
    assert terms["A:1"].exact == BitMap([7])
    assert terms["A:2"].closed == BitMap([4])
    assert not terms["A:2"].exact
    assert terms["A:2"].label == "mid"
    assert set(terms) == {"A:1", "A:2", "A:3"}


def test_only_a_term_of_one_single_valued_field_has_that_field() -> None:
    index = FindingIndex()
    index.add(0, [Term("X:1", "", "sex"), Term("X:2", "", "ethnicity"), Term("X:2", "", "sex")])
    index.add(1, [Term("X:3", "", "diseases.diseaseCode")])
    terms = index.terms(Hierarchy())
    assert [terms[f"X:{n}"].single_field for n in (1, 2, 3)] == ["sex", None, None]


def values(*pairs: tuple[float, int]) -> Values:
    index = FindingIndex()
    for amount, person in pairs:
        index.add(person, [Amount("L:1", "number", amount, amount)])
    ((_, collected),) = index.amounts()
    return collected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("=", {2}), ("<", {1, 3}), ("<=", {1, 2, 3}), (">", {3}), (">=", {2, 3}), ("!", {1, 3})],
)
def test_numbers_compare_as_numbers(operator: Operator, expected: set[int]) -> None:
    table = values((9, 1), (30, 2), (100, 3), (5, 3))
    assert set(table.compare(Compare("L:1", operator, "30.0"), (30.0, 30.0))) == expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("=", {2}), ("<", {1}), ("<=", {1, 2}), (">", {4}), (">=", {2, 3, 4}), ("!", {1, 4})],
)
def test_a_range_stands_so_only_where_all_of_it_does(
    operator: Operator, expected: set[int]
) -> None:
    """Records 1..4 hold 0-9, 10-20, 15-25 and 21-30; asked is 10-20, such as the year 2015."""
    index = FindingIndex()
    for person, ends in enumerate(((0.0, 9.0), (10.0, 20.0), (15.0, 25.0), (21.0, 30.0)), 1):
        index.add(person, [Amount("d", "date", *ends)])
    ((_, table),) = index.amounts()
    assert set(table.compare(Compare("d", operator, ""), (10.0, 20.0))) == expected


@pytest.mark.parametrize("value", ["abc", "", "nan", "inf", "P1Y"])
def test_what_is_not_a_number_is_none(value: str) -> None:
    assert of_text(value, "number") is None


def test_a_bare_number_is_no_duration() -> None:
    assert of_text("40", "duration") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970", 365 * 86400),
        ("1970-02", 28 * 86400),
        ("1972-12", 31 * 86400),
        ("1970-01-01", 86400),
        ("1970-01-01T00:00:00Z", 1),
    ],
)
def test_a_date_is_as_long_as_it_is_vague(text: str, seconds: int) -> None:
    found = date_seconds(text)
    assert found is not None
    assert found[1] - found[0] + 1 == seconds


@pytest.mark.parametrize(
    "text", ["", "70", "1970-13", "1970-02-30", "0000", "9999", "1970-01-01T99:99Z", "١٩٧٠"]
)
def test_what_is_not_a_date_is_none(text: str) -> None:
    assert date_seconds(text) is None


def words(operator: Operator, value: str) -> set[int]:
    texts = [("female", BitMap([1, 2])), ("male", BitMap([2, 3])), ("a.c*", BitMap([4]))]
    return set(compare_text(Compare("sex", operator, value), texts))


def test_words_compare_without_case_and_with_a_wildcard() -> None:
    assert words("=", "Female") == {1, 2}
    assert words("=", "%male") == {1, 2, 3}
    assert words("=", "male%x") == set()
    assert words("=", "abc*") == set()


@given(st.text("ab", max_size=8), st.text("ab%", max_size=6))
def test_a_wildcard_stands_for_any_run_of_characters(text: str, value: str) -> None:
    pattern = ".*".join(re.escape(part) for part in value.split("%"))
    like = bool(compare_text(Compare("sex", "=", value), [(text, BitMap([1]))]))
    assert like == bool(re.fullmatch(pattern, text))


def test_many_wildcards_over_a_text_that_repeats_itself_end() -> None:
    texts = [("a" * 5_000, BitMap([1]))]
    assert not compare_text(Compare("sex", "=", "%a" * 99 + "b%"), texts)


def test_not_equal_leaves_out_people_with_any_equal_value() -> None:
    assert words("!", "female") == {3, 4}


@pytest.mark.parametrize(("operator", "value"), [("<", "a"), (">=", "a"), ("=", "x" * 201)])
def test_words_refuse_order_and_endless_patterns(operator: Operator, value: str) -> None:
    with pytest.raises(UnsupportedFilter):
        words(operator, value)


def test_text_findings_carry_the_label_of_their_field() -> None:
    assert Text("sex", "Female") in set(findings({"sex": {"id": "NCIT:C1", "label": "Female"}}))


def test_hierarchies_are_read_from_obo_and_from_tables(tmp_path: Path) -> None:
    obo = tmp_path / "a.obo"
    obo.write_text(
        "format-version: 1.4\nid: not:a-term\n\n[Term]\nid: A:2\nname: mid\nis_a: A:1 ! top\n\n"
        "[Typedef]\nid: part_of\n\n[Term]\nid: A:1\nname: top\n"
    )
    table = tmp_path / "b.tsv"
    table.write_text("# terms\nA:3\tleaf\tA:2|A:9\nA:4\talone\n")
    tree = ontology.read([obo, table])
    assert tree.ancestors("A:3") == {"A:2", "A:1", "A:9"}
    assert set(tree.labels) == {"A:1", "A:2", "A:3", "A:4"}


def test_a_loop_in_a_hierarchy_ends_the_climb() -> None:
    assert Hierarchy({}, {"A": ("B",), "B": ("A",)}).ancestors("A") == {"B"}


def test_a_table_line_without_a_label_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "b.tsv"
    table.write_text("A:3 leaf A:2\n")
    with pytest.raises(SourceRefused):
        ontology.read([table])
