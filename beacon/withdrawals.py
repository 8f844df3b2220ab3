"""People who withdrew, by dataset: `withdrawn.json` beside the manifest, apart from all versions.

A running node leaves them out of every answer as soon as it sees the list
(`beacon.segment.without`), and no load puts them into a new version, whatever its files say; so
rollback and reload cannot bring them back. The list names individuals, as the catalog does: it lies
on the same encrypted volume.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from beacon import manifest
from beacon.errors import CatalogError

MAX_LIST_BYTES = 100_000_000
_NAME = "withdrawn.json"


def read(folder: Path) -> Mapping[str, frozenset[str]]:
    """Individuals by dataset. A list that cannot be read is an error, never an empty list."""
    return _read(folder).people


def add(folder: Path, dataset: str, person: str) -> bool:
    """Puts a person on the list, durably; False where they are on it already."""
    with manifest.locked(folder):
        known = _read(folder)
        if person in known.people.get(dataset, frozenset()):
            return False
        people = {**known.people, dataset: known.people.get(dataset, frozenset()) | {person}}
        _write(folder, _List(people, (*known.unrecorded, (dataset, person))))
    return True


def record(folder: Path, append: Callable[[str, str], object]) -> int:
    """Gives each withdrawal that is not in the node's record yet to `append` (dataset, person);
    how many. One may be given twice if the process ends in between, none is left out."""
    if not _read(folder).unrecorded:
        return 0
    with manifest.locked(folder):
        known = _read(folder)
        for dataset, person in known.unrecorded:
            append(dataset, person)
        _write(folder, _List(known.people, ()))
    return len(known.unrecorded)


@dataclass(frozen=True, slots=True)
class _List:
    people: Mapping[str, frozenset[str]]
    unrecorded: tuple[tuple[str, str], ...] = ()


def _read(folder: Path) -> _List:
    path = folder / _NAME
    try:
        if not path.exists():
            return _List({})
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_LIST_BYTES))
        people = {
            dataset: frozenset(_name(person) for person in each)
            for dataset, each in raw["withdrawn"].items()
        }
        waiting = tuple((_name(dataset), _name(person)) for dataset, person in raw["unrecorded"])
        return _List(people, waiting)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise CatalogError("the withdrawals cannot be read", detail=str(path)) from broken


def _write(folder: Path, stated: _List) -> None:
    people = {dataset: sorted(each) for dataset, each in stated.people.items()}
    content = {"format": 1, "withdrawn": people, "unrecorded": list(stated.unrecorded)}
    manifest.write_json(folder / _NAME, content)


def _name(person: object) -> str:
    if not isinstance(person, str):
        raise TypeError("an individual's id is text")
    return person
