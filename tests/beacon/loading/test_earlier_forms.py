"""What earlier releases wrote otherwise is read as today's standard has it, and nothing else."""

from __future__ import annotations

import pytest

from beacon.findings import Amount, Term, findings
from beacon.loading.earlier_forms import in_current_forms
from tests.support.beacon_schemas import Schemas

BMI = {"id": "LOINC:35925-4", "label": "BMI"}
QUANTITY = {"unit": {"id": "UCUM:kg/m2", "label": "kg/m2"}, "value": 31.5}
FEMALE = {"id": "NCIT:C16576", "label": "female"}
ADULT = {"id": "NCIT:C49685", "label": "Adult 18-65 Years Old"}


def disease(onset: object) -> dict[str, object]:
    return {
        "id": "P1",
        "sex": FEMALE,
        "diseases": [{"diseaseCode": {"id": "MONDO:0005148"}, "ageOfOnset": onset}],
    }


AGE = {"iso8601duration": "P52Y"}
RANGE = {"start": {"iso8601duration": "P40Y"}, "end": {"iso8601duration": "P50Y"}}


@pytest.mark.parametrize(
    ("wrapped", "today"),
    [
        ({"age": AGE}, AGE),
        ({"ageRange": RANGE}, RANGE),
        ({"ageRange": {"start": {"age": RANGE["start"]}, "end": {"age": RANGE["end"]}}}, RANGE),
        ({"ageGroup": ADULT}, ADULT),
        ({"ontologyClass": ADULT}, ADULT),
        ({"gestationalAge": {"weeks": 33, "days": 2}}, {"weeks": 33, "days": 2}),
        ({"timestamp": "2020-03-01T00:00:00Z"}, "2020-03-01T00:00:00Z"),
    ],
)
def test_a_wrapped_time_stands_for_itself_and_is_valid(wrapped: object, today: object) -> None:
    assert in_current_forms(disease(wrapped)) == disease(today)
    assert in_current_forms(disease(today)) == disease(today)
    Schemas().entry(in_current_forms(disease(wrapped)), "individuals")


@pytest.mark.parametrize("name", ["measures", "measurements"])
@pytest.mark.parametrize("value", [QUANTITY, {"quantity": QUANTITY}])
def test_a_wrapped_amount_stands_for_itself_and_is_valid(name: str, value: object) -> None:
    record = {
        "id": "P1",
        "sex": FEMALE,
        name: [{"assayCode": BMI, "measurementValue": value, "observationMoment": {"age": AGE}}],
    }
    made = in_current_forms(record)
    assert made["measurements"] == [
        {"assayCode": BMI, "measurementValue": QUANTITY, "observationMoment": AGE}
    ]
    assert "measures" not in made
    Schemas().entry(made, "individuals")


def test_what_a_record_says_under_todays_name_stands() -> None:
    assert in_current_forms({"id": "P1", "measures": [1], "measurements": [2]}) == {
        "id": "P1",
        "measurements": [2],
    }


@pytest.mark.parametrize(
    "record",
    [
        {"id": "P1", "info": {"ageOfOnset": {"age": AGE}, "measures": 1}},
        {"id": "C1", "inclusionCriteria": {"ageRange": RANGE}},
        {"id": "P1", "treatments": [{"doseIntervals": [{"quantity": QUANTITY}]}]},
        {"id": "P1", "treatments": [{"doseIntervals": [{"interval": RANGE}]}]},
        {"id": "P1", "measurements": [{"measurementValue": {"quantity": QUANTITY, "more": 1}}]},
        {"id": "P1", "measurements": [{"measurementValue": {"typedQuantities": []}}]},
        {"id": "P1", "diseases": [{"ageOfOnset": {"age": AGE, "notes": "about"}}]},
        {"id": "P1", "diseases": "none"},
    ],
)
def test_what_is_no_wrapper_is_left_alone(record: dict[str, object]) -> None:
    assert in_current_forms(record) == record


def test_a_wrapped_age_is_asked_for_like_any_other() -> None:
    found = list(findings(in_current_forms(disease({"age": AGE}))))
    assert Amount("diseases.ageOfOnset", "duration", 52 * 365.25, 52 * 365.25) in found
    group = list(findings(in_current_forms(disease({"ageGroup": ADULT}))))
    assert Term(ADULT["id"], ADULT["label"], "diseases.ageOfOnset") in group
