"""Nodes that ask to join, and those that were admitted: by whom, when, and as whom they answered.

A portal's admin admits after the validator's report (`validator`), never their own application.
What a node called itself then is kept here, the key it proved in `held_keys`; admitting it anew
holds it to others. Nodes in the settings need no admission.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal.book import Book
from portal.errors import NotYours
from portal.nodes.held_keys import HeldKeys, forget, hold
from portal.nodes.pin import HeldKey, How
from portal.nodes.validator import Report
from schemas.errors import Conflict, InvalidInput, NotFound
from schemas.messages import Message

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
# A file of a portal that kept one key for each node beside its admission.
_KEYS_OF_BEFORE = """
INSERT INTO held_keys (address, key, how, since, by_whom)
SELECT address, key, 'admitted', admitted_at, admitted_by FROM joining WHERE key <> ''
"""


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
    def node(self) -> str:
        """Its address where it is a Skerry node, which proves its key."""
        return "" if self.is_beacon else self.address

    @property
    def admitted(self) -> bool:
        return self.admitted_by is not None


class JoinBook:
    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        self._book = Book(path, schema=_SCHEMA, setting="nodes_file")
        self.keys = HeldKeys(path)
        self._clock = clock
        with self._book.open() as book:
            if "key" in {row[1] for row in book.execute("PRAGMA table_info(joining)")}:
                book.execute(_KEYS_OF_BEFORE)
                book.execute("UPDATE joining SET key = NULL")

    def all(self) -> list[Candidate]:
        """The latest first."""
        with self._book.open() as book:
            rows = book.execute(f"SELECT {_COLUMNS} FROM joining ORDER BY at DESC").fetchall()  # noqa: S608 - our own names
        return [Candidate(row[0], bool(row[1]), *row[2:]) for row in rows]

    def admitted(self) -> list[Candidate]:
        """The earliest first: a name belongs to whoever was admitted with it before."""
        found = [one for one in self.all() if one.admitted]
        return sorted(found, key=lambda one: one.admitted_at or 0)

    def one(self, address: str) -> Candidate:
        """Raises `NotFound`."""
        found = next((one for one in self.all() if one.address == address), None)
        if found is None:
            raise NotFound(Message("No node of this address asked to join."))
        return found

    def apply(self, address: str, *, is_beacon: bool, applicant: str, note: str) -> None:
        """Raises `Conflict` where it waits already, or where too many do."""
        waiting = [one for one in self.all() if not one.admitted]
        if sum(one.applicant == applicant for one in waiting) >= MAX_OF_ONE:
            raise Conflict(
                Message("%(count)s applications of yours wait already.", count=MAX_OF_ONE)
            )
        if len(waiting) >= MAX_WAITING:
            raise Conflict(Message("Too many applications wait; try again later."))
        row = (address, is_beacon, applicant, " ".join(note.split())[:MAX_NOTE_CHARS],
               int(self._clock()), None, None, None)  # fmt: skip
        with self._book.open() as book:
            made = book.execute(
                f"INSERT OR IGNORE INTO joining ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)",  # noqa: S608 - our own names
                row,
            )
            if not made.rowcount:
                raise Conflict(Message("This address has asked to join already."))

    def admit(self, address: str, report: Report, *, by: str) -> None:
        """Pins what the report found, anew where it was admitted before. Raises `InvalidInput`
        where the report keeps it out, `NotYours` for one's own."""
        candidate = self.one(address)
        if by == candidate.applicant:
            raise NotYours(Message("Somebody else must admit a node that you applied for."))
        if not report.may_join:
            raise InvalidInput(Message("It may not join until what failed is mended."))
        now = int(self._clock())
        with self._book.open() as book:
            book.execute(
                "UPDATE joining SET admitted_by = ?, admitted_at = ?, beacon_id = ? "
                "WHERE address = ?",
                (by, now, report.beacon_id, address),
            )
            if report.key:
                hold(book, address, [HeldKey(report.key, How.ADMITTED, now, by)])

    def remove(self, address: str) -> None:
        """Declines an application, or sends a node away."""
        with self._book.open() as book:
            forget(book, address)
            if not book.execute("DELETE FROM joining WHERE address = ?", (address,)).rowcount:
                raise NotFound(Message("No node of this address asked to join."))
