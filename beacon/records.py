"""Reads Beacon-friendly JSON (one array per entity) and says exactly what is wrong with it.

Beacon v2.2 default model, the members that loading relies on: `id`, references between entities,
CURIEs of ontology terms. It is not a schema validator; members it does not know are kept. The name
`measures` (before 2.1.2) is read as `measurements`.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from beacon.errors import Problem

MAX_JSON_BYTES = 1_000_000_000
# JSON of people shrinks some 10 to 30 times; what shrinks further was made to fill the memory.
FREE_EXPANSION_BYTES = 64 * 1024 * 1024
MAX_EXPANSION = 100
MAX_RECORDS = 2_000_000
MAX_RECORD_CHARACTERS = 2_000_000
MAX_DEPTH = 40
MAX_PROBLEMS = 20
_CURIE = re.compile(r"^[A-Za-z][A-Za-z0-9_.]+:[^\s,]{1,200}$")
_MAX_ID = 200
_CHUNK = 1024 * 1024

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Entity:
    """A file of records, and what one of them must name: other entities by their ids."""

    name: str
    file: str
    records: tuple[Record, ...] = ()

    def ids(self) -> frozenset[str]:
        return frozenset(str(record["id"]) for record in self.records)


class Problems:
    """Collects the first few problems and says when there are enough."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, problem: Problem) -> None:
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(problem)

    @property
    def full(self) -> bool:
        return len(self.found) >= MAX_PROBLEMS


def read_entity(name: str, path: Path | None, problems: Problems) -> Entity:
    """The records of a file; unusable ones are left out and reported in `problems`."""
    if path is None:
        return Entity(name, "")
    raw = read_json(path, problems)
    if raw is None:
        return Entity(name, path.name)
    if not isinstance(raw, list) or len(raw) > MAX_RECORDS:
        problems.add(Problem(path.name, "", "", f"a JSON array of at most {MAX_RECORDS} records"))
        return Entity(name, path.name)
    kept: list[Record] = []
    seen: set[str] = set()
    for number, record in enumerate(raw):
        if problems.full:
            break
        if _usable(record, number, path.name, seen, problems):
            kept.append(_current(cast(Record, record)))
    return Entity(name, path.name, tuple(kept))


def check_references(entity: Entity, field: str, known: frozenset[str], problems: Problems) -> None:
    """Every record must name one of `known` in `field`, if it names any."""
    for number, record in enumerate(entity.records):
        named = record.get(field)
        if named is not None and named not in known:
            where = f"record {number} ({record['id']})"
            problems.add(Problem(entity.file, where, field, "the id of a record that was given"))


def read_json(path: Path, problems: Problems) -> object:
    """What a file (plain or `.gz`) says, or None with the reason in `problems`."""
    try:
        content = _content(path, problems)
        return None if content is None else json.loads(content)
    except FileNotFoundError:
        problems.add(Problem(path.name, "", "", "a file that exists", "check the path"))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        problems.add(
            Problem(path.name, "", "", "a complete gzip file", "the file is cut off: copy it again")
        )
    except OSError:
        problems.add(Problem(path.name, "", "", "a file that can be read", "check its rights"))
    except json.JSONDecodeError as wrong:
        problems.add(Problem(path.name, f"line {wrong.lineno}", "", f"JSON ({wrong.msg})"))
    except (UnicodeDecodeError, RecursionError, ValueError):
        problems.add(Problem(path.name, "", "", "UTF-8 JSON, not nested too deep"))
    return None


def _content(path: Path, problems: Problems) -> bytearray | None:
    """The bytes of a file, read in chunks so that no more than its cap is ever held."""
    content = bytearray()
    with path.open("rb") as file:
        packed = path.suffix == ".gz"
        expanded = FREE_EXPANSION_BYTES + MAX_EXPANSION * os.fstat(file.fileno()).st_size
        cap = min(MAX_JSON_BYTES, expanded) if packed else MAX_JSON_BYTES
        stream = gzip.GzipFile(fileobj=file) if packed else file
        while chunk := stream.read(_CHUNK):
            content += chunk
            if len(content) > cap:
                problems.add(_too_large(path, cap))
                return None
    return content


def _too_large(path: Path, cap: int) -> Problem:
    if cap == MAX_JSON_BYTES:
        return Problem(path.name, "", "", f"at most {cap} bytes of JSON", "split the source")
    step = "if the content is genuine, give the file unpacked"
    return Problem(path.name, "", "", f"a gzip file that unpacks to at most {cap} bytes", step)


def _usable(record: object, number: int, file: str, seen: set[str], problems: Problems) -> bool:
    if not isinstance(record, dict):
        problems.add(Problem(file, f"record {number}", "", "a JSON object"))
        return False
    name = record.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID:
        problems.add(Problem(file, f"record {number}", "id", f"text of 1 to {_MAX_ID} characters"))
        return False
    where = f"record {number} ({name})"
    if name in seen:
        problems.add(Problem(file, where, "id", "an id that no other record has"))
        return False
    seen.add(name)
    try:
        size = len(json.dumps(record))
    except RecursionError:
        problems.add(Problem(file, where, "", "a record that is not nested too deep"))
        return False
    if size > MAX_RECORD_CHARACTERS:
        expected = f"a record of at most {MAX_RECORD_CHARACTERS} characters"
        problems.add(Problem(file, where, "", expected))
        return False
    wrong = next(_wrong_terms(record, "", 0), None)
    if wrong is not None:
        problems.add(Problem(file, where, *wrong))
    return wrong is None


def _wrong_terms(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        yield path, f"at most {MAX_DEPTH} levels of nesting"
    elif isinstance(value, list):
        for item in value:
            yield from _wrong_terms(item, path, depth + 1)
    elif isinstance(value, dict):
        term = value.get("id")
        # An object with an id and a label is an ontology term wherever the model has one.
        if path and "label" in value and not (isinstance(term, str) and _CURIE.match(term)):
            yield f"{path}.id", "an ontology term id such as HP:0000118"
        if not isinstance(value.get("excluded", False), bool):
            yield f"{path}.excluded", "true or false"
        for name, inner in value.items():
            if name != "info":
                yield from _wrong_terms(inner, f"{path}.{name}" if path else name, depth + 1)


def _current(record: Record) -> Record:
    if "measures" not in record:
        return record
    renamed = {name: value for name, value in record.items() if name != "measures"}
    renamed.setdefault("measurements", record["measures"])
    return renamed
