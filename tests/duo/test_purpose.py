"""A purpose as sent becomes the value the rules judge; what is not stated stays unknown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from duo.purpose import Collaboration, Ethics, Organisation, Party, Purpose, Use, read_purpose
from schemas.data_use import DataUsePurpose


def test_nothing_sent_is_everything_unknown() -> None:
    assert read_purpose(DataUsePurpose()) == Purpose()


def test_what_was_sent_is_what_is_judged() -> None:
    sent = DataUsePurpose.model_validate(
        {
            "codes": ["disease", "methods"],
            "diseases": ["MONDO:0004992"],
            "requester": {"identity": "rosa@x", "organisation_type": "not_for_profit"},
            "collaborators": [{"country": "DE"}],
            "commercial": False,
            "ethics": {"reference": "E1"},
            "collaboration": "agreed",
            "months": 6,
        }
    )
    purpose = read_purpose(sent)
    assert purpose.uses == {Use.DISEASE, Use.METHODS}
    assert purpose.parties == (
        Party("rosa@x", organisation=Organisation.NOT_FOR_PROFIT),
        Party(country="DE"),
    )
    assert purpose.ethics == Ethics("E1")
    assert purpose.collaboration is Collaboration.AGREED
    assert (purpose.commercial, purpose.months) == (False, 6)


def test_naming_diseases_means_disease_research() -> None:
    assert Purpose(diseases=frozenset({"MONDO:1"})).all_uses == {Use.DISEASE}


@pytest.mark.parametrize(
    "sent",
    [
        {"codes": ["world_domination"]},
        {"diseases": ["no id"]},
        {"months": 0},
        {"processing_places": ["Germany"]},
        {"requester": {"country": "de"}},
        {"unknown": 1},
        {"summary": "x" * 4_001},
    ],
)
def test_what_is_not_understood_is_refused(sent: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DataUsePurpose.model_validate(sent)
