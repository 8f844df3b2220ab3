"""Which keys the portal held each node to, one after the other, in an SQLite file; the last counts.

A row is added and none is changed, so what a node was known by is seen later (`skerry portal keys`)
and no key comes back by itself. Whether a key is the right one is `pin`'s to say.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from portal.book import Book
from portal.nodes.pin import HeldKey, How

_SCHEMA = """
CREATE TABLE IF NOT EXISTS held_keys (
    number INTEGER PRIMARY KEY, address TEXT NOT NULL, key TEXT NOT NULL, how TEXT NOT NULL,
    since INTEGER NOT NULL, by_whom TEXT NOT NULL
)
"""
_OF_ONE = "SELECT key, how, since, by_whom FROM held_keys WHERE address = ? ORDER BY number"


class HeldKeys:
    """Safe to use from worker threads."""

    def __init__(self, path: Path) -> None:
        self._book = Book(path, schema=_SCHEMA, setting="nodes_file")

    def all(self) -> dict[str, tuple[HeldKey, ...]]:
        """By address."""
        with self._book.open() as book:
            rows = book.execute(
                "SELECT address, key, how, since, by_whom FROM held_keys ORDER BY number"
            ).fetchall()
        found: dict[str, tuple[HeldKey, ...]] = {}
        for address, *row in rows:
            found[address] = (*found.get(address, ()), _read(row))
        return found

    def of(self, address: str) -> tuple[HeldKey, ...]:
        with self._book.open() as book:
            return tuple(map(_read, book.execute(_OF_ONE, (address,)).fetchall()))

    def note(
        self,
        seen: Mapping[str, tuple[HeldKey, ...]],
        *,
        known: Mapping[str, tuple[HeldKey, ...]],
    ) -> None:
        """Adds what `seen` has beyond `known`; not where somebody decided otherwise meanwhile."""
        with self._book.open() as book:
            for address, keys in seen.items():
                before = known.get(address, ())
                if len(keys) == len(before):
                    continue
                held = tuple(map(_read, book.execute(_OF_ONE, (address,)).fetchall()))
                if held == before == keys[: len(before)]:
                    hold(book, address, keys[len(before) :])

    def add(self, address: str, key: HeldKey) -> None:
        with self._book.open() as book:
            hold(book, address, [key])


def hold(book: sqlite3.Connection, address: str, keys: Sequence[HeldKey]) -> None:
    book.executemany(
        "INSERT INTO held_keys (address, key, how, since, by_whom) VALUES (?, ?, ?, ?, ?)",
        [(address, one.key, one.how.value, one.since, one.by) for one in keys],
    )


def forget(book: sqlite3.Connection, address: str) -> None:
    book.execute("DELETE FROM held_keys WHERE address = ?", (address,))


def _read(row: Sequence[str | int]) -> HeldKey:
    key, how, since, by = row
    return HeldKey(str(key), How(str(how)), int(since), str(by))
