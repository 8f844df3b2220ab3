"""A verdict in the form in which it travels: findings, what is owed, what is missing, and why.

`explain_user` says what the requester can act on, `explain_admin` every rule's word with its code.
Neither names a person: findings speak of the request's members, never of their values.
"""

from __future__ import annotations

from collections.abc import Iterable

from duo.verdict import Finding, Obligation, Outcome, Verdict
from schemas.data_use import Decision, FindingView, ObligationView, VerdictView, VersionsView
from schemas.messages import Message, following

_DECISIONS: dict[Outcome, Decision] = {
    Outcome.PERMIT: "permit",
    Outcome.REVIEW: "needs-review",
    Outcome.DENY: "deny",
}
_OPENINGS = {
    Outcome.PERMIT: Message("The conditions of data use allow this."),
    Outcome.REVIEW: Message("A person must judge whether the conditions of data use allow this."),
    Outcome.DENY: Message("The conditions of data use do not allow this."),
}


def report(verdict: Verdict, *, policy: str | None = None) -> VerdictView:
    """`policy` is the version of the policies that the dataset's terms stand in, if they do."""
    return VerdictView(
        decision=_DECISIONS[verdict.outcome],
        findings=tuple(_finding(finding) for finding in verdict.reasons),
        obligations=tuple(_obligation(owed) for owed in verdict.obligations),
        missing=verdict.missing,
        expires_at=verdict.last_day,
        versions=VersionsView(
            duo=verdict.versions.duo, mondo=verdict.versions.diseases, policy=policy
        ),
        warnings=verdict.warnings,
        explain_user=_for_the_requester(verdict),
        explain_admin=_for_the_admin(verdict, policy),
    )


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        term=None if finding.term is None else finding.term.value,
        verdict=_DECISIONS[finding.outcome],
        code=finding.code,
        reason=finding.text,
        missing=finding.missing,
        obligation=None if finding.obligation is None else _obligation(finding.obligation),
    )


def _obligation(owed: Obligation) -> ObligationView:
    return ObligationView(
        code=owed.term.shorthand,
        text=owed.text,
        until=owed.until,
        evidence_required=owed.evidence_required,
    )


def _for_the_requester(verdict: Verdict) -> str:
    said: list[str] = [_OPENINGS[verdict.outcome]]
    if verdict.outcome is not Outcome.PERMIT:
        said += [f.text for f in verdict.reasons if f.outcome is verdict.outcome]
    if verdict.missing:
        said.append(Message("Please state: %(missing)s.", missing=", ".join(verdict.missing)))
    said += [Message("You would owe: %(text)s", text=owed.text) for owed in verdict.obligations]
    if verdict.last_day is not None:
        said.append(
            Message("The last day would be %(last_day)s.", last_day=verdict.last_day.isoformat())
        )
    return following(*said)


def _for_the_admin(verdict: Verdict, policy: str | None) -> str:
    return "\n".join(_lines(verdict, policy))


def _lines(verdict: Verdict, policy: str | None) -> Iterable[str]:
    for finding in verdict.reasons:
        term = "-" if finding.term is None else f"{finding.term.shorthand} {finding.term.value}"
        asks = f" [missing: {', '.join(finding.missing)}]" if finding.missing else ""
        yield f"{finding.outcome.value}: {term}: {finding.code}: {finding.text}{asks}"
    for warning in verdict.warnings:
        yield f"warning: {warning}"
    versions = verdict.versions
    yield f"DUO {versions.duo}; diseases {versions.diseases}; policy {policy or 'none'}"
