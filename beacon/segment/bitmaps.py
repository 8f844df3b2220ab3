"""Records as sets of numbers: terms closed over their descendants, and values that compare.

Beacon v2.2 filters: descendants are included by default, `%` stands for any run of characters,
values arrive as text and compare as what the field holds. A roaring bitmap per term makes any
AND/OR of filters microseconds, and no record is opened to count. What a record says is left to
`beacon.findings`, storage to `beacon.loading.record_file` and `beacon.segment.record_table`.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.catalog import Compare
from beacon.errors import UnsupportedFilter
from beacon.findings import SINGLE_VALUED, Amount, Finding, Term, Text
from beacon.ontology import Hierarchy
from beacon.quantities import Interval, Kind

MAX_PATTERN = 200


@dataclass(slots=True)
class Holders:
    """Which records hold the term itself, which it or one below, and in which fields."""

    label: str = ""
    exact: BitMap = field(default_factory=BitMap)
    closed: BitMap = field(default_factory=BitMap)
    fields: set[str] = field(default_factory=set)

    @property
    def single_field(self) -> str | None:
        only = next(iter(self.fields)) if len(self.fields) == 1 else None
        return only if only in SINGLE_VALUED else None


@dataclass(frozen=True, slots=True, order=True)
class Measure:
    """What amounts must share to be compared: the field, their kind and their unit."""

    field: str
    kind: Kind
    unit: str = ""


class FindingIndex:
    """Collects the findings of one entity record by record; read once at the end of a load."""

    def __init__(self) -> None:
        self._terms: dict[str, Holders] = defaultdict(Holders)
        self._amounts: dict[Measure, list[tuple[float, float, int]]] = defaultdict(list)
        self._texts: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self.labels: dict[str, str] = {}
        self.units: dict[str, str] = {}

    def add(self, number: int, findings: Iterable[Finding]) -> None:
        for finding in findings:
            match finding:
                case Term(term, label, path):
                    seen = self._terms[term]
                    seen.label = seen.label or label
                    seen.exact.add(number)
                    seen.fields.add(path)
                case Amount():
                    self._amount(number, finding)
                case Text(path, value):
                    self._texts[path, value.casefold()].add(number)
                case _ as unreachable:
                    assert_never(unreachable)

    def _amount(self, number: int, found: Amount) -> None:
        measure = Measure(found.field, found.kind, found.unit)
        self._amounts[measure].append((found.low, found.high, number))
        self.labels.setdefault(found.field, found.label)
        self.units.setdefault(found.unit, found.unit_label)

    def terms(self, hierarchy: Hierarchy) -> Mapping[str, Holders]:
        """Every term of the records and every term above one, closed over its descendants."""
        table: dict[str, Holders] = defaultdict(Holders)
        for term, seen in self._terms.items():
            table[term].label = seen.label
            table[term].exact |= seen.exact
            for reached in (term, *hierarchy.ancestors(term)):
                table[reached].closed |= seen.exact
                table[reached].fields |= seen.fields
        for term, holders in table.items():
            holders.label = hierarchy.labels.get(term, "") or holders.label
        return table

    def amounts(self) -> Iterator[tuple[Measure, Values]]:
        for measure, rows in sorted(self._amounts.items()):
            ordered = np.array(sorted(rows), dtype=np.float64)
            low, high, numbers = ordered[:, 0], ordered[:, 1], ordered[:, 2].astype(np.uint32)
            yield measure, Values(low, None if np.array_equal(low, high) else high, numbers)

    def texts(self) -> Iterator[tuple[str, str, BitMap]]:
        for (path, value), numbers in sorted(self._texts.items()):
            yield path, value, numbers


@dataclass(frozen=True, slots=True)
class Values:
    """A field's amounts in ascending order of their lower ends, each with its record's number;
    `high` is None where every amount is a point."""

    low: NDArray[np.float64]
    high: NDArray[np.float64] | None
    numbers: NDArray[np.uint32]

    def compare(self, question: Compare, asked: Interval) -> BitMap:
        """Records with an amount that wholly stands so; `!` asks that none touches the value."""
        first, last = asked
        match question.operator:
            case "=":
                return self._chosen(self._from(first), self._ends(last, inclusive=True))
            case "<":
                return self._chosen(0, self._ends(first, inclusive=False))
            case "<=":
                return self._chosen(0, self._ends(last, inclusive=True))
            case ">":
                return self._chosen(int(np.searchsorted(self.low, last, side="right")), None)
            case ">=":
                return self._chosen(self._from(first), None)
            case "!":
                return _bitmap(self.numbers) - self._touching(first, last)
            case _ as unreachable:
                assert_never(unreachable)

    def _from(self, amount: float) -> int:
        return int(np.searchsorted(self.low, amount, side="left"))

    def _ends(self, amount: float, *, inclusive: bool) -> int | NDArray[np.bool_]:
        """Where the upper end is below `amount`: a place in the order, or a mask of it."""
        if self.high is None:
            return int(np.searchsorted(self.low, amount, side="right" if inclusive else "left"))
        return self.high <= amount if inclusive else self.high < amount

    def _touching(self, first: float, last: float) -> BitMap:
        below = int(np.searchsorted(self.low, last, side="right"))
        if self.high is None:
            return self._chosen(self._from(first), below)
        return _bitmap(self.numbers[:below][self.high[:below] >= first])

    def _chosen(self, begin: int, end: int | NDArray[np.bool_] | None) -> BitMap:
        if isinstance(end, np.ndarray):
            return _bitmap(self.numbers[begin:][end[begin:]])
        return _bitmap(self.numbers[begin:end])


def _bitmap(numbers: NDArray[np.uint32]) -> BitMap:
    """In order and from a plain array it is made some ten times as fast."""
    if not len(numbers):
        return BitMap()
    held = np.zeros(int(numbers.max()) + 1, dtype=bool)
    held[numbers] = True
    return BitMap(array("I", np.flatnonzero(held).astype(np.uint32).tobytes()))


def check_text(question: Compare) -> None:
    if question.operator not in ("=", "!"):
        raise UnsupportedFilter("a field that holds words can be compared with = and ! only")
    if len(question.value) > MAX_PATTERN:
        raise UnsupportedFilter(f"a filter value can have at most {MAX_PATTERN} characters")


def compare_text(question: Compare, texts: Iterable[tuple[str, BitMap]]) -> BitMap:
    """Records whose label equals the value, or with `!` those that have the field and never do."""
    check_text(question)
    parts = question.value.strip().casefold().split("%")
    everyone, matching = BitMap(), BitMap()
    for text, numbers in texts:
        everyone |= numbers
        if is_like(text, parts):
            matching |= numbers
    return matching if question.operator == "=" else everyone - matching


def is_like(text: str, parts: Sequence[str]) -> bool:
    """Whether the parts stand in the text in this order, the first at its begin and the last at
    its end. Each is taken where it first fits: trying more places could take years."""
    if len(parts) == 1:
        return text == parts[0]
    first, *between, last = parts
    if not (text.startswith(first) and text.endswith(last)):
        return False
    here, end = len(first), len(text) - len(last)
    for part in between:
        found = text.find(part, here, end)
        if found < 0:
            return False
        here = found + len(part)
    return here <= end
