"""Consent as sent, in all its spellings, becomes one flat form."""

from __future__ import annotations

import pytest

from duo.consent import Condition, Consent, read_consent
from duo.terms import Term
from schemas.data_use import DataUseTerm


def read(*ids: str) -> Consent:
    return read_consent([DataUseTerm(id=name) for name in ids])


def terms(consent: Consent) -> set[Term]:
    return {c.term for c in (*consent.permissions, *consent.modifiers)}


def test_nested_and_flat_modifiers_agree() -> None:
    nested = read_consent(
        [DataUseTerm(id="DUO:0000042", modifiers=(DataUseTerm(id="DUO:0000025", months=12),))]
    )
    flat = read_consent([DataUseTerm(id="DUO:0000025", months=12), DataUseTerm(id="DUO:0000042")])
    assert nested == flat
    assert nested.modifiers == {Condition(Term.TS, months=12)}


def test_order_and_duplicates_do_not_matter() -> None:
    assert read("DUO:0000042", "DUO:0000045") == read("DUO_0000045", "DUO:0000042", "DUO:0000042")


def test_diseases_listed_one_by_one_are_one_permission() -> None:
    consent = read_consent(
        [DataUseTerm(id="DUO:0000007", values=(d,)) for d in ("MONDO:1", "MONDO:2")]
    )
    assert consent.permissions == {Condition(Term.DS, values=frozenset({"MONDO:1", "MONDO:2"}))}


def test_obsolete_gru_cc_is_gru_with_cc() -> None:
    consent = read("DUO:0000005")
    assert terms(consent) == {Term.GRU, Term.CC}
    assert consent.warnings


def test_obsolete_ru_takes_clinical_care_away() -> None:
    assert terms(read("DUO:0000005", "DUO:0000014")) == {Term.GRU}


@pytest.mark.parametrize(
    "name",
    [
        "DUO:0000001",
        "DUO:0000017",
        "DUO:0000002",
        "DUO:0000037",
        "NAGR",
        "DUO:1234567",
        "free text",
    ],
)
def test_what_is_no_condition_is_unclear_and_never_dropped(name: str) -> None:
    assert read("DUO:0000042", name).unclear


def test_nesting_without_end_is_unclear() -> None:
    deep = DataUseTerm(id="DUO:0000045")
    for _ in range(8):
        deep = DataUseTerm(id="DUO:0000042", modifiers=(deep,))
    consent = read_consent([deep])
    assert consent.unclear
    assert not consent.has(Term.NPU)


def test_nothing_sent_is_nothing_allowed() -> None:
    assert read() == Consent(frozenset())
