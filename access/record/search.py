"""Finds entries of the record by day, kind, dataset and person: newest first, a bounded look each.

Reads lines through the tree beside the record, so a search costs what it looks at and never the
whole file. An entry's time is its writer's clock: days are found by halving and checked one by one.
Leaves who may look to the doors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import orjson

from access.record.tree import RecordTree
from schemas.wire import canonical_json

MAX_LOOKED = 50_000
MAX_FOUND = 50
_STEP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an entry must be; what is left empty may be anything. Days are UTC and included; a
    `kind` also stands for those below it (`release` for `release.close`)."""

    first: date | None = None
    last: date | None = None
    kind: str = ""
    dataset: str = ""
    person: str = ""

    def marks(self) -> tuple[bytes, ...]:
        """What the line of every wanted entry contains: a cheap look before parsing."""
        named = (canonical_json(text) for text in (self.dataset, self.person) if text)
        kind = (b'"kind":"' + self.kind.encode(),) if self.kind else ()
        return (*named, *kind)

    def met_by(self, entry: Mapping[str, object]) -> bool:
        facts, kind = entry["facts"], str(entry["kind"])
        if self.kind and kind != self.kind and not kind.startswith(f"{self.kind}."):
            return False
        if not isinstance(facts, dict):
            return False
        return (
            self._on_a_day(entry)
            and (not self.dataset or _names(facts, self.dataset, "dataset", "datasets"))
            and (not self.person or _names(facts, self.person, *facts))
        )

    def _on_a_day(self, entry: Mapping[str, object]) -> bool:
        at = entry["time"]
        return isinstance(at, int | float) and self.begins <= at < self.ends

    @property
    def begins(self) -> float:
        return 0.0 if self.first is None else _midnight(self.first)

    @property
    def ends(self) -> float:
        if self.last is None or self.last == date.max:
            return float("inf")
        return _midnight(self.last + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Found:
    """`entries` newest first; where the look ended early, `before` is where the next begins."""

    size: int
    entries: tuple[Mapping[str, object], ...]
    looked: int
    before: int | None


def search(tree: RecordTree, wanted: Wanted, *, before: int | None = None) -> Found:
    """Looks below entry `before` (left out: at all) until enough are found or looked at."""
    size = tree.follow()
    low, high = _range(tree, wanted, size)
    start = high if before is None else min(high, before - 1)
    found: list[Mapping[str, object]] = []
    at = start
    while at >= low and start - at < MAX_LOOKED:
        lines = tree.lines(max(low, at - _STEP + 1), at)
        for line in reversed(lines):
            entry = _taken(line, wanted)
            at -= 1
            if entry is not None:
                found.append(entry)
                if len(found) == MAX_FOUND:
                    break
        if len(found) == MAX_FOUND:
            break
    return Found(size, tuple(found), start - at, at + 1 if at >= low else None)


def lines(tree: RecordTree, wanted: Wanted) -> Iterator[bytes]:
    """Every wanted line as it stands in the record, oldest first, with its line end."""
    low, high = _range(tree, wanted, tree.follow())
    for start in range(low, high + 1, _STEP):
        for line in tree.lines(start, min(start + _STEP - 1, high)):
            if _taken(line, wanted) is not None:
                yield line + b"\n"


def last(tree: RecordTree, wanted: Wanted, *, most: int) -> Iterator[Mapping[str, object]]:
    """The wanted ones of the last `most` entries in the days, oldest first."""
    low, high = _range(tree, wanted, tree.follow())
    for start in range(max(low, high - most + 1), high + 1, _STEP):
        for line in tree.lines(start, min(start + _STEP - 1, high)):
            entry = _taken(line, wanted)
            if entry is not None:
                yield entry


def _taken(line: bytes, wanted: Wanted) -> Mapping[str, object] | None:
    if not all(mark in line for mark in wanted.marks()):
        return None
    entry: Mapping[str, object] = orjson.loads(line)
    return entry if wanted.met_by(entry) else None


def _names(facts: Mapping[str, object], text: str, *names: str) -> bool:
    return any(
        text == value or (isinstance(value, list) and text in value)
        for value in map(facts.get, names)
    )


def _range(tree: RecordTree, wanted: Wanted, size: int) -> tuple[int, int]:
    """First and last number that can lie in the days."""
    low = 1 if wanted.first is None else _first_since(tree, wanted.begins, size)
    high = size if wanted.last is None else _first_since(tree, wanted.ends, size) - 1
    return low, high


def _first_since(tree: RecordTree, moment: float, size: int) -> int:
    low, high = 1, size + 1
    while low < high:
        middle = (low + high) // 2
        if orjson.loads(tree.entry(middle))["time"] < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
