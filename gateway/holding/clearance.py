"""Says of objects, sealed or not, whether they hold anybody who withdrew, as far as can be seen.

A file is free of them where every sample that its header names is of somebody who is still in the
dataset served; of other files, and of names that the records do not have, nothing is known, and
only the operator's word lets them be released again. Who is refused is `streams.entitlement`'s and
`streams.clear`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from beacon import segments
from beacon.catalog import EntryType
from gateway.holding import holdings
from gateway.home import NodeHome
from streams.errors import ObjectChanged, SourceRefused, StoreUnavailable
from streams.header import open_header
from streams.keyring import KeyRing
from streams.opened_source import OpenedSource
from streams.shelf import ClearObject, Shelf
from streams.sources import Kind
from streams.storage import Source
from streams.vault import SealedObject, Vault

PAGE = 1_000
_NAMED: tuple[EntryType, ...] = ("individual", "biosample")


def look(home: NodeHome, sealed: SealedObject) -> SealedObject:
    """The object, marked where it can be seen that nobody who withdrew is in it."""
    seen = _seen_without(home, sealed, lambda: _samples(home, sealed))
    return sealed if seen is None else Vault(home.vault).mark(sealed, cleared=seen)


def look_in_the_clear(home: NodeHome, found: ClearObject) -> ClearObject:
    """As `look`; a file that is not where it was stays as it is, and leaves nowhere either."""
    shelf = Shelf(home.clear)
    seen = _seen_without(home, found, lambda: _clear_samples(shelf, found))
    return found if seen is None else shelf.mark(found, cleared=seen)


def is_clear(home: NodeHome, one: SealedObject | ClearObject) -> bool:
    return one.cleared >= holdings.withdrawn(home.catalog, one.dataset)


def _seen_without(
    home: NodeHome,
    one: SealedObject | ClearObject,
    samples: Callable[[], frozenset[str] | None],
) -> int | None:
    """Of how many who withdrew it is seen to hold nothing, where that is more than was known."""
    gone = holdings.withdrawn(home.catalog, one.dataset)  # before looking who is there
    if one.cleared >= gone:
        return None
    held = samples()
    return gone if held is not None and held <= names(home, one.dataset) else None


def names(home: NodeHome, dataset: str) -> frozenset[str]:
    """Of people and samples of the version served, without who withdrew."""
    segment = segments.active(home.catalog, dataset)
    if segment is None:
        return frozenset()
    found: set[str] = set()
    for entity in _NAMED:
        skip, total = 0, 1
        while skip < total:
            total, page = segment.entries(entity, samples=None, skip=skip, limit=PAGE)
            found.update(str(record["id"]) for record in page)
            skip += PAGE
    return frozenset(found)


def _samples(home: NodeHome, sealed: SealedObject) -> frozenset[str] | None:
    if sealed.kind is Kind.FILE:
        return None
    keys = open_header(sealed.header_bytes, KeyRing(home.storage_secret)()).data_keys
    with Vault(home.vault).reading(sealed) as body:
        opened = OpenedSource(body, keys, plain_size=sealed.plain_size)
        return _named(opened, sealed.plain_size, sealed.format)


def _clear_samples(shelf: Shelf, found: ClearObject) -> frozenset[str] | None:
    if found.kind is Kind.FILE:
        return None
    try:
        with shelf.reading(found) as source:
            return _named(source, found.size, found.format)
    except (ObjectChanged, StoreUnavailable):
        return None


def _named(source: Source, size: int, form: str) -> frozenset[str] | None:
    # Here, so that commands which take in no file load no parser of foreign files.
    from streams.slices.samples import read_samples

    try:
        return read_samples(source, size, form)
    except SourceRefused:
        return None  # it was taken in without being read, and is released whole
