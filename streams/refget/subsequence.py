"""Which part of a sequence a request asks for, or why none (refget Sequences 2.0.0). Pure.

Zero-based, half-open inside. Where the standard's text and its compliance suite differ, the suite
is followed: `start` at or beyond the length and `end` beyond it are 416, a Range that reaches
beyond is cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from streams.errors import NotAcceptable, OutOfSequence, SubsequenceInvalid

PLAIN = "text/vnd.ga4gh.refget.v2.0.0+plain"
JSON = "application/vnd.ga4gh.refget.v2.0.0+json"
_PLAIN_NAMES = (PLAIN, "text/vnd.ga4gh.refget.v1.0.0+plain", "text/plain", "text/*", "*/*")
_JSON_NAMES = (
    JSON, "application/vnd.ga4gh.refget.v1.0.0+json", "application/json", "application/*", "*/*",
)  # fmt: skip
_WHOLE = re.compile(r"\d{1,18}")
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch, or two where a circular sequence wraps; `status` is 200, or 206 for a Range."""

    stretches: tuple[tuple[int, int], ...]
    status: int

    @property
    def length(self) -> int:
        return sum(end0 - start0 for start0, end0 in self.stretches)


def part_of(
    length: int, *, circular: bool, start: str | None, end: str | None, byte_range: str | None
) -> Part:
    """`start`, `end` and `byte_range` as sent, None where they were not."""
    if byte_range is not None:
        if start is not None or end is not None:
            raise SubsequenceInvalid("Ask by start and end, or by a Range header, not by both.")
        return Part((_ranged(length, byte_range),), 206)
    first = 0 if start is None else _whole("start", start)
    last = length if end is None else _whole("end", end)
    if first >= length or last > length:
        raise OutOfSequence(f"The sequence has {length} letters.")
    if first <= last:
        return Part(((first, last),), 200)
    if not circular:
        raise OutOfSequence("start is after end, and the sequence is not circular.")
    return Part(((first, length), (0, last)), 200)


def _ranged(length: int, byte_range: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(byte_range)
    if found is None:
        raise SubsequenceInvalid("The Range header must be bytes=FIRST-LAST.")
    first, last = int(found[1]), int(found[2])
    if first >= length or first > last:
        raise OutOfSequence(f"The sequence has {length} letters.")
    return first, min(last + 1, length)


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not _WHOLE.fullmatch(text):
        raise SubsequenceInvalid(f"{name} must be a whole number of at least 0.")
    return int(text)


def plain_type(accept: str) -> str:
    """The media type to answer letters with; raises `NotAcceptable`."""
    chosen = _accepted(accept, _PLAIN_NAMES)
    return f"{PLAIN if '*' in chosen else chosen}; charset=us-ascii"


def json_type(accept: str) -> str:
    """The media type to answer metadata with; raises `NotAcceptable`."""
    chosen = _accepted(accept, _JSON_NAMES)
    return JSON if "*" in chosen else chosen


def _accepted(accept: str, names: tuple[str, ...]) -> str:
    asked = [part.split(";")[0].strip().lower() for part in accept[:1_000].split(",")]
    if not any(asked):
        return "*/*"
    for one in asked:
        if one in names:
            return one
    raise NotAcceptable(f"Served here: {', '.join(names[:3])}.")
