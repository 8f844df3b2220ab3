"""Finds what a policy says in vain or against itself; none of it is refused.

Pure. Faults of data use conditions are `duo.lint`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from access.policies.decision import (
    EVERY_ACTION,
    Ceilings,
    DatasetPolicy,
    EntryRule,
    Level,
    Profile,
)
from access.privacy.profiles import terms
from access.privacy.terms import Terms, counts_power, presence_power


def doubts(policy: DatasetPolicy, *, now: int) -> Iterator[str]:
    """One sentence each."""
    base = {"": EntryRule(policy.level, policy.ceilings)}
    for kind, rule in (base | dict(policy.entries)).items():
        about = f"entries.{kind}: " if kind else ""
        yield from (about + doubt for doubt in _ceilings(rule.level, rule.ceilings))
    for action in sorted(EVERY_ACTION):
        windows = [window for window in policy.windows if action in window.actions]
        if windows and all(window.end is not None and window.end <= now for window in windows):
            yield f"windows: every window of {action.value} is over"
    for person in sorted(policy.excluded_people & set(policy.committee)):
        yield f"exclude: {person} sits on the committee"
    if policy.level is Level.CONTROLLED and not policy.committee:
        yield "committee: nobody can approve, and every answer needs a grant"
    if policy.data_use_for_answers and policy.consent is None:
        yield "data_use_for_answers: without data_use every answer needs a grant"
    if policy.disclosure is not None:
        yield from _given_away(policy.profile_name, policy.disclosure)


def _given_away(name: str, own: Terms) -> Iterator[str]:
    """Where a profile of the file's own tells more than the default one."""
    usual = terms(Profile.DEFAULT)
    if usual is None:
        return
    presence, usual_presence = presence_power(own), presence_power(usual) or 1.0
    if presence is not None and presence > usual_presence + 0.001:
        yield (
            f"profile {name}: allowance {own.allowance:g} lets one account find out "
            f"{presence:.0%} of the people it asks about, at 5% false alarms; "
            f"{usual_presence:.0%} under default"
        )
    if own.signal > usual.signal:
        yield (
            f"profile {name}: {own.counts} counts with noise {own.scale} let one account find out "
            f"about {counts_power(own):.0%}; {counts_power(usual):.0%} under default"
        )
    if own.least < usual.least:
        yield f"profile {name}: groups of {own.least} are told of; {usual.least} under default"
    if own.max_span > usual.max_span:
        yield f"profile {name}: anybody may ask about {own.max_span:,} bases at once"


def _ceilings(level: Level, ceilings: Ceilings) -> Iterator[str]:
    most = 0
    for reached in sorted(ceilings):
        ceiling = ceilings[reached]
        if ceiling is not None and ceiling < most:
            yield f"ceilings: {reached.name.lower()} is below a lower level's and adds nothing"
        most = max(most, ceiling or 0)
    if not any(ceiling for reached, ceiling in ceilings.items() if reached >= level):
        yield "ceilings: no level that may ask gives any answer"
