"""Amounts that compare: ISO 8601 durations and dates, each as a closed interval of numbers.

Beacon v2.2 `timeElement` and alphanumeric filter values. A day, a month or a year is the interval
from its first to its last second, an age range the interval between its ends, so "before 2015" or
"older than P40Y" holds only where all of the stored amount lies there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

Kind = Literal["number", "duration", "date"]
Interval = tuple[float, float]

_MAX_TEXT = 64
_DURATION = re.compile(
    r"^P(?=.)(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
)
# Years and months count as their mean length, so P12M and P1Y are equal.
_DAYS = (365.25, 365.25 / 12, 7.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)
_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(T[0-9:.]{5,15}(?:Z|[+-]\d{2}:\d{2})?)?)?)?$")
_SECOND = timedelta(seconds=1)


def duration_days(text: str) -> float | None:
    """The length of an ISO 8601 duration in days; None where it is not one."""
    found = _DURATION.match(text) if len(text) <= _MAX_TEXT else None
    if found is None:
        return None
    return sum(float(part) * days for part, days in zip(found.groups(), _DAYS, strict=True) if part)


def date_seconds(text: str) -> Interval | None:
    """The first and last second of a year, month, day or instant; without a zone it is UTC."""
    found = _DATE.match(text) if len(text) <= _MAX_TEXT and text.isascii() else None
    if found is None:
        return None
    year, month, day, time = found.groups()
    try:
        if time:
            at = datetime.fromisoformat(text)
            moment = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
            return moment, moment
        first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        last = _next(first, month=month, day=day) - _SECOND
    except (ValueError, OverflowError):
        return None
    return first.timestamp(), last.timestamp()


def _next(first: datetime, *, month: str | None, day: str | None) -> datetime:
    if day:
        return first + timedelta(days=1)
    if month and first.month < 12:
        return first.replace(month=first.month + 1)
    return first.replace(year=first.year + 1, month=1)


def number(text: str) -> Interval | None:
    try:
        amount = float(text)
    except ValueError:
        return None
    return (amount, amount) if math.isfinite(amount) else None


def of_text(text: str, kind: Kind) -> Interval | None:
    """What a value says as an amount of this kind; None where it says none."""
    if kind == "number":
        return number(text)
    if kind == "date":
        return date_seconds(text)
    days = duration_days(text)
    return None if days is None else (days, days)


def of_time_element(value: Mapping[str, object]) -> tuple[Kind, Interval] | None:
    """The amount of an age, an age range, a gestational age or a time interval."""
    if not ("iso8601duration" in value or "weeks" in value or "start" in value):
        return None
    weeks, days = value.get("weeks"), value.get("days", 0)
    if isinstance(weeks, int) and isinstance(days, int):
        return "duration", (weeks * 7.0 + days, weeks * 7.0 + days)
    age = value.get("iso8601duration")
    if isinstance(age, str):
        length = duration_days(age)
        return None if length is None else ("duration", (length, length))
    start, end = _end(value.get("start")), _end(value.get("end"))
    if start is None or end is None or start[0] != end[0] or start[1][0] > end[1][1]:
        return None
    return start[0], (start[1][0], end[1][1])


def _end(value: object) -> tuple[Kind, Interval] | None:
    if isinstance(value, Mapping):
        return of_time_element(value)
    if isinstance(value, str):
        if (days := duration_days(value)) is not None:
            return "duration", (days, days)
        if (seconds := date_seconds(value)) is not None:
            return "date", seconds
    return None
