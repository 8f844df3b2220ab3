"""Judges a dataset's consent against a researcher's purpose and returns a `Verdict` with reasons.

DUO 2021-02-23. Pure: `now` and the disease hierarchy are arguments. Deny > review > permit; what
is unknown or not understood is a review, never a permit. GA4GH does not offer DUO as a tool of
legal compliance, and neither does this. Leaves grants and levels of access to the policy engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from duo.consent import Consent
from duo.coverage import permission_finding
from duo.disease import Hierarchy
from duo.modifiers import Circumstances, after_months, modifier_finding
from duo.purpose import Purpose
from duo.terms import DUO_RELEASE, Term
from duo.verdict import Finding, Outcome, Verdict, Versions, worst


def match(
    consent: Consent | None,
    purpose: Purpose,
    *,
    hierarchy: Hierarchy,
    now: int,
    strict_duos: bool = False,
    used_months: int = 0,
) -> Verdict:
    """`used_months` of a time limit are already spent by earlier grants. `strict_duos` asks for a
    person wherever DUOS abstains."""
    today = datetime.fromtimestamp(now, tz=UTC).date()
    findings = tuple(
        _findings(
            consent,
            purpose,
            hierarchy=hierarchy,
            today=today,
            strict_duos=strict_duos,
            used_months=used_months,
        )
    )
    return Verdict(
        outcome=worst(finding.outcome for finding in findings),
        reasons=findings,
        obligations=tuple(f.obligation for f in findings if f.obligation is not None),
        missing=tuple(sorted({name for finding in findings for name in finding.missing})),
        expires=_expires(findings, purpose, today),
        versions=Versions(duo=DUO_RELEASE, diseases=hierarchy.release),
    )


def _findings(
    consent: Consent | None,
    purpose: Purpose,
    *,
    hierarchy: Hierarchy,
    today: date,
    strict_duos: bool,
    used_months: int,
) -> Iterator[Finding]:
    if consent is None:
        yield Finding(Outcome.REVIEW, "no_data_use", "The dataset states no data use conditions.")
        return
    yield permission_finding(
        consent.permissions,
        purpose,
        clinical_care=consent.has(Term.CC),
        hierarchy=hierarchy,
        strict_duos=strict_duos,
    )
    around = Circumstances(
        consent, purpose, hierarchy=hierarchy, today=today, used_months=used_months
    )
    for condition in sorted(consent.modifiers, key=lambda c: (c.term, sorted(c.values))):
        yield modifier_finding(condition, around)
    for raw in consent.unclear:
        text = f"A condition was not understood: {raw}"
        yield Finding(Outcome.REVIEW, "condition_unclear", text)
    for topic in sorted(purpose.sensitive):
        text = f"A person must judge: {topic.replace('_', ' ')}."
        yield Finding(Outcome.REVIEW, "sensitive", text)


def _expires(findings: tuple[Finding, ...], purpose: Purpose, today: date) -> int | None:
    """Midnight (UTC) after the earliest of all last days, what was asked for included."""
    last_days = [finding.ends for finding in findings if finding.ends is not None]
    if purpose.months is not None:
        last_days.append(after_months(today, purpose.months))
    if not last_days:
        return None
    end = datetime.combine(min(last_days) + timedelta(days=1), time.min, tzinfo=UTC)
    return int(end.timestamp())
