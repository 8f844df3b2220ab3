"""Asks the database of one segment: a file that never changes, by one statement at a time.

Opened read-only and `immutable`, so SQLite takes no lock and looks for no journal. The event loop
and worker threads ask through one connection, each holding it from its statement to the last row:
since Python 3.12 two threads that run one statement at a time can be given each other's rows
(python/cpython#118172), whatever SQLite itself does in turn.
"""

from __future__ import annotations

import sqlite3
import weakref
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

_MAX_INTEGER = 2**62  # what SQLite can bind; no position or page is beyond it


class Statements:
    """Let go with whoever used it last."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        self._turn = Lock()
        self._let_go = weakref.finalize(self, self._db.close)

    def __call__(self, sql: str, *values: object) -> list[Any]:
        """All rows."""
        try:
            with self._turn:
                return self._db.execute(sql, values).fetchall()
        except OverflowError:
            if not any(map(_is_too_large, values)):
                raise
        return self(sql, *map(_bound, values))

    def close(self) -> None:
        with self._turn:
            self._let_go()


def _is_too_large(value: object) -> bool:
    return isinstance(value, int) and abs(value) > _MAX_INTEGER


def _bound(value: object) -> object:
    if isinstance(value, int):
        return max(-_MAX_INTEGER, min(value, _MAX_INTEGER))
    return value
