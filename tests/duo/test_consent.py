"""Consent as sent, in all its spellings, becomes one flat form."""

from __future__ import annotations

from datetime import date

import pytest

from duo.consent import Condition, Consent, read_consent
from duo.errors import ConsentUnreadable
from duo.terms import LOCAL_CODES, Term
from schemas.data_use import DataUseCheck, DataUseParams, DataUseTerm


def term(name: str, **params: object) -> DataUseTerm:
    return DataUseTerm(id=name, params=DataUseParams.model_validate(params))


def read(*ids: str) -> Consent:
    return read_consent([DataUseTerm(id=name) for name in ids])


def terms(consent: Consent) -> set[Term]:
    return {c.term for c in (*consent.permissions, *consent.modifiers)}


def test_nested_and_flat_modifiers_agree() -> None:
    nested = read_consent(
        [DataUseTerm(id="DUO:0000042", modifiers=(term("DUO:0000025", months=12),))]
    )
    flat = read_consent([term("DUO:0000025", months=12), term("DUO:0000042")])
    assert nested == flat
    assert nested.modifiers == {Condition(Term.TS, months=12)}


def test_order_and_duplicates_do_not_matter() -> None:
    assert read("DUO:0000042", "DUO:0000045") == read("DUO_0000045", "DUO:0000042", "DUO:0000042")


def test_diseases_listed_one_by_one_are_one_permission() -> None:
    consent = read_consent([term("DUO:0000007", diseases=[d]) for d in ("MONDO:1", "MONDO:2")])
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
    within = DataUseTerm(id="DUO:0000045")
    for _ in range(4):
        within = DataUseTerm(id="DUO:0000042", modifiers=(within,))
    assert read_consent([within]) == read("DUO:0000042", "DUO:0000045")


def test_nothing_sent_is_nothing_allowed() -> None:
    assert read() == Consent(frozenset())


def test_each_parameter_goes_to_its_term() -> None:
    consent = read_consent(
        [
            term("DUO:0000042"),
            term("DUO:0000022", regions="EU"),
            term("DUO:0000025", months="12"),
            term("DUO:0000024", date="2030-01-31"),
            term("DUO:0000028", institutions=["ROR:01"]),
            term("DUO:0000026", users=["rosa@x"]),
            term("DUO:0000027", projects=["alpha"]),
            term("DUO:0000012", research_types=["X:1"]),
            term("DUO:0000020", investigators=["Dr. A"]),
        ]
    )
    assert consent.modifiers == {
        Condition(Term.GS, values=frozenset({"EU"})),
        Condition(Term.TS, months=12),
        Condition(Term.MOR, until=date(2030, 1, 31)),
        Condition(Term.IS, values=frozenset({"ROR:01"})),
        Condition(Term.US, values=frozenset({"rosa@x"})),
        Condition(Term.PS, values=frozenset({"alpha"})),
        Condition(Term.RS, values=frozenset({"X:1"})),
        Condition(Term.COL, values=frozenset({"Dr. A"})),
    }
    assert (consent.unclear, consent.warnings) == ((), ())


def test_a_parameter_beside_another_term_is_unclear() -> None:
    consent = read_consent([term("DUO:0000042", diseases=["MONDO:1"])])
    assert consent.unclear == ("DUO:0000042 with diseases",)


def test_two_terms_in_one_text_share_their_parameters() -> None:
    consent = read_consent([term("DUO:0000007,DUO:0000025", diseases=["MONDO:1"], months=6)])
    assert consent.permissions == {Condition(Term.DS, values=frozenset({"MONDO:1"}))}
    assert consent.modifiers == {Condition(Term.TS, months=6)}
    assert consent.unclear == ()


def test_beacon_carries_values_among_the_modifiers() -> None:
    sent = {
        "dataUseConditions": {
            "duoDataUse": [
                {
                    "id": "DUO:0000007",
                    "label": "disease specific research",
                    "version": "17-07-2016",
                    "modifiers": [
                        {"id": "EFO:0001645", "label": "coronary artery disease"},
                        {"id": "DUO:0000022", "modifiers": [{"id": "ISO3166:DE"}]},
                        {"id": "DUO:0000028", "modifiers": [{"id": "ROR:01abc"}]},
                        {"id": "DUO:0000045", "modifiers": [{"id": "ROR:01abc"}]},
                    ],
                }
            ]
        }
    }
    check = DataUseCheck.model_validate({"dataset": sent, "request": {}})
    consent = read_consent(check.dataset)
    assert consent.permissions == {Condition(Term.DS, values=frozenset({"EFO:0001645"}))}
    assert consent.modifiers == {
        Condition(Term.GS, values=frozenset({"ISO3166:DE"})),
        Condition(Term.IS, values=frozenset({"ROR:01abc"})),
        Condition(Term.NPU),
    }
    assert consent.unclear == ("ROR:01abc",)
    assert consent.warnings == ("DUO:0000007 read as of DUO 2021-02-23, another is stated",)


def test_a_label_of_another_term_is_a_warning_and_the_id_counts() -> None:
    consent = read_consent([DataUseTerm(id="DUO:0000018", label="not for profit use only")])
    assert terms(consent) == {Term.NPUNCU}
    assert consent.warnings == ("the label beside DUO:0000018 is not its own",)
    plain = DataUseTerm(id="DUO:0000018", label="Not-for-profit, non-commercial use only")
    assert read_consent([plain]).warnings == ()


@pytest.mark.parametrize("written", ["12 months", "2030", "2030-02-30", "soon"])
def test_a_moratorium_without_a_calendar_day_is_kept_without_one(written: str) -> None:
    consent = read_consent([term("DUO:0000024", date=written)])
    assert consent.modifiers == {Condition(Term.MOR)}
    assert consent.warnings


@pytest.mark.parametrize("code", ["NAGR", "NCTRL", "RS-PD", "RS-G", "RS-POP"])
def test_older_codes_are_kept_with_what_they_meant(code: str) -> None:
    (unclear,) = read(code.lower()).unclear
    assert unclear.endswith(f"({LOCAL_CODES[code]})")


def test_terms_and_values_have_caps() -> None:
    many = DataUseTerm(id="DUO:0000042", modifiers=(term("DUO:0000045"),) * 64)
    with pytest.raises(ConsentUnreadable):
        read_consent([many] * 5)
    with pytest.raises(ConsentUnreadable):
        read_consent([term("DUO:0000007", diseases=[f"M:{n}" for n in range(200)])] * 11)
