"""Says the policy of one dataset in words, a sentence for each of its rules.

The sentences are messages: the admin's pages say them in the reader's language, the command line in
English.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from access.policies.decision import (
    EVERY_ACTION,
    Action,
    DatasetPolicy,
    Granularity,
    Level,
    Profile,
    Window,
)
from access.policies.explain import day, described
from duo.consent import Consent
from schemas.messages import Message, plural


def sentences(policy: DatasetPolicy) -> list[str]:
    """The rules of one dataset, each as a sentence."""
    said = [
        Message("%(who)s: %(may)s", who=_WHO[level], may=_may(_ceiling(policy, level)))
        for level in Level
    ]
    return [*said, *_more(policy), _profile(policy), _committee(policy), _data_use(policy.consent)]


def _profile(policy: DatasetPolicy) -> Message:
    name = policy.profile_name or policy.profile.value
    if policy.listed:
        return Message("profile %(name)s; is listed publicly", name=name)
    return Message("profile %(name)s; is not listed", name=name)


def _more(policy: DatasetPolicy) -> Iterator[str]:
    """The rules that most policies do not have."""
    for kind, rule in policy.entries.items():
        of_kind = replace(policy, level=rule.level, ceilings=rule.ceilings)
        for level in Level:
            yield Message(
                "%(who)s, about %(kind)s: %(may)s",
                who=_WHO[level], kind=kind, may=_may(_ceiling(of_kind, level)),
            )  # fmt: skip
    for level, rules in policy.conditions.items():
        yield from (
            Message("%(who)s need %(visa)s", who=_WHO[level], visa=described(rule))
            for rule in rules
        )
    excluded = len(policy.excluded_people) + len(policy.excluded_visas)
    if excluded:
        yield plural(
            "%(count)s person or kind of visa is excluded",
            "%(count)s people or kinds of visa are excluded",
            count=excluded,
        )
    for window in policy.windows:
        yield _open(window)
    for owed in policy.obligations:
        yield Message(
            "%(actions)s: %(code)s is owed: %(text)s",
            actions=_actions(owed.actions), code=owed.code, text=owed.text,
        )  # fmt: skip
    if policy.workspaces:
        names = ", ".join(sorted(policy.workspaces))
        yield Message("released to %(workspaces)s only", workspaces=names)
    yield from _switched_on(policy)


def _switched_on(policy: DatasetPolicy) -> Iterator[str]:
    if policy.data_use_for_answers:
        yield Message("answers too need a grant, unless use is not restricted")
    if policy.clear_streams:
        yield Message("files offered in the clear leave unsealed, to anyone")
    if policy.unconfined_trials:
        yield Message("approved runs may be tried at sites where no sandbox confines them")


def _open(window: Window) -> Message:
    actions = _actions(window.actions)
    if window.start is None:
        if window.end is None:
            return Message("%(actions)s: open from ever until ever", actions=actions)
        end = day(window.end)
        return Message("%(actions)s: open from ever until %(end)s", actions=actions, end=end)
    start = day(window.start)
    if window.end is None:
        return Message("%(actions)s: open from %(start)s until ever", actions=actions, start=start)
    return Message(
        "%(actions)s: open from %(start)s until %(end)s",
        actions=actions, start=start, end=day(window.end),
    )  # fmt: skip


def _actions(actions: frozenset[Action]) -> str:
    return Message("everything") if actions == EVERY_ACTION else ", ".join(sorted(actions))


def _data_use(consent: Consent | None) -> str:
    if consent is None:
        return Message("no conditions of data use: a person judges every purpose")
    stated = {c.term.shorthand for c in (*consent.permissions, *consent.modifiers)}
    if not stated:
        return Message("conditions of data use: none understood")
    return Message("conditions of data use: %(terms)s", terms=", ".join(sorted(stated)))


def _ceiling(policy: DatasetPolicy, level: Level) -> Granularity | None:
    """What disclosure leaves of the policy's ceiling, as `access.disclosure.granted` says it."""
    held = [c for at, c in policy.ceilings.items() if at <= level and c is not None]
    if level < policy.level or not held:
        return None
    if level < Level.CONTROLLED and policy.profile is not Profile.OPEN:
        return min(max(held), Granularity.COUNT)
    return max(held)


_WHO = {
    Level.PUBLIC: Message("anyone"),
    Level.REGISTERED: Message("registered researchers"),
    Level.CONTROLLED: Message("researchers with a grant"),
}


def _may(ceiling: Granularity | None) -> str:
    match ceiling:
        case None:
            return Message("get no answer")
        case Granularity.BOOLEAN:
            return Message("learn whether something is there")
        case Granularity.COUNT:
            return Message("get counts")
        case Granularity.RECORD:
            return Message("get records")


def _committee(policy: DatasetPolicy) -> str:
    if not policy.committee:
        return Message("no committee: access requests cannot be approved")
    if policy.requests_at is not None:
        return Message("access requests are made at %(address)s", address=policy.requests_at)
    size = len(policy.committee)
    if policy.approvals == 1:
        return Message("a committee of %(size)s decides on access requests", size=size)
    return Message(
        "a committee of %(size)s decides on access requests; %(approvals)s must approve",
        size=size, approvals=policy.approvals,
    )  # fmt: skip
