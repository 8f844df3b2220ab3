"""Finds what a policy says in vain or against itself; none of it is refused.

Pure. Faults of data use conditions are `duo.lint`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from access.decision import EVERY_ACTION, Ceilings, DatasetPolicy, EntryRule, Level


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


def _ceilings(level: Level, ceilings: Ceilings) -> Iterator[str]:
    most = 0
    for reached in sorted(ceilings):
        ceiling = ceilings[reached]
        if ceiling is not None and ceiling < most:
            yield f"ceilings: {reached.name.lower()} is below a lower level's and adds nothing"
        most = max(most, ceiling or 0)
    if not any(ceiling for reached, ceiling in ceilings.items() if reached >= level):
        yield "ceilings: no level that may ask gives any answer"
