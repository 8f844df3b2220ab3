"""Which versions of each dataset there are and which is served: `manifest.json` beside them.

It changes by writing a new file and renaming it over the old one, so a reader sees one state or the
other, and a load that fails or is killed changes nothing. A version's files are removed only after
the manifest no longer names them; readers that have them open finish on them.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import quote

from beacon.errors import CatalogError, UnknownVersion, VersionInUse

MAX_MANIFEST_BYTES = 10_000_000
_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a dataset: its segment, whole only with this size and digest."""

    file: str
    version: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Versions:
    """A dataset's versions in the order they were loaded, the active one, and the one active
    before it (empty where there is none to go back to)."""

    entries: tuple[Entry, ...]
    active: str
    before: str = ""

    def entry(self, version: str) -> Entry | None:
        return next((each for each in self.entries if each.version == version), None)

    def activated(self, version: str) -> Versions:
        if version == self.active:
            return self
        return replace(self, active=version, before=self.active)

    def without(self, versions: Iterable[str]) -> Versions:
        gone = set(versions) - {self.active}
        kept = tuple(each for each in self.entries if each.version not in gone)
        return Versions(kept, self.active, "" if self.before in gone else self.before)


def segment_name(dataset: str, version: str) -> str:
    return f"{quote(dataset, safe='')}.{version}.segment"


def parquet_name(segment: str) -> str:
    """The sorted variants a segment was made from."""
    return f"{segment.removesuffix('.segment')}.parquet"


def read(folder: Path) -> Mapping[str, Entry]:
    """Active versions by dataset; none where nothing was ever loaded."""
    active = {}
    for dataset, versions in read_versions(folder).items():
        entry = versions.entry(versions.active)
        if entry is None:
            raise CatalogError("the catalog cannot be read", detail=f"{folder}: {dataset}")
        active[dataset] = entry
    return active


def read_versions(folder: Path) -> Mapping[str, Versions]:
    path = folder / _NAME
    try:
        if not path.exists():
            return {}
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_MANIFEST_BYTES))
        return {
            dataset: Versions(
                tuple(Entry(**entry) for entry in known["entries"]),
                known["active"],
                known["before"],
            )
            for dataset, known in raw["datasets"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise CatalogError("the catalog cannot be read", detail=str(path)) from broken


def switch(folder: Path, dataset: str, entry: Entry, *, purge: bool = False) -> None:
    """Makes `entry` the dataset's active version, durably. With `purge` every other version goes,
    so that people who withdrew leave the disk too."""
    with locked(folder):
        known = read_versions(folder).get(dataset, Versions((), entry.version))
        others = tuple(each for each in known.entries if each.version != entry.version)
        changed = replace(known, entries=(*others, entry)).activated(entry.version)
        gone = {each.version for each in others} if purge else set()
        _change(folder, dataset, changed.without(gone))


def activate(folder: Path, dataset: str, version: str) -> Entry:
    """Serves a version loaded before. Raises `UnknownVersion`."""
    with locked(folder):
        known = _known(folder, dataset)
        entry = known.entry(version)
        if entry is None:
            raise UnknownVersion(f"{dataset} has no version {version}; see `skerry datasets list`")
        _change(folder, dataset, known.activated(version))
        return entry


def rollback(folder: Path, dataset: str) -> Entry:
    """Serves the version that was active before. Raises `UnknownVersion` where there is none."""
    before = _known(folder, dataset).before
    if not before:
        raise UnknownVersion(f"{dataset} has no version to go back to; see `skerry datasets list`")
    return activate(folder, dataset, before)


def remove(folder: Path, dataset: str, version: str) -> None:
    """Removes a version and its files. Raises `VersionInUse` for the one that is served."""
    with locked(folder):
        known = _known(folder, dataset)
        if known.entry(version) is None:
            raise UnknownVersion(f"{dataset} has no version {version}; see `skerry datasets list`")
        if version == known.active:
            raise VersionInUse(f"{version} is being served; activate another version first")
        _change(folder, dataset, known.without({version}))


def sweep(folder: Path, dataset: str) -> None:
    """Removes what an ended load left behind: files of the dataset that no manifest names. Only
    for the holder of the dataset's `loading` lock."""
    made = re.compile(rf"{re.escape(quote(dataset, safe=''))}\.[0-9a-f]{{16}}\.(segment|parquet)")
    with locked(folder):
        known = read_versions(folder).get(dataset)
        kept = {each.file for each in known.entries} if known else set()
        kept |= {parquet_name(name) for name in kept}
        for path in folder.iterdir():
            if made.match(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)


@contextmanager
def loading(folder: Path, dataset: str) -> Generator[None]:
    """One load of a dataset at a time; the lock ends with its process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{quote(dataset, safe='')}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            raise CatalogError("this dataset is being loaded by another process") from taken
        yield


def write_json(path: Path, content: object) -> None:
    """Replaces a small file as one step, durably."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=1, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A rename is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """One writer of the catalog's small files at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _known(folder: Path, dataset: str) -> Versions:
    known = read_versions(folder).get(dataset)
    if known is None:
        raise UnknownVersion(f"{dataset} was never loaded here; see `skerry datasets list`")
    return known


def _change(folder: Path, dataset: str, versions: Versions) -> None:
    """Writes the manifest, then removes the files of versions it no longer names."""
    before = read_versions(folder)
    after = {**before, dataset: versions}
    stated = {name: asdict(known) for name, known in after.items()}
    write_json(folder / _NAME, {"format": 2, "datasets": stated})
    kept = {each.file for each in versions.entries}
    for each in before[dataset].entries if dataset in before else ():
        if each.file not in kept:
            (folder / each.file).unlink(missing_ok=True)
            (folder / parquet_name(each.file)).unlink(missing_ok=True)
