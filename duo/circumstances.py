"""What the rules of modifiers look at, and the findings they make: met, owed, unclear, not met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from duo.consent import Condition, Consent
from duo.disease import Hierarchy
from duo.purpose import Purpose
from duo.verdict import Finding, Obligation, Outcome


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a modifier may look at beside its own parameters."""

    consent: Consent
    purpose: Purpose
    hierarchy: Hierarchy
    today: date


def permit(condition: Condition, text: str) -> Finding:
    return Finding(Outcome.PERMIT, f"{condition.term.name.lower()}_met", text, condition.term)


def owed(
    condition: Condition,
    text: str,
    *,
    until: date | None = None,
    ends: date | None = None,
    evidence: bool = False,
) -> Finding:
    owed = Obligation(condition.term, text, until=until, evidence_required=evidence)
    code = f"{condition.term.name.lower()}_owed"
    return Finding(Outcome.PERMIT, code, text, condition.term, obligation=owed, ends=ends)


def review(condition: Condition, text: str, *missing: str) -> Finding:
    code = f"{condition.term.name.lower()}_unclear"
    return Finding(Outcome.REVIEW, code, text, condition.term, missing=missing)


def deny(condition: Condition, text: str) -> Finding:
    return Finding(Outcome.DENY, f"{condition.term.name.lower()}_not_met", text, condition.term)
