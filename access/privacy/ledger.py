"""The registered allowance: what each caller may still learn about each person, kept and spent.

One line for each caller, dataset and canonical question; asked again, a line answers as it did and
costs nothing. A person whose allowance is spent is left out of the answer: to hide or reprice it
would tell that a carrier ran out. Lines survive dataset versions: until a batch of people has come
or gone a new version answers as the old one did, and then a «yes» costs what so small a crowd must
(Ayoz et al. 2021). An answer leaves only after its line is committed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult

from access.database import Database
from access.privacy.pricing import price
from access.privacy.spent import Spent, billionths, distinct

MIN_BATCH = 50  # people who come or go before a new version answers anew
KEEP_DAYS = 400
COUNT_DAYS = 90
MAX_REMEMBERED = 100_000
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of one caller: `subject` is a pseudonym, `version` the dataset's, `people` how
    many it then holds; `among` is how many of them it is asked of, where not of all."""

    subject: str
    dataset: str
    question: bytes
    version: str
    people: int
    among: int | None = None

    @property
    def crowd(self) -> int:
        """How many people could have made the answer «yes»."""
        return self.people if self.among is None else min(self.among, self.people)


@dataclass(frozen=True, slots=True)
class _Line:
    answer: bool
    version: str
    people: int


class Ledger:
    """The ledger of one node, in its control database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        # A line never changes under its version, so what was read once need not be read again.
        self._remembered: dict[tuple[str, str, bytes], _Line] = {}

    def presence(
        self,
        entry: Entry,
        *,
        frequency: float,
        allowance: float,
        carriers: Callable[[], Sequence[int]],
        now: int,
        enforced: bool = True,
    ) -> bool:
        """Whether anybody who can still pay for the answer makes it «yes», once they have paid.
        `carriers` are asked for only where no line answers; without `enforced` everybody is
        counted, and what it cost is only noted."""
        key = entry.subject, entry.dataset, entry.question
        known = self._remembered.get(key)
        if known is not None and known.version == entry.version:
            return known.answer
        with self._lock:
            answer = self._answered(
                entry, frequency, allowance, carriers=carriers, now=now, enforced=enforced
            )
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = _Line(answer, entry.version, entry.people)
        return answer

    def _answered(
        self,
        entry: Entry,
        frequency: float,
        allowance: float,
        *,
        carriers: Callable[[], Sequence[int]],
        now: int,
        enforced: bool,
    ) -> bool:
        with self._database.noting() as connection:
            known = _known(connection, entry)
            if known is not None and _still_holds(known, entry):
                return known.answer
            spent = _spent_by(connection, entry)
            crowd = entry.crowd if known is None else min(entry.crowd, _changed(known, entry))
            most = billionths(allowance)
            cost = billionths(_fair_price(frequency, crowd, spent=spent, most=most))
            payers = (
                spent.able(carriers(), cost=cost, allowance=most)
                if enforced
                else distinct(carriers())
            )
            if len(payers):
                packed = spent.charged(payers, cost).packed()
                whose = {"subject": entry.subject, "dataset": entry.dataset}
                _run(connection, _SPEND, **whose, packed=packed)
            told = {"answer": bool(len(payers)), "version": entry.version, "people": entry.people}
            _run(connection, _NOTE, **_key(entry), **told, at=now)
        return bool(len(payers))

    def may_count(self, entry: Entry, *, most: int, now: int) -> bool:
        """Whether this count is one of the `most` different ones that a caller gets of a dataset in
        COUNT_DAYS; a count that was given is given again."""
        with self._lock, self._database.noting() as connection:
            if _run(connection, _FIND_COUNT, **_key(entry)).first() is not None:
                return True
            whose = {"subject": entry.subject, "dataset": entry.dataset}
            since = now - COUNT_DAYS * _DAY
            given = _run(connection, _COUNTS, **whose, since=since).scalar_one()
            if given >= most:
                return False
            _run(connection, _COUNT, **_key(entry), at=now)
        return True

    def sweep(self, now: int) -> int:
        """Forgets old lines, so that the ledger stays bounded; what was spent stays spent, so a
        question asked again after that costs again. Returns how many went."""
        with self._lock, self._database.noting() as connection:
            gone = _run(connection, _FORGET, before=now - KEEP_DAYS * _DAY).rowcount
            before = now - COUNT_DAYS * _DAY
            gone += _run(connection, _FORGET_COUNTS, before=before).rowcount
            self._remembered.clear()
        return int(gone)

    def balances(self, dataset: str) -> dict[str, Spent]:
        """What each caller has spent of the people of a dataset, for the risk report."""
        with self._database.looking() as connection:
            rows = _run(connection, _BALANCES, dataset=dataset)
            return {row["subject"]: Spent.unpacked(row["packed"]) for row in rows.mappings()}


# Text, since making statements of objects costs more than running them.
_FIND = (
    "SELECT answer, version, people FROM privacy_line "
    "WHERE subject = :subject AND dataset = :dataset AND question = :question"
)
_FIND_SPENT = "SELECT packed FROM privacy_spent WHERE subject = :subject AND dataset = :dataset"
_FIND_COUNT = (
    "SELECT at FROM privacy_counted "
    "WHERE subject = :subject AND dataset = :dataset AND question = :question"
)
_COUNTS = (
    "SELECT count(*) FROM privacy_counted "
    "WHERE subject = :subject AND dataset = :dataset AND at >= :since"
)
_COUNT = (
    "INSERT INTO privacy_counted (subject, dataset, question, at) "
    "VALUES (:subject, :dataset, :question, :at) "
    "ON CONFLICT (subject, dataset, question) DO UPDATE SET at = excluded.at"
)
_SPEND = (
    "INSERT INTO privacy_spent (subject, dataset, packed) VALUES (:subject, :dataset, :packed) "
    "ON CONFLICT (subject, dataset) DO UPDATE SET packed = excluded.packed"
)
_NOTE = (
    "INSERT INTO privacy_line (subject, dataset, question, answer, version, people, at) "
    "VALUES (:subject, :dataset, :question, :answer, :version, :people, :at) "
    "ON CONFLICT (subject, dataset, question) DO UPDATE SET answer = excluded.answer, "
    "version = excluded.version, people = excluded.people, at = excluded.at"
)
_FORGET = "DELETE FROM privacy_line WHERE at < :before"
_FORGET_COUNTS = "DELETE FROM privacy_counted WHERE at < :before"
_BALANCES = "SELECT subject, packed FROM privacy_spent WHERE dataset = :dataset"


def _run(connection: Connection, statement: str, **values: object) -> CursorResult[Any]:
    if connection.dialect.paramstyle == "pyformat":  # PostgreSQL's driver
        statement = _in_pyformat(statement)
    return connection.exec_driver_sql(statement, values)


@cache
def _in_pyformat(statement: str) -> str:
    return re.sub(r":([a-z]+)", r"%(\1)s", statement)


def _known(connection: Connection, entry: Entry) -> _Line | None:
    row = _run(connection, _FIND, **_key(entry)).mappings().first()
    return None if row is None else _Line(bool(row["answer"]), row["version"], row["people"])


def _key(entry: Entry) -> dict[str, object]:
    return {"subject": entry.subject, "dataset": entry.dataset, "question": entry.question}


def _still_holds(known: _Line, entry: Entry) -> bool:
    return known.version == entry.version or _changed(known, entry) < MIN_BATCH


def _changed(known: _Line, entry: Entry) -> int:
    return abs(entry.people - known.people)


def _spent_by(connection: Connection, entry: Entry) -> Spent:
    whose = {"subject": entry.subject, "dataset": entry.dataset}
    packed = _run(connection, _FIND_SPENT, **whose).scalar_one_or_none()
    return Spent.nothing() if packed is None else Spent.unpacked(packed)


def _fair_price(frequency: float, crowd: int, *, spent: Spent, most: int) -> float:
    """Of a «yes» among those who can pay it: who ran out can't have made it one, and the fewer
    are left the more it tells of them."""
    nats = price(frequency, crowd)
    for _ in range(4):
        left = crowd - spent.beyond(most - billionths(nats))
        again = price(frequency, left)
        if again == nats:
            break
        nats = again
    return nats
