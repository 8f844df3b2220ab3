"""The form of an access request: what its fields state, what is left unsaid, what comes back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from portal.requests.purpose_form import filled, in_words, new_request
from schemas.data_use import DataUseRequest
from schemas.errors import InvalidInput
from tests.support.data_use import requests

FORM = {
    "dataset": ["cohort-1"],
    "project": ["Hearts"],
    "purpose": ["To learn."],
    "workspace": ["ws-1"],
    "months": ["6"],
}
FULL = FORM | {
    "codes": ["disease", "methods"],
    "diseases": ["MONDO:1; OMIM:2"],
    "organisation_type": ["not_for_profit"],
    "organisation_ror": ["https://ror.org/05xvt9f17"],
    "organisation_country": ["NL"],
    "commercial": ["no"],
    "processing": ["NL, DE"],
    "members": ["rosa@https://login.example\nemil@https://login.example"],
    "ethics_ref": ["IRB-7"],
    "ethics_until": ["2027-06-30"],
    "publish": ["yes"],
    "collaborate": ["2026-05-01"],
}


def read(sent: object) -> DataUseRequest:
    try:
        return DataUseRequest.model_validate(sent)
    except ValidationError:
        return reject()


def test_what_is_left_empty_is_unknown_and_never_no() -> None:
    assert new_request(FORM).data_use == DataUseRequest()


def test_every_field_states_what_it_says() -> None:
    stated = new_request(FULL).data_use
    home = {"type": "not_for_profit", "ror": "https://ror.org/05xvt9f17", "country": "NL"}
    people = ("rosa@https://login.example", "emil@https://login.example")
    assert stated == DataUseRequest.model_validate(
        {
            "purpose": {"codes": ["disease", "methods"], "diseases": ["MONDO:1", "OMIM:2"]},
            "requester": {"organisation": home},
            "collaborators": [{"identity": one, "organisation": home} for one in people],
            "use": {"commercial": False},
            "places": {"processing": ["NL", "DE"]},
            "ethics": {"ref": "IRB-7", "valid_until": "2027-06-30"},
            "commitments": {"publish": True, "collaborate": "agreed:2026-05-01"},
        }
    )


def test_a_form_filled_from_a_request_says_the_same_again() -> None:
    asked = new_request(FULL)
    shown = filled(asked)
    again = {k: v if isinstance(v, list) else [str(v)] for k, v in shown.items()}
    assert new_request(again | {"dataset": ["cohort-1"]}, before=asked.data_use) == asked


@given(requests)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_only_the_api_can_state_is_kept_by_an_edit(sent: object) -> None:
    before = read(sent)
    after = new_request(FORM, before=before).data_use
    for name in ("data_kinds", "sensitive", "permit", "project"):
        assert getattr(after, name) == getattr(before, name)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("organisation_type", "charity", "organisation.type"),
        ("ethics_until", "tomorrow", "valid_until"),
        ("collaborate", "soon", "collaborate"),
        ("diseases", "x" * 301, "diseases"),
        ("months", "0", "months"),
        ("workspace", "", "workspace"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(field: str, value: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        new_request(FORM | {field: [value]})


def test_an_unknown_code_or_answer_states_nothing() -> None:
    odd = {"codes": ["world_domination"], "commercial": ["perhaps"]}
    assert new_request(FORM | odd).data_use == DataUseRequest()


@given(st.dictionaries(st.sampled_from(sorted(FULL)), st.lists(st.text(max_size=30), max_size=3)))
def test_any_form_is_read_or_refused_in_words(form: dict[str, list[str]]) -> None:
    with contextlib.suppress(InvalidInput):
        assert filled(new_request(FORM | form))["months"]


@given(requests)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_everything_stated_is_shown_in_words(sent: object) -> None:
    stated = read(sent)
    shown = "\n".join(value for _, value in in_words(stated))
    for disease in stated.purpose.diseases:
        assert disease in shown
    assert shown or stated == DataUseRequest() or stated.collaborators
