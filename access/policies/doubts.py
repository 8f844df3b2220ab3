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
from schemas.messages import Message, following


def doubts(policy: DatasetPolicy, *, now: int) -> Iterator[str]:
    """One sentence each."""
    base = {"": EntryRule(policy.level, policy.ceilings)}
    for kind, rule in (base | dict(policy.entries)).items():
        about = f"entries.{kind}: " if kind else ""
        found = _ceilings(rule.level, rule.ceilings)
        yield from (following(about, doubt, by="") for doubt in found)
    for action in sorted(EVERY_ACTION):
        windows = [window for window in policy.windows if action in window.actions]
        if windows and all(window.end is not None and window.end <= now for window in windows):
            yield Message("windows: every window of %(action)s is over", action=action.value)
    for person in sorted(policy.excluded_people & set(policy.committee)):
        yield Message("exclude: %(person)s sits on the committee", person=person)
    if policy.level is Level.CONTROLLED and not policy.committee:
        yield Message("committee: nobody can approve, and every answer needs a grant")
    if policy.data_use_for_answers and policy.consent is None:
        yield Message("data_use_for_answers: without data_use every answer needs a grant")
    if policy.disclosure is not None:
        yield from _given_away(policy.profile_name, policy.disclosure)


def _given_away(name: str, own: Terms) -> Iterator[str]:
    """Where a profile of the file's own tells more than the default one."""
    usual = terms(Profile.DEFAULT)
    if usual is None:
        return
    presence, usual_presence = presence_power(own), presence_power(usual) or 1.0
    if presence is not None and presence > usual_presence + 0.001:
        yield Message(
            "profile %(name)s: allowance %(allowance)s lets one account find out "
            "%(presence)s of the people it asks about, at 5%% false alarms; "
            "%(usual)s under default",
            name=name,
            allowance=f"{own.allowance:g}",
            presence=f"{presence:.0%}",
            usual=f"{usual_presence:.0%}",
        )
    if own.signal > usual.signal:
        yield Message(
            "profile %(name)s: %(counts)s counts with noise %(scale)s let one account find "
            "out about %(power)s; %(usual)s under default",
            name=name,
            counts=own.counts,
            scale=own.scale,
            power=f"{counts_power(own):.0%}",
            usual=f"{counts_power(usual):.0%}",
        )
    if own.least < usual.least:
        yield Message(
            "profile %(name)s: groups of %(least)s are told of; %(usual)s under default",
            name=name,
            least=own.least,
            usual=usual.least,
        )
    if own.max_span > usual.max_span:
        yield Message(
            "profile %(name)s: anybody may ask about %(span)s bases at once",
            name=name,
            span=own.max_span,
        )


def _ceilings(level: Level, ceilings: Ceilings) -> Iterator[str]:
    most = 0
    for reached in sorted(ceilings):
        ceiling = ceilings[reached]
        if ceiling is not None and ceiling < most:
            yield Message(
                "ceilings: %(level)s is below a lower level's and adds nothing",
                level=reached.name.lower(),
            )
        most = max(most, ceiling or 0)
    if not any(ceiling for reached, ceiling in ceilings.items() if reached >= level):
        yield Message("ceilings: no level that may ask gives any answer")
