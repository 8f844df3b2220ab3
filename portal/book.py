"""An SQLite file of the portal's own, readable by its user alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from portal.errors import SettingsError

_WAIT_SECONDS = 5


class Book:
    """Safe to use from worker threads: each `open` opens the file for itself, and keeps what was
    written when it ends without an error."""

    def __init__(self, path: Path, *, schema: str, setting: str) -> None:
        """Raises `SettingsError` naming the `setting` that holds the path."""
        self._path = path
        try:
            path.touch(mode=0o600)
            with self.open() as book:
                book.execute("PRAGMA journal_mode=WAL")
                book.execute(schema)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"{setting}: cannot be used as an SQLite file") from error

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as book, book:
            book.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
            yield book
