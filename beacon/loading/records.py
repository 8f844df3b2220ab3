"""Reads Beacon-friendly JSON (one array per entity) record by record, and says what is wrong.

Beacon v2.2 default model, the members that loading relies on: `id` and CURIEs of ontology terms. It
is not a schema validator; members it does not know are kept. What earlier releases wrote otherwise
is left to `earlier_forms`, references between records to `beacon.loading.staging`.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from beacon.errors import Problem
from beacon.loading import json_stream
from beacon.loading.earlier_forms import in_current_forms
from beacon.loading.json_stream import MalformedJson
from beacon.loading.reading import CappedStream, opened

MAX_JSON_BYTES = 10_000_000_000
# JSON of people shrinks some 10 to 30 times; what shrinks further was made to fill the disk.
FREE_EXPANSION_BYTES = 64 * 1024 * 1024
MAX_EXPANSION = 100
MAX_RECORD_CHARACTERS = 2_000_000
MAX_DEPTH = 40
MAX_PROBLEMS = 20
UNKNOWN = {"id": "NCIT:C17998", "label": "Unknown"}
_CURIE = re.compile(r"^[A-Za-z][A-Za-z0-9_.]+:[^\s,]{1,200}$")
_MAX_ID = 200
_READ_AHEAD = 64 * 1024

_STARTS = {"[": "a JSON array of records", "{": "a JSON object"}

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a file of records, and of one record in it."""

    file_bytes: int
    record_characters: int
    bytes_each: int = 4


class Problems:
    """Collects the first few problems and says when there are enough; with a `report` every one
    of them goes there, and there are never enough."""

    def __init__(
        self, report: Callable[[Problem], None] | None = None, *, allowed: int = 0
    ) -> None:
        """So many more than `allowed` are looked for that it is known whether they are exceeded."""
        self._enough = max(MAX_PROBLEMS, allowed + 1)
        self.found: list[Problem] = []
        self.count = 0
        self.fatal = False
        self._report = report

    def add(self, problem: Problem, *, fatal: bool = False) -> None:
        """A fatal one is of a whole file, or of the source: no record could be left out for it."""
        self.count += 1
        self.fatal = self.fatal or fatal
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(problem)
        if self._report is not None:
            self._report(problem)

    def note(self, problem: Problem) -> None:
        """What is left out and counted by its reader, and stops no load: the report names it."""
        if self._report is not None:
            self._report(problem)

    @property
    def full(self) -> bool:
        return self._report is None and self.count >= self._enough


class Unreadable(Exception):
    """A file, or what is left of it, cannot be read; carries the problem for its operator."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def json_items(path: Path, prefix: str = "item") -> Iterator[object]:
    """The items of a JSON array (plain or `.gz`), one at a time. Raises `Unreadable`."""
    number = 0
    with _told(path, lambda: f"record {number + 1}"), opened(path) as raw:
        stream = _capped(path, raw, Limits(MAX_JSON_BYTES, MAX_RECORD_CHARACTERS))
        whole = prefix == "item"
        _refuse_other_than(path, stream, "[" if whole else "{")
        read = io.BufferedReader(stream)
        for item in json_stream.array_items(read) if whole else json_stream.items(read, prefix):
            number += 1
            stream.mark()
            yield item


def json_records(path: Path, limits: Limits) -> Iterator[tuple[str, object]]:
    """(where, item) of a JSON array or of JSON lines (plain or `.gz`), one at a time, counted from
    1; what can be left out alone comes as `json_stream.Broken`. Raises `Unreadable`."""
    where = ""
    with _told(path, lambda: where), opened(path) as raw:
        stream = _capped(path, raw, limits)
        lines = _refuse_other_than(path, stream, "[{") == "{"
        read = io.BufferedReader(stream)
        if lines:
            found = ((f"line {n}", item) for n, item in json_stream.line_items(read))
        else:
            items = json_stream.array_items(read, once=True)
            found = ((f"record {n}", item) for n, item in enumerate(items, 1))
        for where, item in found:
            stream.mark()
            yield where, item


@contextmanager
def _told(path: Path, where: Callable[[], str]) -> Iterator[None]:
    """Everything that makes a file unreadable, as `Unreadable`."""
    try:
        yield
    except FileNotFoundError as none:
        problem = Problem(path.name, "", "", "a file that exists", "check the path")
        raise Unreadable(problem) from none
    except (EOFError, zlib.error, gzip.BadGzipFile) as cut:
        step = "the file is cut off: copy it again"
        raise Unreadable(Problem(path.name, "", "", "a complete gzip file", step)) from cut
    except OSError as closed:
        problem = Problem(path.name, "", "", "a file that can be read", "check its rights")
        raise Unreadable(problem) from closed
    except MalformedJson as wrong:
        raise Unreadable(Problem(path.name, where(), "", str(wrong))) from wrong


def _refuse_other_than(path: Path, stream: CappedStream, starts: str) -> str:
    first = b" "
    while first.isspace():
        first = stream.read(1) or b""
    stream.put_back(first)
    if first and first.decode("latin-1") in starts:
        return first.decode("latin-1")
    expected = " or ".join(_STARTS[start] for start in starts)
    raise Unreadable(Problem(path.name, "", "", expected))


def _capped(path: Path, raw: BinaryIO, limits: Limits) -> CappedStream:
    expanded = FREE_EXPANSION_BYTES + MAX_EXPANSION * path.stat().st_size
    cap = min(limits.file_bytes, expanded) if path.suffix == ".gz" else limits.file_bytes
    expected = f"records of at most {limits.record_characters} characters"
    return CappedStream(
        raw,
        cap,
        refuse=lambda: Unreadable(_too_large(path, cap, limits)),
        item_cap=limits.record_characters * limits.bytes_each + _READ_AHEAD,
        refuse_item=lambda: Unreadable(Problem(path.name, "", "", expected)),
    )


def _too_large(path: Path, cap: int, limits: Limits) -> Problem:
    if cap == limits.file_bytes:
        return Problem(path.name, "", "", f"at most {cap} bytes of JSON", "split the source")
    step = "if the content is genuine, give the file unpacked"
    return Problem(path.name, "", "", f"a gzip file that unpacks to at most {cap} bytes", step)


def read_ids(path: Path) -> tuple[str, ...]:
    """The ids in a file of records, which are otherwise not looked at. Raises `Unreadable`."""
    ids = []
    for number, record in enumerate(json_items(path), 1):
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise Unreadable(Problem(path.name, f"record {number}", "id", "an id"))
        ids.append(str(record["id"]))
    return tuple(ids)


def checked(record: object, *, file: str, where: str, problems: Problems) -> Record | None:
    """The record in the forms of today's standard, or None with what is wrong in `problems`."""
    if not isinstance(record, dict):
        problems.add(Problem(file, where, "", "a JSON object"))
        return None
    name = record.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID:
        problems.add(Problem(file, where, "id", f"text of 1 to {_MAX_ID} characters"))
        return None
    where = f"{where} ({name})"
    try:
        size = len(json.dumps(record))
    except RecursionError:
        problems.add(Problem(file, where, "", "a record that is not nested too deep"))
        return None
    if size > MAX_RECORD_CHARACTERS:
        expected = f"a record of at most {MAX_RECORD_CHARACTERS} characters"
        problems.add(Problem(file, where, "", expected))
        return None
    wrong = wrong_term(record)
    if wrong is not None:
        problems.add(Problem(file, where, *wrong))
    return in_current_forms(record) if wrong is None else None


def wrong_term(value: object, path: str = "") -> tuple[str, str] | None:
    """The first field below `path` that does not hold what it must, and what that is."""
    return next(_wrong_terms(value, path, 0), None)


def _wrong_terms(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        yield path, f"at most {MAX_DEPTH} levels of nesting"
    elif isinstance(value, list):
        for item in value:
            yield from _wrong_terms(item, path, depth + 1)
    elif isinstance(value, dict):
        term = value.get("id")
        # An object of an id alone, or with a label, is an ontology term wherever the model has one.
        named = "label" in value or set(value) == {"id"}
        if path and named and not (isinstance(term, str) and _CURIE.match(term)):
            yield f"{path}.id", "an ontology term id such as HP:0000118"
        if not isinstance(value.get("excluded", False), bool):
            yield f"{path}.excluded", "true or false"
        for name, inner in value.items():
            if name != "info":
                yield from _wrong_terms(inner, f"{path}.{name}" if path else name, depth + 1)
