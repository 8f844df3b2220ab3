"""Is-a hierarchies of ontologies, from the files an operator brings.

OBO 1.4, OWL (RDF/XML), obographs JSON, or a table of lines `id<TAB>label<TAB>parents` with parents
separated by `|`; each plain or `.gz`. Only `is_a` is followed: other relations do not make one
diagnosis a kind of another. Obsolete terms are left out, alternative ids stand for their term.
Matching is left to `beacon.segment.record_table`, the syntax of OWL and JSON to
`beacon.loading.ontology_formats`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast

from beacon.errors import Problem, SourceRefused
from beacon.loading import ontology_formats
from beacon.loading.ontology_formats import MalformedOntology, OntologyTerm
from beacon.loading.reading import CappedStream, kind_of, opened

MAX_HIERARCHY_BYTES = 1_000_000_000
MAX_TERMS = 5_000_000
MAX_LINE = 1_000_000
MAX_SYNONYMS = 20


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Terms known by name, the direct parents of each, the exact synonyms of some, and former ids
    with the term each stands for now."""

    labels: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)

    def ancestors(self, term: str) -> frozenset[str]:
        """Every term above this one; loops in the file end the climb, they do not break it. A
        former id has its term above it, so old records are found by the new id."""
        above: set[str] = set()
        waiting = list(self._above(term))
        while waiting:
            parent = waiting.pop()
            if parent not in above:
                above.add(parent)
                waiting.extend(self._above(parent))
        return frozenset(above - {term})

    def _above(self, term: str) -> tuple[str, ...]:
        now = self.former.get(term)
        return self.parents.get(term, ()) if now is None else (now,)


def read(paths: Iterable[Path]) -> Hierarchy:
    """All files merged; a term's parents are those of every file that names it."""
    found = Hierarchy({}, {}, {}, {})
    for path in paths:
        try:
            for term in _terms(path):
                _merge(found, term)
        except MalformedOntology as wrong:
            raise SourceRefused([Problem(path.name, wrong.where, "", wrong.expected)]) from wrong
        except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
            raise SourceRefused([Problem(path.name, "", "", "a complete gzip file")]) from broken
        except (OSError, UnicodeDecodeError) as broken:
            raise SourceRefused([Problem(path.name, "", "", "a readable UTF-8 file")]) from broken
    return found


def _merge(found: Hierarchy, term: OntologyTerm) -> None:
    if len(found.labels) >= MAX_TERMS:
        raise MalformedOntology(f"at most {MAX_TERMS} terms")
    labels = cast("dict[str, str]", found.labels)
    parents = cast("dict[str, tuple[str, ...]]", found.parents)
    labels[term.id] = term.label or labels.get(term.id, "")
    parents[term.id] = tuple(dict.fromkeys((*parents.get(term.id, ()), *term.parents)))
    if term.synonyms:
        synonyms = cast("dict[str, tuple[str, ...]]", found.synonyms)
        known = (*synonyms.get(term.id, ()), *term.synonyms)
        synonyms[term.id] = tuple(dict.fromkeys(known))[:MAX_SYNONYMS]
    cast("dict[str, str]", found.former).update(dict.fromkeys(term.former, term.id))


def _terms(path: Path) -> Iterator[OntologyTerm]:
    kind = kind_of(path)
    match kind:
        case ".owl":
            with _open(path) as stream:
                yield from ontology_formats.owl(stream)
        case ".json":
            # Nodes and edges stand in separate lists, so the file is read once for each.
            with _open(path) as nodes, _open(path) as edges:
                yield from ontology_formats.obograph(nodes, edges)
        case _:
            with _open(path) as stream:
                lines = io.TextIOWrapper(cast("IO[bytes]", stream), encoding="utf-8")
                yield from _obo(lines) if kind == ".obo" else _table(lines)


def _open(path: Path) -> BinaryIO:
    def refuse() -> MalformedOntology:
        return MalformedOntology(f"at most {MAX_HIERARCHY_BYTES} bytes")

    stream = CappedStream(opened(path), MAX_HIERARCHY_BYTES, refuse=refuse)
    return cast("BinaryIO", io.BufferedReader(stream))


def _table(lines: Iterable[str]) -> Iterator[OntologyTerm]:
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.rstrip("\r\n").split("\t")
        if not 2 <= len(cells) <= 3 or len(line) > MAX_LINE or not cells[0]:
            expected = "id, label and parents separated by tabs"
            raise MalformedOntology(expected, where=f"line {number}")
        above = cells[2].split("|") if len(cells) == 3 else []
        yield OntologyTerm(cells[0], cells[1], tuple(parent for parent in above if parent))


def _obo(lines: Iterable[str]) -> Iterator[OntologyTerm]:
    stanza: dict[str, list[str]] | None = None
    for raw in lines:
        line = raw.strip()
        if line.startswith("["):
            yield from _stanza(stanza)
            stanza = {} if line == "[Term]" else None
        elif stanza is not None and ": " in line:
            tag, _, value = line.partition(": ")
            stanza.setdefault(tag, []).append(value)
    yield from _stanza(stanza)


def _stanza(tags: Mapping[str, list[str]] | None) -> Iterator[OntologyTerm]:
    if not tags or "id" not in tags or tags.get("is_obsolete") == ["true"]:
        return
    yield OntologyTerm(
        id=tags["id"][0].split(" ")[0],
        label=tags.get("name", [""])[0],
        parents=tuple(value.split(" ")[0] for value in tags.get("is_a", ())),
        synonyms=tuple(
            value.split('"')[1]
            for value in tags.get("synonym", ())
            if value.count('"') >= 2 and value.rpartition('"')[2].strip().startswith("EXACT")
        ),
        former=tuple(value.split(" ")[0] for value in tags.get("alt_id", ())),
    )
