"""Held sequence collections, by digest and by attribute (Sequence Collections 1.0.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.refget import Level2
from streams.errors import NoSuchSequence
from streams.refget import seqcol
from streams.refget.index import Index

MAX_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Page:
    """`results` are digests, in their order; `total` counts all pages."""

    results: tuple[str, ...]
    total: int


class Collections:
    def __init__(self, index: Index) -> None:
        self._index = index

    def level1(self, digest: str) -> dict[str, str]:
        rows = self._index.ask("SELECT attribute, value FROM attributes WHERE digest = ?", digest)
        if not rows:
            raise NoSuchSequence("No collection of this digest is held here.")
        return dict(rows)

    def level2(self, digest: str) -> Level2:
        rows = self._index.ask(
            "SELECT m.name, s.length, ga4gh FROM members m JOIN sequences s USING (ga4gh) "
            "WHERE digest = ? ORDER BY number",
            digest,
        )
        if not rows:
            raise NoSuchSequence("No collection of this digest is held here.")
        names, lengths, sequences = zip(*rows, strict=True)
        return seqcol.level2(names, lengths, sequences)

    def attribute(self, name: str, digest: str) -> object:
        """The array of this level-1 digest. A transient attribute has none."""
        rows = self._index.ask(
            "SELECT digest FROM attributes WHERE attribute = ? AND value = ? LIMIT 1",
            *(name, digest),
        )
        if not rows or name not in seqcol.ATTRIBUTES:
            raise NoSuchSequence("No attribute of this digest is held here.")
        arrays: Mapping[str, object] = self.level2(rows[0][0])
        return arrays[name]

    def listed(self, filters: Mapping[str, str], *, page: int, size: int) -> Page:
        """Collections all of whose named attributes have these level-1 digests."""
        found: set[str] | None = None
        for attribute, value in filters.items():
            rows = self._index.ask(
                "SELECT digest FROM attributes WHERE attribute = ? AND value = ?",
                *(attribute, value),
            )
            digests = {digest for (digest,) in rows}
            found = digests if found is None else found & digests
        if found is None:
            return self._page("collections", "digest", page=page, size=size)
        ordered = sorted(found)
        return Page(tuple(ordered[page * size : (page + 1) * size]), len(ordered))

    def attributes(self, name: str, *, page: int, size: int) -> Page:
        """The level-1 digests held of one attribute."""
        rows = self._index.ask(
            "SELECT DISTINCT value FROM attributes WHERE attribute = ? ORDER BY value", name
        )
        ordered = [value for (value,) in rows]
        return Page(tuple(ordered[page * size : (page + 1) * size]), len(ordered))

    def _page(self, table: str, column: str, *, page: int, size: int) -> Page:
        # Both names are literals of this file, never the caller's.
        rows = self._index.ask(
            f"SELECT {column} FROM {table} ORDER BY {column} LIMIT ? OFFSET ?",  # noqa: S608
            *(size, page * size),
        )
        total = self._index.ask(f"SELECT count(*) FROM {table}")  # noqa: S608
        return Page(tuple(value for (value,) in rows), total[0][0] if total else 0)
