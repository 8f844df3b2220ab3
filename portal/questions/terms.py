"""Reads what people are asked by: ontology terms, and fields compared with a value.

Beacon v2.2 filters: `MONDO:0005148` (an ontology filter, narrower terms included), `sex=female` or
`LOINC:35925-4 > 30` (alphanumeric). Which of them a node knows is `prospects`'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.errors import UnreadableQuestion
from schemas.messages import Message
from schemas.sequences import place

MAX_CHARS = 500
MAX_TERMS = 20

_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_.]*:[^\s,;<>=!]{1,200}")
_COMPARED = re.compile(
    r"(?P<id>[A-Za-z][A-Za-z0-9_.]*(?::[^\s,;<>=!]{1,200})?)\s?(?P<operator><=|>=|!|=|<|>)=?\s?"
    r"(?P<value>[^\s,;<>=!][^,;<>=!]{0,99})"
)
# People write a list with commas, semicolons or AND; without any of them, with spaces.
_LISTED = re.compile(r"\s*(?:[,;]|\bAND\b)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter, and how it may be typed."""

    typed: str
    filter: Mapping[str, object]


def read_terms(typed: str) -> tuple[Condition, ...]:
    """None at all for an empty text; raises `UnreadableQuestion`."""
    made: dict[str, Condition] = {}
    for part in _LISTED.split(typed):
        for one in _conditions(part):
            made.setdefault(one.typed, one)
    return tuple(made.values())


def as_written(typed: str) -> tuple[str, ...]:
    """Terms that were read before, one by one."""
    return in_words(read_terms(typed))


def unread(typed: str) -> tuple[str, tuple[str, ...]]:
    """The first part of the list that is no term, and all the others; empty where each is one."""
    parts = [" ".join(part.split()) for part in _LISTED.split(typed[:MAX_CHARS])]
    for at, part in enumerate(parts):
        try:
            _conditions(part)
        except UnreadableQuestion:
            return part, tuple(one for one in (*parts[:at], *parts[at + 1 :]) if one)
    return "", ()


def in_words(conditions: Sequence[Condition]) -> tuple[str, ...]:
    return tuple(one.typed for one in conditions)


def as_typed(conditions: Sequence[Condition]) -> str:
    return ", ".join(one.typed for one in conditions)


def _conditions(part: str) -> Sequence[Condition]:
    if not part:
        return ()
    if found := _COMPARED.fullmatch(part):
        return (_compared(found),)
    words = part.split()
    if not all(_TERM.fullmatch(word) for word in words):
        raise UnreadableQuestion(Message("This is not a variant, a region or a list of terms."))
    if any(place(word.split(":", 1)[0]) is not None for word in words):
        raise UnreadableQuestion(Message("This looks like an unfinished variant."))
    return [Condition(word, {"id": word, "includeDescendantTerms": True}) for word in words]


def _compared(found: re.Match[str]) -> Condition:
    name, operator, value = found["id"], found["operator"], found["value"].strip()
    written = f"{name} {operator} {value}"
    return Condition(written, {"id": name, "operator": operator, "value": value})
