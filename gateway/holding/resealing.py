"""After a withdrawal: tables made of records are sealed anew, other sealed objects looked through.

Until then nothing of the dataset that was sealed before is released (`streams.entitlement`), so a
process that is killed in between leaves objects closed, never open. For files that hold somebody
who withdrew, or of which that cannot be seen, it says what the operator has to do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from beacon.segments import SegmentCatalog
from gateway.errors import LoadRefused
from gateway.holding import clearance, clinical_table, holdings
from gateway.home import NodeHome
from streams.vault import Vault


@dataclass(frozen=True, slots=True)
class Resealed:
    """Object ids: sealed anew, found free of who withdrew, and not released as they are."""

    tables: tuple[str, ...]
    cleared: tuple[str, ...]
    closed: tuple[str, ...]


def reseal(home: NodeHome, dataset: str, *, free: Collection[str] = ()) -> Resealed:
    """`free` are objects of which the operator says that nobody who withdrew is in them."""
    vault, gone = Vault(home.vault), holdings.withdrawn(home.catalog, dataset)
    held = vault.objects(dataset)
    if not held and dataset not in SegmentCatalog(home.catalog).snapshot():
        raise LoadRefused(f"{dataset}: no dataset of this node; see `skerry datasets list`")
    if unknown := set(free) - {one.object_id for one in held}:
        raise LoadRefused(f"{min(unknown)}: no sealed object of {dataset}")
    tables: list[str] = []
    cleared: list[str] = []
    closed: list[str] = []
    for sealed in held:
        if clearance.is_clear(home, sealed):
            continue
        if sealed.columns:
            clinical_table.seal_again(home, sealed)
            tables.append(sealed.object_id)
        elif sealed.object_id in free:
            vault.mark(sealed, cleared=gone)
            cleared.append(sealed.object_id)
        else:
            looked_at = clearance.look(home, sealed)
            (cleared if clearance.is_clear(home, looked_at) else closed).append(sealed.object_id)
    return Resealed(tuple(tables), tuple(cleared), tuple(closed))
