"""A visa's conditions as read (GA4GH Passport 1.2.1 «conditions»): OR of groups of AND.

A clause that cannot be understood is false; a structure that cannot be, makes the visa unusable.
Leaves whether they are met to `conditional`.
"""

from __future__ import annotations

from dataclasses import dataclass

from passports.errors import BadToken, Reason

MAX_CLAUSES = 256
MAX_PATTERN_CHARS = 1024
_FIELDS = ("value", "source", "by")


@dataclass(frozen=True, slots=True)
class Clause:
    """`matchers` are (field, prefix, pattern)."""

    type: str
    matchers: tuple[tuple[str, str, str], ...]


Conditions = tuple[tuple[Clause | None, ...], ...]  # None is a clause that is false


def parse(raw: object) -> Conditions:
    """Empty when there are none; `BadToken` when the structure makes the visa unusable."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise BadToken(Reason.BAD_CONDITIONS)
    if not all(isinstance(group, list) and group for group in raw):
        raise BadToken(Reason.BAD_CONDITIONS)
    if sum(len(group) for group in raw) > MAX_CLAUSES:
        raise BadToken(Reason.BAD_CONDITIONS, detail="too many clauses")
    return tuple(tuple(_clause(clause) for clause in group) for group in raw)


def _clause(raw: object) -> Clause | None:
    if not isinstance(raw, dict):
        raise BadToken(Reason.BAD_CONDITIONS)
    visa_type = raw.get("type")
    if not isinstance(visa_type, str) or len(raw) < 2 or not raw.keys() <= {"type", *_FIELDS}:
        return None
    matchers = []
    for field in _FIELDS:
        if field in raw:
            matcher = _matcher(raw[field])
            if matcher is None:
                return None
            matchers.append((field, *matcher))
    return Clause(visa_type, tuple(matchers))


def _matcher(raw: object) -> tuple[str, str] | None:
    if not isinstance(raw, str):
        raise BadToken(Reason.BAD_CONDITIONS)
    if len(raw) > MAX_PATTERN_CHARS:
        raise BadToken(Reason.BAD_CONDITIONS, detail="pattern too long")
    prefix, colon, pattern = raw.partition(":")
    return (prefix, pattern) if colon else None
