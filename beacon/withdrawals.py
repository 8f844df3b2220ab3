"""People who withdrew, by dataset: `withdrawn.json` beside the manifest, apart from all versions.

A running node leaves them out of every answer as soon as it sees the list (`beacon.without`), and
no load puts them into a new version, whatever its files say; so rollback and reload cannot bring
them back. The list names individuals, as the catalog does: it lies on the same encrypted volume.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from beacon import manifest
from beacon.errors import CatalogError

MAX_LIST_BYTES = 100_000_000
_NAME = "withdrawn.json"


def read(folder: Path) -> Mapping[str, frozenset[str]]:
    """Individuals by dataset. A list that cannot be read is an error, never an empty list."""
    path = folder / _NAME
    try:
        if not path.exists():
            return {}
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_LIST_BYTES))
        return {
            dataset: frozenset(_name(person) for person in people)
            for dataset, people in raw["withdrawn"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise CatalogError("the withdrawals cannot be read", detail=str(path)) from broken


def add(folder: Path, dataset: str, person: str) -> bool:
    """Puts a person on the list, durably; False where they are on it already."""
    with manifest.locked(folder):
        known = read(folder)
        if person in known.get(dataset, frozenset()):
            return False
        people = {name: sorted(each) for name, each in known.items()}
        people[dataset] = sorted({*people.get(dataset, ()), person})
        manifest.write_json(folder / _NAME, {"format": 1, "withdrawn": people})
    return True


def _name(person: object) -> str:
    if not isinstance(person, str):
        raise TypeError("an individual's id is text")
    return person
