"""Which dataset versions a node holds, with their people, variants and size, and which is served.

For `skerry datasets list` and the admin's pages alike; changing them is `beacon.manifest`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beacon import manifest, withdrawals
from beacon.errors import CatalogError
from beacon.loading.source import digest
from beacon.segments import SqliteSegment
from gateway.home import NodeHome


@dataclass(frozen=True, slots=True)
class Held:
    """One version; `people` and `variants` are None where its segment cannot be opened."""

    id: str
    version: str
    active: bool
    bytes: int
    people: int | None
    variants: int | None


def held(home: NodeHome, dataset: str | None = None) -> Iterator[Held]:
    """By dataset, each in the order it was loaded."""
    for name, versions in sorted(manifest.read_versions(home.catalog).items()):
        if dataset in {None, name}:
            for entry in versions.entries:
                yield _held(home, name, entry, active=entry.version == versions.active)


def verified(home: NodeHome) -> Iterator[tuple[str, str, str]]:
    """(dataset, version, what is the matter) of every version, its whole file read; empty where it
    is what was loaded. Nothing is opened: a version of another release is as good."""
    for name, versions in sorted(manifest.read_versions(home.catalog).items()):
        for entry in versions.entries:
            yield name, entry.version, _problem(home.catalog / entry.file, entry)


def _problem(path: Path, entry: manifest.Entry) -> str:
    try:
        size, found = path.stat().st_size, digest(path)
    except OSError as unreadable:
        return f"cannot be read: {unreadable.strerror}"
    if size != entry.size:
        return f"damaged: {size} bytes of {entry.size}; load its files again"
    return "" if found == entry.sha256 else "damaged: other bytes; load its files again"


def state(catalog: Path, dataset: str) -> str:
    """Names a dataset as it stands: its active version, and how many have withdrawn from it, who
    only become more. Read from the disk, so that it is never late."""
    entry = manifest.read(catalog).get(dataset)
    return f"{'none' if entry is None else entry.version}-{withdrawn(catalog, dataset)}"


def withdrawn(catalog: Path, dataset: str) -> int:
    """How many have withdrawn from it, in any version; read from the disk."""
    return len(withdrawals.read(catalog).get(dataset, frozenset()))


def _held(home: NodeHome, dataset: str, entry: manifest.Entry, *, active: bool) -> Held:
    people = variants = None
    try:
        segment = SqliteSegment(home.catalog / entry.file)
    except CatalogError:
        pass
    else:
        people, variants = segment.facts.people, segment.facts.variants
        segment.close()
    return Held(dataset, entry.version, active, entry.size, people, variants)
