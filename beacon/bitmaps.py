"""People as sets of numbers: terms closed over their descendants, and values that compare.

Beacon v2.2 filters: descendants are included by default, `%` stands for any run of characters,
values arrive as text and compare as what the field holds. A roaring bitmap per term makes any
AND/OR of filters microseconds, and no individual's record is opened to count. What a record says is
left to `beacon.phenotypes`, storage to `beacon.segments`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.catalog import Compare
from beacon.errors import UnsupportedFilter
from beacon.ontology import Hierarchy
from beacon.phenotypes import SINGLE_VALUED, Duration, Finding, Number, Term, Text, duration_days

FieldKind = Literal["number", "duration", "text"]
MAX_PATTERN = 200


@dataclass(slots=True)
class TermPeople:
    """Who has the term itself, who has it or one below, and which fields hold them."""

    label: str = ""
    exact: BitMap = field(default_factory=BitMap)
    closed: BitMap = field(default_factory=BitMap)
    fields: set[str] = field(default_factory=set)

    @property
    def single_field(self) -> str | None:
        only = next(iter(self.fields)) if len(self.fields) == 1 else None
        return only if only in SINGLE_VALUED else None


class PeopleIndex:
    """Collects findings person by person; read once at the end of a load."""

    def __init__(self) -> None:
        self._terms: dict[str, TermPeople] = defaultdict(TermPeople)
        self._values: dict[tuple[str, FieldKind], list[tuple[float, int]]] = defaultdict(list)
        self._texts: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self.labels: dict[str, str] = {}

    def add(self, person: int, findings: Iterable[Finding]) -> None:
        for finding in findings:
            match finding:
                case Term(term, label, path):
                    seen = self._terms[term]
                    seen.label = seen.label or label
                    seen.exact.add(person)
                    seen.fields.add(path)
                case Number(path, value, label):
                    self._values[path, "number"].append((value, person))
                    self.labels.setdefault(path, label)
                case Duration(path, days):
                    self._values[path, "duration"].append((days, person))
                case Text(path, value):
                    self._texts[path, value].add(person)
                case _ as unreachable:
                    assert_never(unreachable)

    def terms(self, hierarchy: Hierarchy) -> Mapping[str, TermPeople]:
        """Every term heard of, in the records or the hierarchy, closed over its descendants."""
        table: dict[str, TermPeople] = defaultdict(TermPeople)
        for term in hierarchy.labels:
            table[term] = TermPeople(label=hierarchy.labels[term])
        for term, seen in self._terms.items():
            table[term].label = table[term].label or seen.label
            table[term].exact |= seen.exact
            for reached in (term, *hierarchy.ancestors(term)):
                table[reached].closed |= seen.exact
                table[reached].fields |= seen.fields
        return table

    def values(self) -> Iterator[tuple[str, FieldKind, Values]]:
        for (path, kind), pairs in sorted(self._values.items()):
            ordered = np.array(sorted(pairs), dtype=np.float64)
            yield path, kind, Values(ordered[:, 0], ordered[:, 1].astype(np.uint32))

    def texts(self) -> Iterator[tuple[str, str, BitMap]]:
        for (path, value), people in sorted(self._texts.items()):
            yield path, value, people


@dataclass(frozen=True, slots=True)
class Values:
    """A field's values in ascending order, each with its person."""

    amounts: NDArray[np.float64]
    persons: NDArray[np.uint32]

    def compare(self, question: Compare, *, kind: FieldKind) -> BitMap:
        """People with at least one value standing so; `!` asks that no value is equal."""
        amount = _amount(question, kind)
        low = int(np.searchsorted(self.amounts, amount, side="left"))
        high = int(np.searchsorted(self.amounts, amount, side="right"))
        match question.operator:
            case "=":
                return self._people(low, high)
            case "<":
                return self._people(0, low)
            case "<=":
                return self._people(0, high)
            case ">":
                return self._people(high, None)
            case ">=":
                return self._people(low, None)
            case "!":
                return self._people(0, None) - self._people(low, high)
            case _ as unreachable:
                assert_never(unreachable)

    def _people(self, first: int, last: int | None) -> BitMap:
        return BitMap(self.persons[first:last])


def compare_text(question: Compare, texts: Iterable[tuple[str, BitMap]]) -> BitMap:
    """People whose label equals the value, or with `!` those who have the field and never do."""
    if question.operator not in ("=", "!"):
        raise UnsupportedFilter("a field that holds words can be compared with = and ! only")
    if len(question.value) > MAX_PATTERN:
        raise UnsupportedFilter(f"a filter value can have at most {MAX_PATTERN} characters")
    parts = question.value.casefold().split("%")
    pattern = re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)
    everyone, matching = BitMap(), BitMap()
    for text, people in texts:
        everyone |= people
        if pattern.fullmatch(text):
            matching |= people
    return matching if question.operator == "=" else everyone - matching


def _amount(question: Compare, kind: FieldKind) -> float:
    if kind == "duration":
        days = duration_days(question.value)
        if days is None:
            raise UnsupportedFilter("this field compares with an ISO 8601 duration such as P32Y6M")
        return days
    try:
        number = float(question.value)
    except ValueError as wrong:
        raise UnsupportedFilter("this field compares with a number") from wrong
    if not math.isfinite(number):
        raise UnsupportedFilter("this field compares with a finite number")
    return number
