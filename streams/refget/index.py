"""The index of held sequences and collections: one SQLite file beside the letters.

Written by `register` in one transaction, read by servers through one read-only connection that sees
each registration once it is whole.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS sequences (
  ga4gh TEXT PRIMARY KEY, md5 TEXT NOT NULL UNIQUE, trunc512 TEXT NOT NULL UNIQUE,
  length INTEGER NOT NULL, circular INTEGER NOT NULL, file TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (
  authority TEXT NOT NULL, alias TEXT NOT NULL, ga4gh TEXT NOT NULL REFERENCES sequences,
  PRIMARY KEY (authority, alias)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_of ON aliases (ga4gh);
CREATE TABLE IF NOT EXISTS collections (digest TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
  digest TEXT NOT NULL REFERENCES collections, number INTEGER NOT NULL, name TEXT NOT NULL,
  ga4gh TEXT NOT NULL REFERENCES sequences, PRIMARY KEY (digest, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attributes (
  attribute TEXT NOT NULL, value TEXT NOT NULL, digest TEXT NOT NULL REFERENCES collections,
  PRIMARY KEY (attribute, value, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attributes_of ON attributes (digest);
"""
_BUSY_SECONDS = 30


class Index:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._path = root / "index.db"
        self._reader: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def letters(self, file: str) -> Path:
        return self.root / f"{file}.letters"

    def ask(self, sql: str, *values: object) -> list[Any]:
        """Rows; none while nothing was registered."""
        with self._lock:
            if self._reader is None:
                if not self._path.exists():
                    return []
                self._reader = sqlite3.connect(
                    f"file:{self._path}?mode=ro", uri=True, check_same_thread=False
                )
            return self._reader.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, kept at the end of the block and undone if the block raises."""
        self.root.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.executescript(_TABLES)
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection
        finally:
            connection.close()

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
