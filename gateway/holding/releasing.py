"""Files that `skerry load` takes in for release: sealed, adopted where they lie, or in the clear.

What was taken in before is left alone, so that a load that was cut off goes on; files that only are
registered are so all together, or none is. Taking one in is
left to `holding.loading`; whether it may leave after withdrawals, to `holding.clearance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gateway.commands.load_progress import Shown
from gateway.errors import LoadRefused
from gateway.holding import clearance, loading
from gateway.home import NodeHome
from schemas.errors import SkerryError
from streams.archive_export import read_export
from streams.inputs import plain_path
from streams.keyring import Secrets
from streams.keys import read_secret_key
from streams.remote import SCHEME, RemoteFile
from streams.shelf import ClearObject, Looked
from streams.sources import Kind
from streams.vault import SealedObject


@dataclass(frozen=True, slots=True)
class Adopted:
    """Crypt4GH bodies to be taken in where they lie; those of `export` below `archive`."""

    places: tuple[str, ...] = ()
    export: Path | None = None
    archive: str | None = None
    key: Path | None = None
    passphrase: Path | None = None


def seal(
    home: NodeHome,
    dataset: str,
    paths: Sequence[Path],
    *,
    per_chromosome: bool,
    store: str | None,
) -> Mapping[str, object]:
    """What was done, by object."""
    done: dict[str, object] = {}
    store = None if store is None else store.rstrip("/")
    if store is not None and not store.startswith(SCHEME):
        raise LoadRefused("--seal-to is s3://BUCKET/PREFIX; left out, bodies lie in the vault")
    with Shown() as shown:
        for path in paths:
            if per_chromosome:
                made = loading.seal_units(home, path, dataset=dataset, store=store, progress=shown)
                done |= {f"sealed {unit.object_id}": _said_of(home, unit) for unit in made}
                continue
            kind, name = loading.kind_of(path), plain_path(path).name
            sealed = loading.seal_file(
                home, path, object_id=f"{dataset}/{name}", dataset=dataset,
                kind=kind, owners=(), store=store, progress=shown,
            )  # fmt: skip
            done[f"sealed {sealed.object_id}"] = _said_of(home, sealed)
    return done


def adopt(home: NodeHome, dataset: str, wanted: Adopted) -> Mapping[str, object]:
    if (wanted.export is None) != (wanted.archive is None):
        raise LoadRefused("--adopt-export and --archive go together; see docs/release.md")
    secrets, done = _adopting_key(wanted), dict[str, object]()
    with Shown() as shown:
        whole = ((place, None) for place in wanted.places)
        below = read_export(wanted.export) if wanted.export is not None else ()
        apart = ((f"{wanted.archive}".rstrip("/") + f"/{one.path}", one) for one in below)
        for at, exported in chain(whole, apart):
            sealed = loading.adopt_file(
                home, at, dataset=dataset, exported=exported, secrets=secrets, progress=shown
            )
            done[f"adopted {sealed.object_id}"] = _said_of(home, sealed)
    return done


def look_at_clear(home: NodeHome, dataset: str, places: Sequence[str]) -> list[Looked]:
    """The files found good, in their order. Raises the first's refusal; nothing has changed then,
    nor now."""
    looked: list[Looked] = []
    for place in places:
        source = RemoteFile(place) if place.startswith(SCHEME) else Path(place)
        try:
            looked.append(loading.for_shelf(home, source, dataset=dataset))
        except SkerryError as refused:
            if len(places) == 1:
                raise
            raise LoadRefused(
                f"{refused.public} None of the {len(places)} files of --clear was taken in."
            ) from refused
    return looked


def shelve(home: NodeHome, looked: Sequence[Looked]) -> Mapping[str, object]:
    """What was done, by object."""
    done: dict[str, object] = {}
    for found in loading.shelve(home, looked):
        said = f"{found.size} bytes{_unless_clear(home, found)}"
        done[f"in the clear {found.object_id} as {found.format}"] = said
    return done


def _said_of(home: NodeHome, sealed: SealedObject) -> str:
    said = f"{sealed.plain_size} bytes"
    if sealed.kind is not Kind.FILE and not sealed.sliceable:
        said += "; whole only: no index could be used or made"
    return said + _unless_clear(home, sealed)


def _unless_clear(home: NodeHome, one: SealedObject | ClearObject) -> str:
    if clearance.is_clear(home, one):
        return ""
    return "; not released: it may hold somebody who withdrew (skerry datasets reseal)"


def _adopting_key(wanted: Adopted) -> Secrets | None:
    if wanted.key is None:
        return None
    try:
        passphrase = None if wanted.passphrase is None else wanted.passphrase.read_bytes().strip()
    except OSError as error:
        raise LoadRefused(f"{wanted.passphrase}: cannot be read") from error
    key = read_secret_key(wanted.key, passphrase)
    return lambda: (key,)
