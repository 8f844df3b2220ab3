"""Judges a dataset's consent against a researcher's purpose and returns a `Verdict` with reasons.

DUO 2021-02-23. Pure: the day and the disease hierarchy are arguments. Deny > review > permit; what
is unknown or not understood is a review, never a permit. GA4GH does not offer DUO as a tool of
legal compliance, and neither does this. Leaves grants and levels of access to the policy engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from duo.circumstances import Circumstances
from duo.consent import Condition, Consent
from duo.coverage import permission_finding
from duo.disease import Hierarchy
from duo.duties import after_months
from duo.modifiers import modifier_finding
from duo.purpose import SENSITIVE, Purpose
from duo.terms import DUO_RELEASE, Term
from duo.verdict import Finding, Outcome, Verdict, Versions, worst
from schemas.messages import Message


def match(
    consent: Consent | None,
    purpose: Purpose,
    *,
    hierarchy: Hierarchy,
    today: date,
    strict_duos: bool = False,
) -> Verdict:
    """`strict_duos` asks for a person wherever DUOS abstains."""
    findings = tuple(
        _findings(consent, purpose, hierarchy=hierarchy, today=today, strict_duos=strict_duos)
    )
    outcome = worst(finding.outcome for finding in findings)
    # Nothing is owed for what is denied; the findings still say what would have been.
    offered = () if outcome is Outcome.DENY else findings
    return Verdict(
        outcome=outcome,
        reasons=findings,
        obligations=tuple(f.obligation for f in offered if f.obligation is not None),
        missing=tuple(sorted({name for finding in findings for name in finding.missing})),
        last_day=_last_day(findings, purpose, today) if offered else None,
        versions=Versions(duo=DUO_RELEASE, diseases=hierarchy.release),
        warnings=() if consent is None else consent.warnings,
    )


def _findings(
    consent: Consent | None,
    purpose: Purpose,
    *,
    hierarchy: Hierarchy,
    today: date,
    strict_duos: bool,
) -> Iterator[Finding]:
    if consent is None:
        yield Finding(
            Outcome.REVIEW, "no_data_use", Message("The dataset states no data use conditions.")
        )
        return
    yield permission_finding(
        consent.permissions,
        purpose,
        clinical_care=consent.has(Term.CC),
        hierarchy=hierarchy,
        strict_duos=strict_duos,
    )
    around = Circumstances(consent, purpose, hierarchy=hierarchy, today=today)
    for condition in sorted(consent.modifiers, key=_in_order):
        yield modifier_finding(condition, around)
    for raw in consent.unclear:
        text = Message("A condition was not understood: %(raw)s.", raw=raw)
        yield Finding(Outcome.REVIEW, "condition_unclear", text)
    for topic in sorted(purpose.sensitive):
        text = Message("A person must judge: %(topic)s.", topic=SENSITIVE[topic])
        yield Finding(Outcome.REVIEW, "sensitive", text)
    if purpose.permit_until is not None and purpose.permit_until < today:
        text = Message("The data permit that the request rests on has run out.")
        yield Finding(Outcome.REVIEW, "permit_expired", text, missing=("permit.valid_until",))


def _in_order(condition: Condition) -> tuple[str, list[str], int, str]:
    months = -1 if condition.months is None else condition.months
    return condition.term, sorted(condition.values), months, str(condition.until)


def _last_day(findings: tuple[Finding, ...], purpose: Purpose, today: date) -> date | None:
    """The earliest of all last days, those of the months asked for and of a data permit included.
    Months end on the day of the same number (Regulation (EEC) 1182/71, article 3)."""
    last_days = [finding.ends for finding in findings if finding.ends is not None]
    if purpose.months is not None:
        last_days.append(after_months(today, purpose.months))
    if purpose.permit_until is not None and purpose.permit_until >= today:
        last_days.append(purpose.permit_until)
    return min(last_days, default=None)
