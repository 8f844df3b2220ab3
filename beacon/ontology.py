"""Is-a hierarchies of ontologies, read from OBO 1.4 or from a table of terms.

The table has lines `id<TAB>label<TAB>parents`, parents separated by `|`. Only `is_a` is followed;
other relations do not make one diagnosis a kind of another. Matching is left to `beacon.bitmaps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from beacon.errors import Problem, SourceRefused

MAX_HIERARCHY_BYTES = 500_000_000
MAX_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Terms known by name, and the direct parents of each."""

    labels: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def ancestors(self, term: str) -> frozenset[str]:
        """Every term above this one; loops in the file end the climb, they do not break it."""
        above: set[str] = set()
        waiting = list(self.parents.get(term, ()))
        while waiting:
            parent = waiting.pop()
            if parent not in above:
                above.add(parent)
                waiting.extend(self.parents.get(parent, ()))
        return frozenset(above - {term})


def read(paths: Iterable[Path]) -> Hierarchy:
    """All files merged; a term's parents are those of every file that names it."""
    labels: dict[str, str] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for path in paths:
        try:
            for term, label, above in _terms(path):
                labels[term] = label or labels.get(term, "")
                parents[term] = tuple(dict.fromkeys((*parents.get(term, ()), *above)))
        except (OSError, UnicodeDecodeError) as broken:
            raise SourceRefused([Problem(path.name, "", "", "a readable UTF-8 file")]) from broken
    return Hierarchy(labels, parents)


def _terms(path: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if path.stat().st_size > MAX_HIERARCHY_BYTES:
        raise SourceRefused([Problem(path.name, "", "", f"at most {MAX_HIERARCHY_BYTES} bytes")])
    with path.open(encoding="utf-8") as lines:
        yield from _obo(lines) if path.suffix == ".obo" else _table(lines, path.name)


def _table(lines: Iterable[str], file: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.rstrip("\r\n").split("\t")
        if not 2 <= len(cells) <= 3 or len(line) > MAX_LINE or not cells[0]:
            expected = "id, label and parents separated by tabs"
            raise SourceRefused([Problem(file, f"line {number}", "", expected)])
        above = cells[2].split("|") if len(cells) == 3 else []
        yield cells[0], cells[1], tuple(parent for parent in above if parent)


def _obo(lines: Iterable[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    above: list[str] = []
    term, label, inside = "", "", False
    for raw in lines:
        line = raw.strip()
        if line.startswith("["):
            if inside and term:
                yield term, label, tuple(above)
            term, label, above, inside = "", "", [], line == "[Term]"
        elif line.startswith("id: "):
            term = line[4:].split(" ")[0]
        elif line.startswith("name: "):
            label = line[6:]
        elif line.startswith("is_a: "):
            above.append(line[6:].split(" ")[0])
    if inside and term:
        yield term, label, tuple(above)
