"""Says in words how a past decision is taken, and would be under another policy.

The sentences are messages, for the admin's pages. A reason of which nothing is known here is shown
by its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from access.policies.decision import Action, Outcome
from access.policies.replay import Change, Told
from schemas.messages import Message, following

ACTIONS: Mapping[Action, str] = {
    Action.DISCOVER: Message("questions"),
    Action.STREAM: Message("releases of data"),
    Action.TRAIN: Message("federated analyses"),
}
REASONS: Mapping[str, str] = {
    "public": Message("it answers anyone"),
    "registered_login": Message("they signed in"),
    "registered_bona_fide": Message("they are registered researchers"),
    "grant": Message("they hold a grant"),
    "needs_login": Message("they need to sign in"),
    "needs_registration": Message("they need to be registered researchers"),
    "needs_grant": Message("they need a grant"),
    "needs_purpose": Message("they need an approved purpose"),
    "no_answer_at_level": Message("nothing is answered at their level of access"),
    "ceiling": Message("their level of access limits the answer"),
    "excluded": Message("the policy excludes them"),
    "outside_window": Message("it is outside the time it is open"),
    "within_window": Message("it is within the time it is open"),
    "data_use": Message("so the conditions of data use have it"),
    "not_available": Message("they may not know of it"),
}
_ANSWERS: Mapping[str, str] = {
    "boolean": Message("answered with yes or no"),
    "count": Message("answered with a count"),
    "record": Message("answered with records"),
}
_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.PERMIT: Message("permitted"),
    Outcome.REVIEW: Message("left to a person"),
    Outcome.DENY: Message("refused"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """Decisions of one kind that would differ, and how many there were."""

    dataset: str
    what: str
    count: int
    before: str
    after: str


def line(change: Change) -> Line:
    before, after = told(change.before), told(change.after)
    return Line(change.dataset, what(change), change.count, before, after)


def what(change: Change) -> str:
    """What was asked for."""
    said = ACTIONS[change.action]
    if not change.entries:
        return said
    return Message("%(asked)s of %(entries)s", asked=said, entries=change.entries)


def told(one: Told) -> str:
    """The answer, then why, then what it carries with it."""
    said = [_ANSWERS.get(one.ceiling or "") or _OUTCOMES[one.outcome]]
    said += [REASONS.get(code, code) for code in one.reasons]
    said += [Message("owing %(duty)s", duty=code) for code in one.obligations]
    said += [Message("in workspace %(id)s alone", id=name) for name in one.workspaces]
    return following(*said, by="; ")
