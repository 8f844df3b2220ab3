"""The cases of DUOS' own matcher, version 4: where it decides we decide alike, where it abstains we
ask a person.

Source: DataBiosphere/consent-ontology, DataUseMatcherV4Test at a0160f4c. It has no permissions
beside NPU and none on an abstained request; those datasets are general research use here. It
approves methods under disease-specific and ancestry consent; there texts disagree, and we review.
"""

from __future__ import annotations

from datetime import date

import pytest

from duo.consent import Condition, Consent
from duo.disease import Hierarchy
from duo.matching import match
from duo.purpose import Organisation, Party, Purpose, Use
from duo.terms import Term
from duo.verdict import Outcome

CANCER, INTESTINAL = "DOID:162", "DOID:10155"
# What DUOS' search service answers for the two diseases of its cases.
TABLES = Hierarchy(
    "duos",
    {
        "DOID:4": (),
        "DOID:14566": ("DOID:4",),
        CANCER: ("DOID:14566",),
        "DOID:0050686": (CANCER,),
        "DOID:3119": ("DOID:0050686",),
        INTESTINAL: ("DOID:3119",),
    },
)
GRU, HMB, POA = Condition(Term.GRU), Condition(Term.HMB), Condition(Term.POA)


def ds(disease: str) -> Condition:
    return Condition(Term.DS, values=frozenset({disease}))


def uses(*those: Use, disease: str = "", sensitive: str = "") -> Purpose:
    return Purpose(
        uses=frozenset(those),
        diseases=frozenset({disease} - {""}),
        sensitive=frozenset({sensitive} - {""}),
    )


def judge(permission: Condition, purpose: Purpose, *modifiers: Condition) -> Outcome:
    consent = Consent(frozenset({permission}), frozenset(modifiers))
    today = date(2026, 6, 1)
    return match(consent, purpose, hierarchy=TABLES, today=today, strict_duos=True).outcome


@pytest.mark.parametrize(
    ("dataset", "purpose"),
    [
        (ds(CANCER), uses(disease=INTESTINAL)),
        (GRU, uses(Use.BIOMEDICAL)),
        (HMB, uses(Use.BIOMEDICAL)),
        (GRU, uses(Use.ANCESTRY)),
        (POA, uses(Use.ANCESTRY)),
        (GRU, uses(Use.METHODS)),
        (HMB, uses(Use.METHODS)),
    ],
)
def test_what_duos_approves_is_permitted(dataset: Condition, purpose: Purpose) -> None:
    assert judge(dataset, purpose) is Outcome.PERMIT


@pytest.mark.parametrize(
    ("dataset", "purpose"),
    [
        (ds(INTESTINAL), uses(disease=CANCER)),
        (HMB, uses(Use.GENERAL)),
        (ds(CANCER), uses(Use.BIOMEDICAL)),
        (POA, uses(Use.BIOMEDICAL)),
        (HMB, uses(Use.ANCESTRY)),
        (ds(CANCER), uses(Use.ANCESTRY)),
    ],
)
def test_what_duos_denies_is_denied(dataset: Condition, purpose: Purpose) -> None:
    assert judge(dataset, purpose) is Outcome.DENY


@pytest.mark.parametrize(
    ("restricted", "organisation", "outcome"),
    [
        (True, Organisation.NOT_FOR_PROFIT, Outcome.PERMIT),
        (True, Organisation.FOR_PROFIT, Outcome.DENY),
        (False, Organisation.NOT_FOR_PROFIT, Outcome.PERMIT),
        (False, Organisation.FOR_PROFIT, Outcome.PERMIT),
    ],
)
def test_non_profit_use_agrees(
    restricted: bool, organisation: Organisation, outcome: Outcome
) -> None:
    purpose = Purpose(uses=frozenset({Use.GENERAL}), parties=(Party(organisation=organisation),))
    assert judge(GRU, purpose, *([Condition(Term.NPU)] if restricted else [])) is outcome


@pytest.mark.parametrize(
    "purpose",
    [
        uses(Use.BIOMEDICAL, Use.CONTROLS),
        uses(Use.BIOMEDICAL, Use.POPULATION),
        uses(Use.BIOMEDICAL, Use.GENDER_CATEGORY),
        uses(Use.BIOMEDICAL, Use.AGE_CATEGORY),
        uses(Use.BIOMEDICAL, sensitive="vulnerable_population"),
        uses(Use.BIOMEDICAL, sensitive="illegal_behaviour"),
        uses(Use.BIOMEDICAL, sensitive="sexual_health"),
        uses(Use.BIOMEDICAL, sensitive="psychological_traits"),
        uses(Use.BIOMEDICAL, sensitive="not_health"),
        uses(Use.BIOMEDICAL, sensitive="stigmatizing_illness"),
        Purpose(),
    ],
)
def test_where_duos_abstains_a_person_judges(purpose: Purpose) -> None:
    assert judge(HMB, purpose) is Outcome.REVIEW


@pytest.mark.parametrize("dataset", [POA, ds(CANCER)])
def test_methods_where_texts_disagree_are_a_review(dataset: Condition) -> None:
    assert judge(dataset, uses(Use.METHODS)) is Outcome.REVIEW
