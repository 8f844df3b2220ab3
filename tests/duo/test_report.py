"""A verdict as it travels says why, to the requester and to the admin."""

from __future__ import annotations

from datetime import date

from duo.consent import Condition, Consent
from duo.disease import no_hierarchy
from duo.matching import match
from duo.purpose import Organisation, Party, Purpose, Use
from duo.report import report
from duo.terms import Term
from schemas.data_use import ObligationView, VerdictView

TODAY = date(2026, 6, 1)


def said(consent: Consent, purpose: Purpose) -> VerdictView:
    verdict = match(consent, purpose, hierarchy=no_hierarchy(), today=TODAY)
    return report(verdict, policy="7+abc")


def gru(*modifiers: Condition, unclear: tuple[str, ...] = ()) -> Consent:
    return Consent(
        frozenset({Condition(Term.GRU)}),
        frozenset(modifiers),
        unclear=unclear,
        warnings=("odd",),
    )


GENERAL = Purpose(uses=frozenset({Use.GENERAL}))


def test_a_permit_says_what_would_be_owed_and_until_when() -> None:
    view = said(gru(Condition(Term.TS, months=12), Condition(Term.PUB)), GENERAL)
    assert view.decision == "permit"
    assert view.expires_at == date(2027, 6, 1)
    assert view.obligations == (
        ObligationView(
            code="PUB",
            text="Make the results available.",
            until=None,
            evidence_required=True,
        ),
        ObligationView(code="TS", text="Use ends after 12 months.", until=date(2027, 6, 1)),
    )
    assert "You would owe: Make the results available." in view.explain_user
    assert "The last day would be 2027-06-01." in view.explain_user
    assert [finding.term for finding in view.findings] == [
        "DUO:0000042",
        "DUO:0000019",
        "DUO:0000025",
    ]


def test_a_review_says_what_to_state() -> None:
    view = said(gru(Condition(Term.NCU), unclear=("NAGR",)), GENERAL)
    assert view.decision == "needs-review"
    assert view.missing == ("use.commercial",)
    assert "Please state: use.commercial." in view.explain_user
    assert "A condition was not understood: NAGR." in view.explain_user
    assert "needs-review: -: condition_unclear" in view.explain_admin


def test_a_denial_says_why_and_promises_nothing() -> None:
    company = Purpose(
        uses=frozenset({Use.GENERAL}),
        parties=(Party("mallory@x", organisation=Organisation.FOR_PROFIT),),
        months=6,
    )
    view = said(gru(Condition(Term.NPU), Condition(Term.PUB)), company)
    assert view.decision == "deny"
    assert "not for profit" in view.explain_user
    assert "owe" not in view.explain_user
    assert "last day" not in view.explain_user
    assert "mallory" not in view.model_dump_json()


def test_every_verdict_names_what_it_rests_on() -> None:
    view = said(gru(), GENERAL)
    assert view.versions.model_dump() == {"duo": "2021-02-23", "mondo": "none", "policy": "7+abc"}
    assert view.explain_admin.splitlines()[-2:] == [
        "warning: odd",
        "DUO 2021-02-23; diseases none; policy 7+abc",
    ]
