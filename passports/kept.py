"""Keeps what a secret number stands for until it expires, shared by the processes of one server.

The number itself is never kept: a value is found by its hash and sealed under a key made from it
(Fernet), so that whoever reads the memory or the file opens no session and learns no token. In a
file of the server's folder where several processes serve, else in memory; a restart of the server
begins with none. Leaves what is kept, and for how long, to `sessions` and `bearers`.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import weakref
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from passports.errors import KeptUnavailable
from schemas.messages import Message

BUSY_SECONDS = 3.0
_TABLE = """
CREATE TABLE IF NOT EXISTS kept (
    name BLOB PRIMARY KEY, kind TEXT NOT NULL, owner BLOB NOT NULL, expires REAL NOT NULL,
    size INTEGER NOT NULL, sealed BLOB NOT NULL, number INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_owner ON kept (kind, owner, number);
CREATE INDEX IF NOT EXISTS by_age ON kept (kind, number);
"""


class Kept:
    """Thread-safe; every method is one small transaction. Raises `KeptUnavailable`."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        weakref.finalize(self, self._connection.close)
        with self._changing():
            # A crash of the machine ends every session: nothing here needs to reach the disk.
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF"):
                self._connection.execute(statement)
            self._connection.executescript(_TABLE)

    def put(
        self, kind: str, number: str, value: bytes, *,
        owner: str, expires: float, now: float, most: int, most_of_owner: int | None = None,
    ) -> None:  # fmt: skip
        """The oldest make room: of all beyond `most`, and of the owner's own beyond theirs."""
        name, sealed, own = _name(kind, number), _seal(number).encrypt(value), _hashed(owner)
        with self._changing() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM kept WHERE kind = ? AND expires <= ?", (kind, now))
            (last,) = database.execute("SELECT coalesce(max(number), 0) FROM kept").fetchone()
            database.execute(
                "INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, kind, own, expires, len(value), sealed, last + 1),
            )
            self._thin("kind = ?", (kind,), most)
            if most_of_owner is not None:
                self._thin("kind = ? AND owner = ?", (kind, own), most_of_owner)
            database.execute("COMMIT")

    def get(self, kind: str, number: str, *, now: float) -> bytes | None:
        with self._changing() as database:
            row = database.execute(
                "SELECT sealed FROM kept WHERE name = ? AND expires > ?",
                (_name(kind, number), now),
            ).fetchone()
        return None if row is None else _seal(number).decrypt(row[0])

    def take(self, kind: str, number: str, *, now: float) -> bytes | None:
        """As `get`, for whoever comes first and nobody after."""
        with self._changing() as database:
            row = database.execute(
                "DELETE FROM kept WHERE name = ? RETURNING sealed, expires", (_name(kind, number),)
            ).fetchone()
        return None if row is None or row[1] <= now else _seal(number).decrypt(row[0])

    def extend(self, kind: str, number: str, *, expires: float) -> None:
        with self._changing() as database:
            database.execute(
                "UPDATE kept SET expires = ? WHERE name = ?", (expires, _name(kind, number))
            )

    def drop(self, kind: str, number: str) -> bool:
        """Whether there was one."""
        with self._changing() as database:
            gone = database.execute("DELETE FROM kept WHERE name = ?", (_name(kind, number),))
            return gone.rowcount > 0

    def drop_owner(self, kind: str, owner: str) -> None:
        with self._changing() as database:
            database.execute(
                "DELETE FROM kept WHERE kind = ? AND owner = ?", (kind, _hashed(owner))
            )

    def size(self, kind: str, *, now: float) -> int:
        """Bytes of all values that have not expired."""
        with self._changing() as database:
            found: int = database.execute(
                "SELECT coalesce(sum(size), 0) FROM kept WHERE kind = ? AND expires > ?",
                (kind, now),
            ).fetchone()[0]
            return found

    def close(self) -> None:
        self._connection.close()

    def _thin(self, where: str, of: tuple[object, ...], most: int) -> None:
        # `where` is one of two texts above.
        self._connection.execute(
            f"DELETE FROM kept WHERE name IN (SELECT name FROM kept WHERE {where} "  # noqa: S608
            "ORDER BY number DESC LIMIT -1 OFFSET ?)",
            (*of, most),
        )

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise KeptUnavailable(
                    Message("Sessions can't be looked up just now."), detail=type(error).__name__
                ) from error


def _name(kind: str, number: str) -> bytes:
    """Looking one up tells nothing by its time."""
    return hashlib.sha256(f"{kind}\0{number}".encode("utf-8", "replace")).digest()


def _hashed(owner: str) -> bytes:
    return hashlib.sha256(b"owner\0" + owner.encode("utf-8", "replace")).digest()


def _seal(number: str) -> Fernet:
    key = hashlib.sha256(b"seal\0" + number.encode("utf-8", "replace")).digest()
    return Fernet(urlsafe_b64encode(key))
