"""After a withdrawal: tables made of records are sealed anew, all other objects looked through.

Until then nothing of the dataset that was taken in before is released (`streams.entitlement`,
`streams.clear`), so a process that is killed in between leaves objects closed, never open. Of files
that hold somebody who withdrew, or of which that cannot be seen, it says what has to be done; the
operator's word that one is free of them is in the node's record before it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from access.record.audit import Record
from beacon import manifest
from gateway.errors import LoadRefused
from gateway.holding import clearance, clinical_table, holdings
from gateway.home import NodeHome
from streams.shelf import ClearObject, Shelf
from streams.vault import SealedObject, Vault

Held = SealedObject | ClearObject
Progress = Callable[[str, int], None]


def _untold(_stage: str, _done: int) -> None:
    """Nobody waits to hear how far it is."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """Object ids: sealed anew, found free of who withdrew, and not released as they are."""

    tables: tuple[str, ...]
    cleared: tuple[str, ...]
    closed: tuple[str, ...]


def waiting(home: NodeHome, dataset: str) -> tuple[Held, ...]:
    """What is not released, as it may hold somebody who withdrew."""
    gone = holdings.withdrawn(home.catalog, dataset)
    return tuple(one for one in _objects(home, dataset) if one.cleared < gone)


def reseal(home: NodeHome, dataset: str, *, progress: Progress = _untold) -> Resealed:
    """`progress` is told how many objects are done with. Raises LoadRefused for a dataset that the
    node has not."""
    refuse_unknown(home, dataset)
    tables: list[str] = []
    cleared: list[str] = []
    closed: list[str] = []
    for number, one in enumerate(waiting(home, dataset)):
        progress("objects", number)
        if isinstance(one, SealedObject) and _is_made(one):
            clinical_table.seal_again(home, one)
            tables.append(one.object_id)
        else:
            seen = clearance.is_clear(home, _looked_through(home, one))
            (cleared if seen else closed).append(_called(one))
    return Resealed(tuple(tables), tuple(cleared), tuple(closed))


def can_be_said(home: NodeHome, dataset: str, objects: Collection[str]) -> None:
    """Raises LoadRefused where no word can free one of these."""
    refuse_unknown(home, dataset)
    held = _objects(home, dataset)
    if unknown := set(objects) - {one.object_id for one in held}:
        raise LoadRefused(f"{min(unknown)}: no object of {dataset}")
    if made := [one.object_id for one in held if _is_made(one) and one.object_id in objects]:
        raise LoadRefused(f"{min(made)}: it is made of the records; sealing it anew needs no word")


def free(
    home: NodeHome, dataset: str, objects: Collection[str], *, record: Record, by: str
) -> None:
    """Takes somebody's word that nobody who withdrew is in these objects, in whatever form each
    lies here. It is in the record before anything is released. Raises LoadRefused,
    RecordUnavailable."""
    can_be_said(home, dataset, objects)
    gone = holdings.withdrawn(home.catalog, dataset)
    facts = {"dataset": dataset, "objects": sorted(set(objects)), "withdrawals": gone}
    record.append("release.freed", {"by": record.pseudonym(by), **facts}, durable=True)
    for one in _objects(home, dataset):
        if one.object_id not in objects:
            continue
        if isinstance(one, SealedObject):
            Vault(home.vault).mark(one, cleared=gone)
        else:
            Shelf(home.clear).mark(one, cleared=gone)


def _objects(home: NodeHome, dataset: str) -> tuple[Held, ...]:
    return (*Vault(home.vault).objects(dataset), *Shelf(home.clear).objects(dataset))


def _looked_through(home: NodeHome, one: Held) -> Held:
    if isinstance(one, SealedObject):
        return clearance.look(home, one)
    return clearance.look_in_the_clear(home, one)


def _is_made(one: Held) -> bool:
    return isinstance(one, SealedObject) and bool(one.columns)


def _called(one: Held) -> str:
    """Formats of one object in the clear share its id."""
    return one.object_id if isinstance(one, SealedObject) else f"{one.object_id} as {one.format}"


def refuse_unknown(home: NodeHome, dataset: str) -> None:
    if not _objects(home, dataset) and dataset not in manifest.read(home.catalog):
        raise LoadRefused(f"{dataset}: no dataset of this node; see `skerry datasets list`")
