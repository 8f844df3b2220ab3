"""Nodes that ask to join, and those that were admitted: by whom, when, and as whom they answered.

A portal's admin admits after the validator's report (`validator`), never their own application.
What an admitted node called itself then is pinned, and one that calls itself otherwise later is not
asked any more. Nodes in the settings need no admission.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal.book import Book
from portal.errors import NotYours
from portal.validator import Report
from schemas.errors import Conflict, InvalidInput, NotFound

MAX_WAITING = 100
MAX_OF_ONE = 5
MAX_NOTE_CHARS = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS joining (
    address TEXT PRIMARY KEY, is_beacon INTEGER NOT NULL, applicant TEXT NOT NULL,
    note TEXT NOT NULL, at INTEGER NOT NULL,
    admitted_by TEXT, admitted_at INTEGER, beacon_id TEXT
) WITHOUT ROWID
"""
_COLUMNS = "address, is_beacon, applicant, note, at, admitted_by, admitted_at, beacon_id"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that asked to join, or joined: then `beacon_id` is what it called itself. Times are
    epoch seconds; a plain Beacon's address is its root."""

    address: str
    is_beacon: bool
    applicant: str
    note: str
    at: int
    admitted_by: str | None
    admitted_at: int | None
    beacon_id: str | None

    @property
    def root(self) -> str:
        return self.address if self.is_beacon else f"{self.address}/beacon"

    @property
    def admitted(self) -> bool:
        return self.admitted_by is not None


class JoinBook:
    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        self._book = Book(path, schema=_SCHEMA, setting="nodes_file")
        self._clock = clock

    def all(self) -> list[Candidate]:
        """The latest first."""
        with self._book.open() as book:
            rows = book.execute(f"SELECT {_COLUMNS} FROM joining ORDER BY at DESC").fetchall()  # noqa: S608 - our own names
        return [Candidate(row[0], bool(row[1]), *row[2:]) for row in rows]

    def admitted(self) -> list[Candidate]:
        return [one for one in self.all() if one.admitted]

    def one(self, address: str) -> Candidate:
        """Raises `NotFound`."""
        found = next((one for one in self.all() if one.address == address), None)
        if found is None:
            raise NotFound("No node of this address asked to join.")
        return found

    def apply(self, address: str, *, is_beacon: bool, applicant: str, note: str) -> None:
        """Raises `Conflict` where it waits already, or where too many do."""
        waiting = [one for one in self.all() if not one.admitted]
        if sum(one.applicant == applicant for one in waiting) >= MAX_OF_ONE:
            raise Conflict(f"{MAX_OF_ONE} applications of yours wait already.")
        if len(waiting) >= MAX_WAITING:
            raise Conflict("Too many applications wait; try again later.")
        row = (address, is_beacon, applicant, " ".join(note.split())[:MAX_NOTE_CHARS],
               int(self._clock()), None, None, None)  # fmt: skip
        with self._book.open() as book:
            made = book.execute("INSERT OR IGNORE INTO joining VALUES (?,?,?,?,?,?,?,?)", row)
            if not made.rowcount:
                raise Conflict("This address has asked to join already.")

    def admit(self, address: str, report: Report, *, by: str) -> None:
        """Raises `InvalidInput` where the report keeps it out, `NotYours` for one's own."""
        candidate = self.one(address)
        if by == candidate.applicant:
            raise NotYours("Somebody else must admit a node that you applied for.")
        if not report.may_join:
            raise InvalidInput("It may not join until what failed is mended.")
        with self._book.open() as book:
            book.execute(
                "UPDATE joining SET admitted_by = ?, admitted_at = ?, beacon_id = ? "
                "WHERE address = ?",
                (by, int(self._clock()), report.beacon_id, address),
            )

    def remove(self, address: str) -> None:
        """Declines an application, or sends a node away."""
        with self._book.open() as book:
            if not book.execute("DELETE FROM joining WHERE address = ?", (address,)).rowcount:
                raise NotFound("No node of this address asked to join.")
