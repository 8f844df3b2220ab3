"""The items of a JSON document one at a time, however large or deep the document is.

`ijson` parses; its own `items` spells the path of every value, which a deeply nested document turns
into memory without end, so the items are put together here and nesting has a cap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson  # type: ignore[import-untyped]  # ships no types

MAX_NESTING = 500
_LEAVING = frozenset({"map_key", "end_map", "end_array"})


class MalformedJson(ValueError):
    """What was expected of the document, for its operator."""


def items(stream: BinaryIO, prefix: str) -> Iterator[Any]:
    """Values at `prefix`: keys joined by dots, `item` for those of an array."""
    wanted, made = prefix.split("."), _Value()
    path: list[str] = []
    try:
        for event, value in ijson.basic_parse(stream, use_float=True):
            if made.open or (path == wanted and event not in _LEAVING):
                made.take(event, value)
                if not made.open:
                    yield made.value
            else:
                _follow(path, event, value)
            if len(path) + made.depth > MAX_NESTING:
                raise MalformedJson(f"JSON that is not nested too deep ({MAX_NESTING} levels)")
    except (ijson.JSONError, UnicodeDecodeError) as wrong:
        raise MalformedJson("UTF-8 JSON") from wrong


def _follow(path: list[str], event: str, value: Any) -> None:
    """Keeps the path of what comes next."""
    if event == "map_key":
        path[-1] = value
    elif event in ("start_map", "start_array"):
        path.append("item" if event == "start_array" else "")
    elif event in ("end_map", "end_array"):
        path.pop()


class _Value:
    """One value being put together of parse events; `open` until its end has come."""

    def __init__(self) -> None:
        self.value: Any = None
        self._stack: list[Any] = []
        self._key = ""

    @property
    def open(self) -> bool:
        return bool(self._stack)

    @property
    def depth(self) -> int:
        return len(self._stack)

    def take(self, event: str, value: Any) -> None:
        if event == "map_key":
            self._key = value
        elif event in ("end_map", "end_array"):
            self._stack.pop()
        else:
            new: Any = {} if event == "start_map" else [] if event == "start_array" else value
            self._put(new)
            if event in ("start_map", "start_array"):
                self._stack.append(new)

    def _put(self, new: Any) -> None:
        if not self._stack:
            self.value = new
        elif isinstance(self._stack[-1], list):
            self._stack[-1].append(new)
        else:
            self._stack[-1][self._key] = new
