"""Merges nodes' answers into one honest answer, and names who is missing (Beacon v2.2 section on
counts: `countPrecision`; settled: people add, variants do not, a hidden count leaves a boolean).

Pure: it adds and never subtracts, and sees only values the nodes released.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from portal.answer import NodeAnswer, Outcome, SetAnswer
from portal.question import Kind

_RANK = {"exact": 0, "rounded": 1, "imprecise": 2, "unstated": 2}
_PERSISTENT = re.compile(r"(?:doi:|https://doi\.org/10\.|EGAD\d{11})", re.IGNORECASE)
_UNIT = {Kind.INDIVIDUALS: ("person", "people"), Kind.VARIANTS: ("variant", "variants")}


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
    sentence: str
    missing: tuple[str, ...]

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


def _missing(answer: NodeAnswer) -> str:
    reason = f": {answer.reason}" if answer.reason else ""
    return f"{answer.name} ({answer.outcome}{reason})"


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
) -> str:
    nodes = _of_nodes(tally)
    tail = _aside(answers)
    if exists is None:
        return "No node answered, so nothing is known." + tail
    if not exists:
        return f"Not found at {nodes}." + tail
    if hidden:
        found = sum(answer.exists is True for answer in answers)
        return (
            f"Found at {_plural(found, 'node')}. No total: {_listed(hidden)} "
            f"gave only a yes or no." + tail
        )
    assert low is not None  # noqa: S101 - nothing hidden and someone answered: a total exists
    return f"{_amount(kind, low, high or low, precision)} from {nodes}{_how(precision)}." + tail


def _aside(answers: Sequence[NodeAnswer]) -> str:
    withheld = sum(len(answer.withheld) for answer in answers)
    unserved = sum(len(answer.unserved) for answer in answers)
    parts = [f" {_plural(withheld, 'dataset')} may not answer at this level."] if withheld else []
    parts += [f" {_plural(unserved, 'dataset')} cannot serve this question."] if unserved else []
    return "".join(parts)


def _amount(kind: Kind, low: int, high: int, precision: str | None) -> str:
    one, many = _UNIT[kind]
    if low != high:
        return f"Between {low:,} and {high:,} {many}"
    about = "" if precision == "exact" else "About "
    return f"{about}{high:,} {one if high == 1 else many}"


def _how(precision: str | None) -> str:
    match precision:
        case "exact":
            return ", an exact count"
        case "rounded":
            return ", a rounded count"
        case _:
            return ", not an exact count"


def _of_nodes(tally: Tally) -> str:
    if tally.answered == tally.asked:
        return "the one node asked" if tally.asked == 1 else f"all {tally.asked} nodes"
    return f"{tally.answered} of {tally.asked} nodes"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
