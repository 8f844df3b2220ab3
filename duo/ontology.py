"""Reads a folder of disease tables into a `Hierarchy`, once per process, or refuses it.

    mondo.obo            as published (OBO 1.4): is-a, obsolete ids, exact matches; or else
    mondo-isa.tsv        id, label, parents split by `|`
    mondo-obsolete.tsv   obsolete id, replaced_by, ...            (optional)
    *-exact.tsv          id, foreign id (DOID, OMIM, Orphanet, NCIT); more than one may lie there
    release.txt          the release in one word                  (optional beside mondo.obo)

The release a verdict names is the stated one with a hash over all files read, so that two sets of
tables never share one. Errors name file and line.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from duo.disease import Hierarchy, no_hierarchy, normal
from duo.errors import HierarchyInvalid

MAX_TABLE_BYTES = 128 * 1024 * 1024
MAX_RELEASE_CHARS = 60
_UNNAMED = "unnamed"

_Parents = dict[str, tuple[str, ...]]


def load_ontology(folder: Path) -> Hierarchy:
    """The tables in `folder`; without the folder nothing about diseases is known. A folder that
    holds no hierarchy is a mistake and raises `HierarchyInvalid`."""
    if not folder.exists():
        return no_hierarchy()
    obo, isa = folder / "mondo.obo", folder / "mondo-isa.tsv"
    digest = hashlib.sha256()
    if obo.exists():
        release, parents, replaced, pairs = _read_obo(_text(obo, digest))
    elif isa.exists():
        release = _UNNAMED
        parents = _read_isa(isa, digest)
        replaced, pairs = _read_obsolete(folder / "mondo-obsolete.tsv", digest), []
    else:
        raise HierarchyInvalid(f"{folder}: expected mondo.obo or mondo-isa.tsv in it")
    for path in sorted(folder.glob("*-exact.tsv")):
        pairs += [(row[0], row[1]) for row in _rows(path, digest, columns=2)]
    if not parents:
        raise HierarchyInvalid(f"{folder}: no disease in the tables")
    _refuse_strays(folder, parents)
    _refuse_cycles(folder, parents)
    stated = _stated_release(folder / "release.txt") or release
    return Hierarchy(
        f"{stated}+{digest.hexdigest()[:12]}", parents, exact=_unique(pairs), replaced=replaced
    )


def _stated_release(path: Path) -> str:
    lines = _text(path, hashlib.sha256()).split(maxsplit=1) if path.exists() else []
    return lines[0][:MAX_RELEASE_CHARS] if lines else ""


def _unique(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """A foreign id matched to several of ours says nothing certain and is left out."""
    meant: dict[str, set[str]] = {}
    for ours, theirs in pairs:
        meant.setdefault(normal(theirs), set()).add(ours)
    return {theirs: ours.pop() for theirs, ours in meant.items() if len(ours) == 1}


def _read_isa(path: Path, digest: hashlib._Hash) -> _Parents:
    parents: _Parents = {}
    for row in _rows(path, digest, columns=3):
        if row[0] in parents:
            raise HierarchyInvalid(f"{path}: {row[0]} stands there twice")
        parents[row[0]] = _parents(row[2])
    return parents


def _read_obsolete(path: Path, digest: hashlib._Hash) -> dict[str, str]:
    if not path.exists():
        return {}
    rows = _rows(path, digest, columns=2)
    return {row[0]: row[1] for row in rows if row[1] and "|" not in row[1]}


def _parents(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split("|")))


def _text(path: Path, digest: hashlib._Hash) -> str:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise HierarchyInvalid(f"{path}: larger than {MAX_TABLE_BYTES} bytes")
        raw = path.read_bytes()
        digest.update(raw)
        return raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HierarchyInvalid(f"{path}: can't be read as UTF-8 text") from error


def _rows(path: Path, digest: hashlib._Hash, *, columns: int) -> list[list[str]]:
    """The rows below the header."""
    lines = _text(path, digest).splitlines()
    try:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except csv.Error as error:
        raise HierarchyInvalid(f"{path}: not a table of tab-separated values") from error
    for number, row in enumerate(rows, start=1):
        if len(row) < columns:
            raise HierarchyInvalid(f"{path}: line {number}: expected {columns} columns")
    return rows[1:]


# `xref: DOID:162 {source="MONDO:equivalentTo"}`; other sources are close matches or worse.
_EQUIVALENT = re.compile(r'(\S+) .*"MONDO:equivalentTo"')
_EXACT = re.compile(r"(?:skos:)?exactMatch (\S+)")


def _read_obo(text: str) -> tuple[str, _Parents, dict[str, str], list[tuple[str, str]]]:
    head, *stanzas = re.split(r"^\[(?=\w+\]\s*$)", text, flags=re.MULTILINE)
    release = dict(_tags(head)).get("data-version", _UNNAMED).removeprefix("releases/")
    parents: _Parents = {}
    replaced: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for stanza in stanzas:
        if stanza.startswith("Term]"):
            _read_stanza(list(_tags(stanza)), parents, replaced, pairs)
    return release[:MAX_RELEASE_CHARS], parents, replaced, pairs


def _tags(stanza: str) -> Iterator[tuple[str, str]]:
    for line in stanza.splitlines():
        name, found, value = line.partition(": ")
        if found:
            yield name, value.strip()


def _read_stanza(
    tags: Sequence[tuple[str, str]],
    parents: _Parents,
    replaced: dict[str, str],
    pairs: list[tuple[str, str]],
) -> None:
    values: dict[str, list[str]] = {}
    for name, value in tags:
        values.setdefault(name, []).append(value)
    disease = values.get("id", [""])[0]
    if values.get("is_obsolete") == ["true"]:
        if len(successors := _ids(values, "replaced_by")) == 1:
            replaced[disease] = successors[0]
        return
    parents[disease] = _ids(values, "is_a")
    matches = [_EQUIVALENT.match(value) for value in values.get("xref", [])]
    matches += [_EXACT.match(value) for value in values.get("property_value", [])]
    pairs += [(disease, match[1]) for match in matches if match is not None]


def _ids(values: Mapping[str, Sequence[str]], tag: str) -> tuple[str, ...]:
    """The ids of a tag; what follows an id is a comment or a qualifier."""
    return tuple(value.split()[0] for value in values.get(tag, ()) if value)


def _refuse_strays(folder: Path, parents: Mapping[str, tuple[str, ...]]) -> None:
    for disease, above in parents.items():
        stray = next((parent for parent in above if parent not in parents), None)
        if stray is not None:
            raise HierarchyInvalid(f"{folder}: {disease}: its parent {stray} is not in the tables")


def _refuse_cycles(folder: Path, parents: Mapping[str, tuple[str, ...]]) -> None:
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
        raise HierarchyInvalid(f"{folder}: some diseases lie above themselves")
