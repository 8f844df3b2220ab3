"""How each node was over the last 30 days: every look at it, in a small SQLite file.

One row per look (address, second, milliseconds or none, what was wrong). Without a file nothing is
kept and the page shows only the last look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from portal.book import Book

KEPT_SECONDS = 30 * 24 * 60 * 60
_SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (
    node TEXT NOT NULL, at INTEGER NOT NULL, latency_ms INTEGER, problem TEXT NOT NULL,
    PRIMARY KEY (node, at)
) WITHOUT ROWID
"""
_QUANTILE = """
SELECT latency_ms FROM looks WHERE node = ? AND latency_ms IS NOT NULL
ORDER BY latency_ms LIMIT 1 OFFSET ?
"""


@dataclass(frozen=True, slots=True)
class Look:
    """`latency_ms` is None where the node did not answer."""

    node: str
    at: int
    latency_ms: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Health:
    """Of one node; the latencies are of looks that were answered."""

    looks: int
    answered: int
    median_ms: int | None
    p95_ms: int | None
    last_problem: str
    last_problem_at: int | None

    @property
    def availability(self) -> float:
        """Between 0 and 100, rounded down: nothing is 100 % that once failed."""
        return int(1000 * self.answered / self.looks) / 10 if self.looks else 0.0


class HealthBook:
    """Safe to use from worker threads."""

    def __init__(self, path: Path) -> None:
        self._book = Book(path, schema=_SCHEMA, setting="health_file")

    def note(self, looks: Iterable[Look], *, now: float) -> None:
        """Adds looks and forgets those older than 30 days."""
        with self._book.open() as book:
            book.executemany(
                "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?)",
                [(one.node, one.at, one.latency_ms, one.problem) for one in looks],
            )
            book.execute("DELETE FROM looks WHERE at < ?", (int(now) - KEPT_SECONDS,))

    def of(self, node: str) -> Health | None:
        """None for a node that was never looked at."""
        with self._book.open() as book:
            looks, answered = book.execute(
                "SELECT count(*), count(latency_ms) FROM looks WHERE node = ?", (node,)
            ).fetchone()
            if not looks:
                return None
            median, p95 = (
                book.execute(_QUANTILE, (node, int(share * answered))).fetchone()
                for share in (0.5, 0.95)
            )
            failed = book.execute(
                "SELECT problem, at FROM looks WHERE node = ? AND latency_ms IS NULL "
                "ORDER BY at DESC LIMIT 1",
                (node,),
            ).fetchone()
        return Health(
            looks,
            answered,
            median[0] if median else None,
            p95[0] if p95 else None,
            *(failed or ("", None)),
        )
