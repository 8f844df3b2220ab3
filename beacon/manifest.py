"""Which segment of each dataset is served: `manifest.json` beside the segments.

It changes by writing a new file and renaming it over the old one, so a reader sees one state or the
other, and a load that fails changes nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from beacon.errors import CatalogError

MAX_MANIFEST_BYTES = 10_000_000
_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One dataset's active segment."""

    file: str
    version: str
    size: int
    sha256: str


def segment_name(dataset: str, version: str) -> str:
    return f"{quote(dataset, safe='')}.{version}.segment"


def parquet_name(segment: str) -> str:
    """The sorted variants a segment was made from."""
    return f"{segment.removesuffix('.segment')}.parquet"


def read(folder: Path) -> Mapping[str, Entry]:
    """Active segments by dataset; none where nothing was ever loaded."""
    path = folder / _NAME
    try:
        if not path.exists():
            return {}
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_MANIFEST_BYTES))
        return {dataset: Entry(**entry) for dataset, entry in raw["datasets"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
        raise CatalogError("the catalog cannot be read", detail=str(path)) from broken


def switch(folder: Path, dataset: str, entry: Entry) -> None:
    """Makes `entry` the dataset's active segment, durably, and removes the one before: people
    who withdrew leave the disk too. Readers that have it open finish on it."""
    with _locked(folder):
        known_before = read(folder)
        datasets = {name: asdict(known) for name, known in known_before.items()}
        datasets[dataset] = asdict(entry)
        temporary = folder / f"{_NAME}.{os.getpid()}.tmp"
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump({"format": 1, "datasets": datasets}, stream, indent=1, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(folder / _NAME)
        before = known_before.get(dataset)
        if before is not None and before.file != entry.file:
            (folder / before.file).unlink(missing_ok=True)
            (folder / parquet_name(before.file)).unlink(missing_ok=True)
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """A rename is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    with (folder / f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
