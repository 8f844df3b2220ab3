"""Merges nodes' answers into one honest answer, and names who is missing (Beacon v2.2 section on
counts: `countPrecision`; settled: people add, variants do not, a hidden count leaves a boolean).

Pure: it adds and never subtracts, and sees only values the nodes released.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portal.asking.answer import OUTCOMES, NodeAnswer, Outcome, SetAnswer
from portal.questions.question import Kind
from schemas.messages import Message, following, plural

_RANK = {"exact": 0, "rounded": 1, "imprecise": 2, "unstated": 2}
_PERSISTENT = re.compile(r"(?:doi:|https://doi\.org/10\.|EGAD\d{11})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many nodes ended in which way; every node asked is in exactly one."""

    asked: int
    answered: int
    late: int
    failed: int
    refused: int


@dataclass(frozen=True, slots=True)
class Merged:
    """One answer for all: `low == high` is a total, both None when no total may be stated."""

    exists: bool | None
    low: int | None
    high: int | None
    precision: str | None
    tally: Tally
    sentence: Message
    missing: tuple[Message, ...]

    @property
    def granularity(self) -> str:
        return "boolean" if self.high is None else "count"


def merge(kind: Kind, answers: Sequence[NodeAnswer]) -> Merged:
    """`answers` holds one row per node asked, in any order."""
    tally = _tally(answers)
    usable = [answer for answer in answers if answer.outcome.answered]
    exists = any(answer.exists for answer in usable) if usable else None
    hidden = [answer.name for answer in usable if _hides(answer)]
    low, high, precision = None, None, None
    if usable and not hidden:
        sets = _distinct(usable)
        low, high = _total(kind, sets)
        precision = _worst(sets, ranged=low != high)
    return Merged(
        exists=exists,
        low=low,
        high=high,
        precision=precision,
        tally=tally,
        sentence=_sentence(
            kind,
            tally,
            exists=exists,
            low=low,
            high=high,
            precision=precision,
            hidden=hidden,
            answers=answers,
        ),
        missing=tuple(_missing(answer) for answer in answers if not answer.outcome.answered),
    )


def _tally(answers: Sequence[NodeAnswer]) -> Tally:
    def number_of(*outcomes: Outcome) -> int:
        return sum(answer.outcome in outcomes for answer in answers)

    return Tally(
        asked=len(answers),
        answered=number_of(Outcome.OK, Outcome.EMPTY),
        late=number_of(Outcome.LATE),
        failed=number_of(Outcome.UNREACHABLE, Outcome.ERROR, Outcome.UNSUPPORTED),
        refused=number_of(Outcome.REFUSED, Outcome.SUPPRESSED),
    )


def _hides(answer: NodeAnswer) -> bool:
    return any(one.bounds is None for one in answer.sets)


def _distinct(answers: Sequence[NodeAnswer]) -> list[SetAnswer]:
    """A dataset of two nodes counts once, by its larger answer; only a persistent id proves it."""
    kept: dict[tuple[str, str], SetAnswer] = {}
    for answer in answers:
        for one in answer.sets:
            persistent = one.dataset is not None and _PERSISTENT.match(one.dataset)
            key = ("" if persistent else answer.url, (one.dataset or "").lower())
            before = kept.get(key)
            if before is None or _most(one) > _most(before):
                kept[key] = one
    return list(kept.values())


def _most(one: SetAnswer) -> int:
    return one.bounds[1] if one.bounds is not None else 0


def _total(kind: Kind, sets: Sequence[SetAnswer]) -> tuple[int, int]:
    """Of sets that all gave a count."""
    bounds = [one.bounds or (0, 0) for one in sets]
    most = sum(high for _, high in bounds)
    if kind is Kind.INDIVIDUALS:
        return sum(low for low, _ in bounds), most
    if (distinct := _distinct_variants(sets)) is not None:
        return distinct, distinct
    return max((low for low, _ in bounds), default=0), most


def _distinct_variants(sets: Sequence[SetAnswer]) -> int | None:
    """How many different variants, when every set sent all its records and each can be told."""
    if any(len(one.variations) != (one.count or 0) for one in sets):
        return None
    return len({digest for one in sets for digest in one.variations})


def _worst(sets: Sequence[SetAnswer], *, ranged: bool) -> str:
    stated = [one.precision for one in sets if one.exists]
    worst = max(stated, key=_RANK.__getitem__, default="exact")
    return "imprecise" if ranged or worst == "unstated" else worst


def _missing(answer: NodeAnswer) -> Message:
    outcome = OUTCOMES[answer.outcome]
    if not answer.reason:
        return Message("%(node)s (%(outcome)s)", node=answer.name, outcome=outcome)
    return Message(
        "%(node)s (%(outcome)s: %(reason)s)",
        node=answer.name, outcome=outcome, reason=answer.reason,
    )  # fmt: skip


def _sentence(
    kind: Kind,
    tally: Tally,
    *,
    exists: bool | None,
    low: int | None,
    high: int | None,
    precision: str | None,
    hidden: Sequence[str],
    answers: Sequence[NodeAnswer],
) -> Message:
    if exists is None:
        said = Message("No node answered, so nothing is known.")
    elif not exists:
        said = Message("Not found at %(nodes)s.", nodes=_of_nodes(tally))
    elif hidden:
        found = sum(answer.exists is True for answer in answers)
        said = plural(
            "Found at %(count)s node. No total: %(hidden)s gave only a yes or no.",
            "Found at %(count)s nodes. No total: %(hidden)s gave only a yes or no.",
            count=found, hidden=hidden,
        )  # fmt: skip
    else:
        assert low is not None  # noqa: S101 - nothing hidden and someone answered: a total exists
        amount = _amount(kind, low, high or low, precision)
        said = _total_said(amount, _of_nodes(tally), precision)
    return following(said, *_aside(answers))


def _aside(answers: Sequence[NodeAnswer]) -> Iterator[Message]:
    if withheld := sum(len(answer.withheld) for answer in answers):
        yield plural(
            "%(count)s dataset may not answer at this level.",
            "%(count)s datasets may not answer at this level.",
            count=withheld,
        )
    if unserved := sum(len(answer.unserved) for answer in answers):
        yield plural(
            "%(count)s dataset cannot serve this question.",
            "%(count)s datasets cannot serve this question.",
            count=unserved,
        )


def _amount(kind: Kind, low: int, high: int, precision: str | None) -> Message:
    match kind is Kind.INDIVIDUALS, low == high, precision == "exact":
        case True, False, _:
            return Message("Between %(low)s and %(high)s people", low=low, high=high)
        case False, False, _:
            return Message("Between %(low)s and %(high)s variants", low=low, high=high)
        case True, True, True:
            return plural("%(count)s person", "%(count)s people", count=high)
        case True, True, False:
            return plural("About %(count)s person", "About %(count)s people", count=high)
        case _, _, True:
            return plural("%(count)s variant", "%(count)s variants", count=high)
        case _:
            return plural("About %(count)s variant", "About %(count)s variants", count=high)


def _total_said(number: Message, nodes: Message, precision: str | None) -> Message:
    match precision:
        case "exact":
            return Message("%(number)s from %(nodes)s, an exact count.", number=number, nodes=nodes)
        case "rounded":
            return Message(
                "%(number)s from %(nodes)s, a rounded count.", number=number, nodes=nodes
            )
        case _:
            return Message(
                "%(number)s from %(nodes)s, not an exact count.", number=number, nodes=nodes
            )


def _of_nodes(tally: Tally) -> Message:
    if tally.answered != tally.asked:
        return Message(
            "%(answered)s of %(asked)s nodes", answered=tally.answered, asked=tally.asked
        )
    if tally.asked == 1:
        return Message("the one node asked")
    return Message("all %(asked)s nodes", asked=tally.asked)
