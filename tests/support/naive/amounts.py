"""Compares what a record says in a field with what a filter asks: numbers, ages, dates, words.

A stored amount may be a range, and stands in a comparison only where all of it does; a year has
365.25 days and a month a twelfth of that. Numbers may be asked in another unit of mass or length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_DAYS = (365.25, 365.25 / 12, 7, 1)
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)(?: (.+))?")
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_TENS = {
    **dict.fromkeys(("kg", "kilogram"), ("mass", 3)),
    **dict.fromkeys(("g", "gram"), ("mass", 0)),
    **dict.fromkeys(("m", "meter"), ("length", 0)),
    **dict.fromkeys(("cm", "centimeter"), ("length", -2)),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """From `low` to `high`; `unit` as the record labels it."""

    kind: str
    low: float
    high: float
    unit: str = ""


def said_amount(value: Any) -> Amount | str:
    """What a member of a record says; words in lower case, in which they are compared."""
    if isinstance(value, Amount):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return Amount("number", value, value)
    if isinstance(value, dict):
        low, high = (_days(value[end]["iso8601duration"]) for end in ("start", "end"))
        return Amount("age", low, high)
    return _read(value) or value.lower()


@lru_cache(100_000)
def _read(text: str) -> Amount | None:
    if text != "P" and _DURATION.fullmatch(text):
        return Amount("age", _days(text), _days(text))
    if (found := _DATE.fullmatch(text)) is not None and len(text) != 4:
        return _dates(found[1], found[2], found[3])
    return None


def _days(text: str) -> float:
    found = _DURATION.fullmatch(text)
    assert found is not None
    return sum(int(part or 0) * days for part, days in zip(found.groups(), _DAYS, strict=True))


def _dates(year: str, month: str | None, day: str | None) -> Amount:
    """The first and the last day."""
    first = date(int(year), int(month or 1), int(day or 1))
    if day is not None:
        last = first
    else:
        after = first.replace(month=int(month or 12)) + timedelta(days=31)
        last = after.replace(day=1) - timedelta(days=1)
    return Amount("date", first.toordinal(), last.toordinal())


def comparable(values: Iterable[Any], wanted: str) -> bool:
    """Whether a field of these values can be compared with what is asked, as far as units go."""
    units = {value.unit for value in values if isinstance(value, Amount) and value.unit}
    unit = _unit_asked(wanted) if units else ""
    if not unit:
        return len(units) < 2
    return any(_factor(unit, held) is not None for held in units)


def _unit_asked(wanted: str) -> str:
    found = _NUMBER.fullmatch(wanted)
    return (found[2] or "") if found is not None else ""


def _factor(asked: str, held: str) -> int | None:
    """The tens between the two units; None where one is not the other in another size."""
    one, other = (name.casefold().removeprefix("ucum:") for name in (asked, held))
    if one == other:
        return 0
    if one not in _TENS or other not in _TENS or _TENS[one][0] != _TENS[other][0]:
        return None
    return _TENS[one][1] - _TENS[other][1]


def stands(value: Any, asked: Mapping[str, Any]) -> bool:
    """Whether `value` stands so to what is asked; the operator is none of denial."""
    operator, wanted = asked["operator"], asked["value"]
    left = said_amount(value)
    if isinstance(left, str):
        pattern = ".*".join(map(re.escape, wanted.lower().split("%")))
        return operator == "=" and re.fullmatch(pattern, left) is not None
    right = _asked(wanted, left)
    if right is None:
        return False
    holds: dict[str, bool] = {
        "=": right.low <= left.low and left.high <= right.high,
        "touches": left.low <= right.high and right.low <= left.high,
        "<": left.high < right.low,
        ">": left.low > right.high,
        "<=": left.high <= right.high,
        ">=": left.low >= right.low,
    }
    return holds[operator]


def _asked(wanted: str, held: Amount) -> Amount | None:
    """What is asked, as an amount of the kind and in the unit that is held."""
    if held.kind == "date":
        found = _DATE.fullmatch(wanted)
        return _dates(found[1], found[2], found[3]) if found is not None else None
    if held.kind == "age":
        return _read(wanted)
    number = _NUMBER.fullmatch(wanted)
    tens = _factor(number[2], held.unit) if number is not None and number[2] else 0
    if number is None or tens is None:
        return None
    amount = float(Decimal(number[1]).scaleb(tens))
    return Amount("number", amount, amount)
