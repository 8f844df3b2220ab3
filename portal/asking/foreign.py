"""JSON that somebody else wrote: what is not of the expected kind is as if it were not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MAX_TEXT = 300


def members(value: object) -> Mapping[str, object]:
    """The members of a JSON object, or none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[object]:
    """The items of a JSON array, or none."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """A JSON string cut to `MAX_TEXT` characters, or nothing."""
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """A JSON count: an integer of at least 0, and never a boolean."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
