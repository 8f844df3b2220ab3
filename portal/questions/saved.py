"""Questions that a signed-in person asked us to keep: theirs alone to see, run again and delete.

The one place where the portal writes down what somebody asks (settled: askers' privacy), so only
on request, never with an answer, and gone for good when its person deletes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from portal.book import Book
from portal.questions.question import Question
from schemas.errors import Conflict, NotFound
from schemas.messages import Message

MAX_SAVED = 100
MAX_NAME_CHARS = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS saved (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, at INTEGER NOT NULL, name TEXT NOT NULL,
    text TEXT NOT NULL, terms TEXT NOT NULL, assembly TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """As it may be typed again; `at` is in epoch seconds."""

    id: str
    at: int
    name: str
    text: str
    terms: str
    assembly: str


class SavedSearches:
    """`person` is an identity, `sub@issuer`; every method looks at that person's own alone."""

    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        self._book = Book(path, schema=_SCHEMA, setting="searches_file")
        self._clock = clock

    def of(self, person: str) -> list[SavedSearch]:
        """The latest first."""
        with self._book.open() as book:
            rows = book.execute(
                "SELECT id, at, name, text, terms, assembly FROM saved WHERE person = ? "
                "ORDER BY at DESC, id",
                (person,),
            ).fetchall()
        return [SavedSearch(*row) for row in rows]

    def keep(self, person: str, question: Question, *, name: str) -> None:
        """The same question again only gets its new name. Raises `Conflict` where there is no room
        left."""
        typed = (question.text, question.terms, question.assembly)
        named = " ".join(name.split())[:MAX_NAME_CHARS] or question.typed[:MAX_NAME_CHARS]
        with self._book.open() as book:
            book.execute("BEGIN IMMEDIATE")
            book.execute(
                "DELETE FROM saved WHERE person = ? AND text = ? AND terms = ? AND assembly = ?",
                (person, *typed),
            )
            (held,) = book.execute(
                "SELECT count(*) FROM saved WHERE person = ?", (person,)
            ).fetchone()
            if held >= MAX_SAVED:
                raise Conflict(
                    Message("You have kept %(most)s searches; delete one first.", most=MAX_SAVED)
                )
            book.execute(
                "INSERT INTO saved VALUES (?, ?, ?, ?, ?, ?, ?)",
                (secrets.token_urlsafe(16), person, int(self._clock()), named, *typed),
            )

    def delete(self, person: str, search_id: str) -> None:
        """Raises `NotFound` for one that is not this person's."""
        with self._book.open() as book:
            gone = book.execute(
                "DELETE FROM saved WHERE person = ? AND id = ?", (person, search_id)
            )
            if not gone.rowcount:
                raise NotFound(Message("You have kept no such search."))

    def delete_all(self, person: str) -> None:
        with self._book.open() as book:
            book.execute("DELETE FROM saved WHERE person = ?", (person,))
