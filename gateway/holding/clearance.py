"""Says of sealed objects whether they hold anybody who withdrew, as far as can be seen.

A file is free of them where every sample that its header names is of somebody who is still in the
dataset served; of other files, and of names that the records do not have, nothing is known, and
only the operator's word lets them be released again. Who is refused is `streams.entitlement`'s.
"""

from __future__ import annotations

from beacon.catalog import EntryType
from beacon.segments import SegmentCatalog
from gateway.holding import holdings
from gateway.home import NodeHome
from streams.errors import SourceRefused
from streams.header import open_header
from streams.keyring import KeyRing
from streams.opened_source import OpenedSource
from streams.sources import Kind
from streams.vault import SealedObject, Vault

PAGE = 1_000
_NAMED: tuple[EntryType, ...] = ("individual", "biosample")


def look(home: NodeHome, sealed: SealedObject) -> SealedObject:
    """The object, marked where it can be seen that nobody who withdrew is in it."""
    gone = holdings.withdrawn(home.catalog, sealed.dataset)  # before looking who is there
    if sealed.cleared >= gone:
        return sealed
    samples = _samples(home, sealed)
    if samples is None or not samples <= names(home, sealed.dataset):
        return sealed
    return Vault(home.vault).mark(sealed, cleared=gone)


def is_clear(home: NodeHome, sealed: SealedObject) -> bool:
    return sealed.cleared >= holdings.withdrawn(home.catalog, sealed.dataset)


def names(home: NodeHome, dataset: str) -> frozenset[str]:
    """Of people and samples of the version served, without who withdrew."""
    segment = SegmentCatalog(home.catalog).snapshot().get(dataset)
    if segment is None:
        return frozenset()
    found: set[str] = set()
    for entity in _NAMED:
        skip, total = 0, 1
        while skip < total:
            total, page = segment.entries(entity, people=None, skip=skip, limit=PAGE)
            found.update(str(record["id"]) for record in page)
            skip += PAGE
    return frozenset(found)


def _samples(home: NodeHome, sealed: SealedObject) -> frozenset[str] | None:
    if sealed.kind is Kind.FILE:
        return None
    # Here, so that commands which seal no file load no parser of foreign files.
    from streams.slices.samples import read_samples

    keys = open_header(sealed.header_bytes, KeyRing(home.storage_secret)()).data_keys
    with Vault(home.vault).reading(sealed) as body:
        opened = OpenedSource(body, keys, plain_size=sealed.plain_size)
        try:
            return read_samples(opened, sealed.plain_size, sealed.format)
        except SourceRefused:
            return None  # it was sealed without being read, and is released whole
