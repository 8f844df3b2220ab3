"""A purpose as sent becomes the value the rules judge; what is not stated stays unknown."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from duo.errors import PurposeUnreadable
from duo.purpose import (
    Agreement,
    Collaboration,
    Ethics,
    Organisation,
    Party,
    Purpose,
    Use,
    read_purpose,
)
from schemas.data_use import DataUseRequest


def read(sent: object) -> Purpose:
    return read_purpose(DataUseRequest.model_validate(sent))


def test_nothing_sent_is_everything_unknown() -> None:
    assert read({}) == Purpose()


def test_null_says_no_more_than_silence() -> None:
    sections = dict.fromkeys(DataUseRequest.model_fields)
    inner = {"use": {"commercial": None}, "ethics": {"ref": None, "refused": None}}
    assert read(sections) == read(inner) == Purpose()


def test_what_was_sent_is_what_is_judged() -> None:
    purpose = read(
        {
            "purpose": {
                "codes": ["DUO:0000040", "DUO_0000031", "clinical_care"],
                "diseases": "MONDO:0004992",
                "research_types": ["X:1"],
            },
            "data_kinds": ["genotype"],
            "requester": {"identity": "rosa@x", "organisation": {"type": "not_for_profit"}},
            "collaborators": [{"organisation": {"country": "DE", "ror": "01"}}],
            "use": {"commercial": False},
            "places": {"processing": ["DE"]},
            "project": {"id": "alpha", "months": 6, "months_used": 2},
            "ethics": {"ref": "E1", "valid_until": "2027-01-01"},
            "commitments": {
                "publish": True,
                "earliest_publication": "2027-02-01",
                "return_data": False,
                "collaborate": "agreed:2026-05-01",
            },
            "permit": {"valid_until": "2028-01-01"},
            "sensitive": ["minors"],
        }
    )
    assert purpose == Purpose(
        uses=frozenset({Use.DISEASE, Use.METHODS, Use.CLINICAL_CARE}),
        diseases=frozenset({"MONDO:0004992"}),
        research_types=frozenset({"X:1"}),
        data_kinds=frozenset({"genotype"}),
        parties=(
            Party("rosa@x", organisation=Organisation.NOT_FOR_PROFIT),
            Party(country="DE", ror="01"),
        ),
        commercial=False,
        processing_places=frozenset({"DE"}),
        project="alpha",
        months=6,
        months_used=2,
        ethics=Ethics("E1", valid_until=date(2027, 1, 1)),
        will_publish=True,
        earliest_publication=date(2027, 2, 1),
        will_return_data=False,
        collaboration=Agreement(Collaboration.AGREED, since=date(2026, 5, 1)),
        permit_until=date(2028, 1, 1),
        sensitive=frozenset({"minors"}),
    )


@pytest.mark.parametrize(
    ("code", "use"),
    [
        ("DUO:0000032", Use.POPULATION),
        ("DUO:0000033", Use.ANCESTRY),
        ("DUO:0000034", Use.AGE_CATEGORY),
        ("DUO:0000035", Use.GENDER_CATEGORY),
        ("DUO:0000036", Use.CONTROLS),
        ("DUO:0000037", Use.BIOMEDICAL),
        ("DUO:0000038", Use.BIOMEDICAL),
        ("DUO:0000039", Use.DRUG_DEVELOPMENT),
        ("general", Use.GENERAL),
        (" Social_Science ", Use.SOCIAL_SCIENCE),
    ],
)
def test_a_code_is_an_investigation_term_or_a_word(code: str, use: Use) -> None:
    assert read({"purpose": {"codes": [code]}}).uses == {use}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("refused", Agreement(Collaboration.REFUSED)),
        ({"status": "asked"}, Agreement(Collaboration.ASKED)),
        (
            {"status": "agreed", "evidence": "letter"},
            Agreement(Collaboration.AGREED, evidence="letter"),
        ),
    ],
)
def test_collaboration_is_a_word_or_an_object(said: object, meant: Agreement) -> None:
    assert read({"commitments": {"collaborate": said}}).collaboration == meant


def test_naming_diseases_means_disease_research() -> None:
    assert Purpose(diseases=frozenset({"MONDO:1"})).all_uses == {Use.DISEASE}


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"purpose": {"codes": ["general", "world_domination"]}}, "purpose.codes.1"),
        ({"purpose": {"codes": ["DUO:0000042"]}}, "purpose.codes.0"),
        ({"purpose": {"codes": [","]}}, "purpose.codes.0"),
        ({"commitments": {"collaborate": "agreed:2026-02-30"}}, "commitments.collaborate"),
    ],
)
def test_what_means_nothing_is_refused_by_name(sent: object, named: str) -> None:
    with pytest.raises(PurposeUnreadable, match=named):
        read(sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"codes": ["general"]},
        {"project": {"months": 0}},
        {"project": {"months": True}},
        {"project": {"months_used": -1}},
        {"project": {"start": 5}},
        {"requester": {"organisation": {"type": "nice"}}},
        {"use": {"commercial": "no"}},
        {"use": {"commercial": 0}},
        {"ethics": {"valid_until": "2027-01-01T00:00:00"}},
        {"commitments": {"collaborate": "agreed"}},
        {"commitments": {"collaborate": True}},
        {"sensitive": ["taste"]},
        {"purpose": {"summary": "x" * 4_001}},
        {"purpose": {"diseases": ["MONDO:1"] * 201}},
        [],
        "general",
    ],
)
def test_what_is_malformed_is_refused(sent: object) -> None:
    with pytest.raises(ValidationError):
        DataUseRequest.model_validate(sent)
