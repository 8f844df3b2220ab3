"""Tries two policy books on the facts of past decisions and says which would differ.

Pure. What counts as a difference is what a caller would notice: outcome, ceiling, reasons, duties
and places. Leaves where the facts come from to `decision_facts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from access.policies.decision import Action, Decision, Outcome
from access.policies.decision_facts import AskedFact
from access.policies.policy import PolicyBook
from passports.researcher import Researcher

_REPLAY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as its caller notices it."""

    outcome: Outcome
    ceiling: str | None
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    workspaces: tuple[str, ...]

    def __str__(self) -> str:
        said = [self.outcome.value, *([self.ceiling] if self.ceiling else []), *self.reasons]
        said += [f"owes {code}" for code in self.obligations]
        return ", ".join([*said, *(f"in {workspace}" for workspace in self.workspaces)])


@dataclass(frozen=True, slots=True)
class Change:
    """Decisions that two books take differently, and how many there were."""

    dataset: str
    action: Action
    entries: tuple[str, ...]
    before: Told
    after: Told
    count: int


@dataclass(frozen=True, slots=True)
class Replay:
    """`asked` is how many questions and requests were replayed, `changes` the most frequent
    first."""

    asked: int
    changes: tuple[Change, ...]


def compare(
    facts: Iterable[AskedFact],
    before: PolicyBook,
    after: PolicyBook,
    *,
    pseudonym: Callable[[str], str],
) -> Replay:
    """Every fact under both books; people whom a book names are known by their pseudonyms."""
    people = {pseudonym(name): name for book in (before, after) for name in _named(book)}
    everywhere = sorted({*before.datasets(), *after.datasets()})
    changes: Counter[tuple[str, Action, tuple[str, ...], Told, Told]] = Counter()
    asked = 0
    for fact in facts:
        asked += fact.count
        who = _researcher(fact, people)
        for dataset in everywhere if fact.dataset is None else (fact.dataset,):
            old, new = (_told(_again(book, who, dataset, fact)) for book in (before, after))
            if old != new:
                entries = tuple(sorted(fact.entries or ()))
                changes[dataset, fact.action, entries, old, new] += fact.count
    return Replay(asked, tuple(Change(*key, count=count) for key, count in changes.most_common()))


def _named(book: PolicyBook) -> set[str]:
    policies = [policy for name in book.datasets() if (policy := book.policy(name)) is not None]
    return {name for p in policies for name in (*p.committee, *p.excluded_people)}


def _researcher(fact: AskedFact, people: Mapping[str, str]) -> Researcher | None:
    if fact.caller is None:
        return None
    subject, _, issuer = people.get(fact.caller, fact.caller).partition("@")
    return Researcher(
        issuer, subject, visas=fact.visas, dropped=(), expires=fact.at + _REPLAY_SECONDS
    )


def _again(book: PolicyBook, who: Researcher | None, dataset: str, fact: AskedFact) -> Decision:
    return book.decide(who, dataset, fact.action, now=fact.at, entries=fact.entries)


def _told(decision: Decision) -> Told:
    return Told(
        decision.outcome,
        None if decision.ceiling is None else decision.ceiling.wire,
        tuple(reason.code for reason in decision.reasons),
        tuple(owed.code for owed in decision.obligations),
        tuple(sorted(decision.workspaces)) if decision.allowed else (),
    )
