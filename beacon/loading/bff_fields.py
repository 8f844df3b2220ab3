"""Members of a BFF record by their type, and the refusal that names what is not as it must be.

JSON as it is read: `true` is no number, and a number may be of any size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Record = Mapping[str, object]
MAX_ITEMS = 200_000  # of one list
_UNSOUND = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # halves of a pair are no text either
_STEP = "correct the record, or leave it out with --max-rejected"


class Rejected(Exception):
    """A record that cannot be loaded: the field, what was expected of it, and the next step."""

    def __init__(self, field: str, expected: str, step: str = _STEP) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field, self.expected, self.step = field, expected, step


def text(record: Record, name: str, *, at: str, most: int) -> str | None:
    """None where it is not said."""
    value = record.get(name)
    if value is None:
        return None
    return _sound(value, f"{at}{name}", most)


def member(record: Record, name: str, *, at: str = "") -> Record:
    """An object, empty where it is not said."""
    value = record.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(f"{at}{name}", "an object")
    return value


def items(record: Record, name: str, *, at: str = "", most: int = MAX_ITEMS) -> list[object]:
    value = record.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise Rejected(f"{at}{name}", f"an array of at most {most}")
    return value


def objects(
    record: Record, name: str, *, at: str = "", most: int = MAX_ITEMS
) -> Iterator[tuple[str, Record]]:
    """(where it is, followed by a dot; the object) of each item of an array."""
    for number, value in enumerate(items(record, name, at=at, most=most)):
        if not isinstance(value, dict):
            raise Rejected(f"{at}{name}[{number}]", "an object")
        yield f"{at}{name}[{number}].", value


def texts(record: Record, name: str, *, at: str, most: int) -> list[str]:
    found = []
    for number, value in enumerate(items(record, name, at=at)):
        found.append(_sound(value, f"{at}{name}[{number}]", most))
    return found


def _sound(value: object, at: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or _UNSOUND.search(value):
        raise Rejected(at, f"text of at most {most} characters, none of them for control")
    return value


def whole(value: object, *, at: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Rejected(at, f"a whole number from 0 to {most}")
    return value
