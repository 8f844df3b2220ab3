"""Decides whether one disease falls under another, over an is-a hierarchy passed in as a value.

A request for lung cancer may use data consented for cancer, never the reverse. Names of other
ontologies count only through tables of exact matches; what the hierarchy does not know is unknown,
which is a review and not a no. Answers depend on the release, so it is named in every verdict.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from duo.errors import HierarchyInvalid

MAX_HIERARCHY_BYTES = 64 * 1024 * 1024
_SPELLING = re.compile(r"(?:https?://purl\.obolibrary\.org/obo/)?([A-Za-z]+)[:_](\S{1,64})")


class Cover(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """`parents` is acyclic and closed; `exact` maps foreign ids to ids of this hierarchy and
    `replaced` obsolete ids to their one successor."""

    release: str
    parents: Mapping[str, tuple[str, ...]]
    exact: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)

    def known(self, raw: str) -> str | None:
        """The id in this hierarchy that `raw` means. Ids that live are never looked up as
        obsolete: tables of obsolete ids may be newer than the hierarchy."""
        disease = normal(raw)
        if disease in self.parents:
            return disease
        for table in (self.exact, self.replaced):
            target = table.get(disease)
            if target in self.parents:
                return target
        return None

    def ancestors(self, disease: str) -> frozenset[str]:
        """The disease itself and everything above it."""
        seen = {disease}
        waiting = [disease]
        while waiting:
            for parent in self.parents.get(waiting.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return frozenset(seen)

    def covers(self, allowed: Iterable[str], asked: str) -> Cover:
        """Whether `asked` equals or lies below any of `allowed`."""
        names = {normal(name) for name in allowed}
        if normal(asked) in names:
            return Cover.YES
        found = self.known(asked)
        targets = {self.known(name) for name in names}
        if found is not None and not targets.isdisjoint(self.ancestors(found)):
            return Cover.YES
        return Cover.UNKNOWN if found is None or None in targets else Cover.NO


def no_hierarchy() -> Hierarchy:
    """Knows nothing: equal ids match, all else is unknown."""
    return Hierarchy("none", {})


def normal(raw: str) -> str:
    """`MONDO:0004992` of any of its spellings; text that is no id stays as it is."""
    match = _SPELLING.fullmatch(raw.strip())
    return f"{match.group(1).upper()}:{match.group(2)}" if match else raw.strip()


def load_hierarchy(
    path: Path, *, release: str, exact: Path | None = None, obsolete: Path | None = None
) -> Hierarchy:
    """Reads tables of (id, label, parents split by `|`), (id, foreign id) and (obsolete id,
    replaced_by, ...). Raises `HierarchyInvalid` naming file and line."""
    rows = _rows(path, columns=3)
    parents = {row[0]: tuple(filter(None, row[2].split("|"))) for row in rows}
    for disease, above in parents.items():
        stray = next((parent for parent in above if parent not in parents), None)
        if stray is not None:
            raise HierarchyInvalid(f"{path}: {disease}: its parent {stray} is not in the file")
    _refuse_cycles(path, parents)
    foreign = _foreign(_rows(exact, columns=2)) if exact is not None else {}
    replaced = (
        {row[0]: row[1] for row in _rows(obsolete, columns=2) if row[1] and "|" not in row[1]}
        if obsolete is not None
        else {}
    )
    return Hierarchy(release, parents, exact=foreign, replaced=replaced)


def _foreign(rows: list[list[str]]) -> dict[str, str]:
    """A foreign id matched to several of ours says nothing certain and is left out."""
    meant: dict[str, set[str]] = {}
    for ours, theirs, *_ in rows:
        meant.setdefault(normal(theirs), set()).add(ours)
    return {theirs: ours.pop() for theirs, ours in meant.items() if len(ours) == 1}


def _rows(path: Path, *, columns: int) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_HIERARCHY_BYTES:
            raise HierarchyInvalid(f"{path}: larger than {MAX_HIERARCHY_BYTES} bytes")
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HierarchyInvalid(f"{path}: can't be read: {error}") from error
    for number, row in enumerate(rows, start=1):
        if len(row) < columns:
            raise HierarchyInvalid(f"{path}: line {number}: expected {columns} columns")
    return rows[1:]


def _refuse_cycles(path: Path, parents: Mapping[str, tuple[str, ...]]) -> None:
    """Takes away leaves until none is left (Kahn); what stays lies on a circle."""
    open_children = dict.fromkeys(parents, 0)
    for above in parents.values():
        for parent in above:
            open_children[parent] += 1
    leaves = [disease for disease, children in open_children.items() if children == 0]
    removed = 0
    while leaves:
        removed += 1
        for parent in parents[leaves.pop()]:
            open_children[parent] -= 1
            if open_children[parent] == 0:
                leaves.append(parent)
    if removed != len(parents):
        raise HierarchyInvalid(f"{path}: some diseases lie above themselves")
