"""Which databases this catalog has in ClickHouse: a note beside the versions, `clickhouse.json`.

Written before a version is loaded there, so that what a cut-off load left is known too. Other
nodes may use the same server: what is not in the note is not ours to drop.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from beacon import manifest
from beacon.errors import CatalogError

MAX_NOTE_BYTES = 10_000_000
_NAME = "clickhouse.json"
_DATABASE = re.compile(r"^v[0-9a-f]{32}$")  # as `schema.database` names them


def read(catalog: Path) -> frozenset[str]:
    """Names of databases; raises `CatalogError` where the note cannot be understood."""
    path = catalog / _NAME
    try:
        with path.open("rb") as stream:
            names = json.loads(stream.read(MAX_NOTE_BYTES))["databases"]
        if all(_DATABASE.match(name) for name in names):
            return frozenset(names)
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError, KeyError) as broken:
        raise CatalogError("the catalog cannot be read", detail=str(path)) from broken
    raise CatalogError("the catalog cannot be read", detail=f"{path}: a name that is none of ours")


def write(catalog: Path, names: Iterable[str]) -> None:
    manifest.write_json(catalog / _NAME, {"databases": sorted(names)})


@contextmanager
def publishing(catalog: Path) -> Generator[None]:
    """One at a time, the next one waits: what another is still loading is not whole yet, and would
    be made again from under it. The lock ends with its process, however that ends."""
    with (catalog / f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
