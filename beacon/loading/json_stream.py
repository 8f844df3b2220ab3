"""The items of a JSON document one at a time, however large or deep the document is.

An array of records is cut into its items and each is parsed at once; items further inside come from
`ijson`. Its own `items` spells the path of every value, which a deeply nested document turns into
memory without end, so they are put together here and nesting has a cap.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

import ijson  # type: ignore[import-untyped]  # ships no types

MAX_NESTING = 500
CHUNK = 256 * 1024
_ONCE = "objects that name each member once"
_LEAVING = frozenset({"map_key", "end_map", "end_array"})


class MalformedJson(ValueError):
    """What was expected of the document, for its operator."""


@dataclass(frozen=True, slots=True)
class Broken:
    """In place of an item that stands for nothing: what was expected of it."""

    expected: str


def array_items(stream: BinaryIO, *, once: bool = False) -> Iterator[Any]:
    """Items of the one array that the document is. No more than one item and a chunk is held: the
    stream itself refuses an item without end. With `once`, an item in which an object names a
    member twice, and so says two things, comes as `Broken`. Raises `MalformedJson`."""
    array = _Array(stream, once=once)
    try:
        array.skip("[")
        if array.peek() != "]":
            yield array.item()
            while array.peek() == ",":
                array.skip(",")
                yield array.item()
        array.skip("]")
        if array.peek():
            raise MalformedJson("UTF-8 JSON, nothing after the array")
    except UnicodeDecodeError as wrong:
        raise MalformedJson("UTF-8 JSON") from wrong


def line_items(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    """(line from 1, item) of JSON lines; one that is no item of its own is `Broken`. The stream
    itself refuses a line without end."""
    members = _Members()
    decoder = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=members.made)
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        members.twice = False
        try:
            item = decoder.decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except RecursionError:
            item = Broken("JSON that is not nested too deep")
        except ValueError:
            item = Broken("one object in UTF-8 JSON a line, without NaN or Infinity")
        yield number, Broken(_ONCE) if members.twice else item


class _Members:
    """Notices an object that names a member twice."""

    def __init__(self) -> None:
        self.twice = False

    def made(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.twice = self.twice or len(made) < len(pairs)
        return made


class _Array:
    """The text of a document, of which only the part not read yet is kept."""

    def __init__(self, stream: BinaryIO, *, once: bool) -> None:
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig")
        self._members = _Members()
        self._decoder = json.JSONDecoder(
            parse_constant=_refuse_constant,
            object_pairs_hook=self._members.made if once else None,
        )
        self._held = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._held):
                if self._held[self._at] not in " \t\r\n":
                    return self._held[self._at]
                self._at += 1
            if not self._more(CHUNK):
                return ""

    def skip(self, expected: str) -> None:
        if self.peek() != expected:
            raise MalformedJson("UTF-8 JSON: an array, its items divided by commas")
        self._at += 1

    def item(self) -> Any:
        """The next value. One cut off by the end of what is held is read again with as much
        more, so a value is parsed twice on average, whatever its size."""
        self.peek()
        value = self._value()
        return Broken(_ONCE) if self._members.twice else value

    def _value(self) -> Any:
        while True:
            self._members.twice = False
            try:
                value, end = self._decoder.raw_decode(self._held, self._at)
            except RecursionError as deep:
                raise MalformedJson("JSON that is not nested too deep") from deep
            except MalformedJson:
                raise
            except ValueError as wrong:
                if not self._more(max(CHUNK, len(self._held))):
                    raise MalformedJson("UTF-8 JSON") from wrong
                continue
            # A number may go on in the next chunk.
            if end < len(self._held):
                self._at = end
                return value
            if not self._more(CHUNK):
                self._held, self._at = "", 0
                return value

    def _more(self, wanted: int) -> bool:
        read = self._text.read(wanted)
        self._held, self._at = self._held[self._at :] + read, 0
        return bool(read)


def _refuse_constant(_name: str) -> NoReturn:
    raise MalformedJson("UTF-8 JSON, which has no NaN and no Infinity")


def items(stream: BinaryIO, prefix: str) -> Iterator[Any]:
    """Values at `prefix`: keys joined by dots, `item` for those of an array. Raises
    `MalformedJson`."""
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
