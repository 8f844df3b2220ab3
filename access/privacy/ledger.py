"""The registered allowance: what each caller may still learn about each person, kept and spent.

One line for each caller, dataset and canonical question; asked again, a line answers as it did and
costs nothing. A person whose allowance is spent is left out of the answer: to hide or reprice it
would tell that a carrier ran out. Lines survive dataset versions: until a batch of people has come
or gone a new version answers as the old one did, and then a «yes» costs what so small a crowd must
(Ayoz et al. 2021). An answer leaves only after its line is committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, update
from sqlalchemy import func as sql

from access.database import Database
from access.privacy.pricing import price
from access.privacy.spent import Spent, billionths, distinct
from access.privacy.tables import CountedRow, LineRow, SpentRow

MIN_BATCH = 50  # people who come or go before a new version answers anew
KEEP_DAYS = 400
COUNT_DAYS = 90
MAX_REMEMBERED = 100_000
_DAY = 86_400

# SQLModel does not declare the tables it makes.
_line: Table = LineRow.__table__  # type: ignore[attr-defined]
_spent: Table = SpentRow.__table__  # type: ignore[attr-defined]
_counted: Table = CountedRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of one caller: `subject` is a pseudonym, `version` the dataset's, `people` how
    many it then holds."""

    subject: str
    dataset: str
    question: bytes
    version: str
    people: int


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
            spent, is_new = _spent_by(connection, entry)
            crowd = entry.people if known is None else abs(entry.people - known.people)
            most = billionths(allowance)
            cost = billionths(_fair_price(frequency, crowd, spent=spent, most=most))
            payers = (
                spent.able(carriers(), cost=cost, allowance=most)
                if enforced
                else distinct(carriers())
            )
            if len(payers):
                _keep(connection, entry, spent.charged(payers, cost), is_new=is_new)
            _note(connection, entry, answer=bool(len(payers)), known=known, now=now)
        return bool(len(payers))

    def may_count(self, entry: Entry, *, most: int, now: int) -> bool:
        """Whether this count is one of the `most` different ones that a caller gets of a dataset in
        COUNT_DAYS; a count that was given is given again."""
        with self._database.looking() as connection:
            if connection.execute(_FIND_COUNT, _key(entry)).first() is not None:
                return True
        with self._lock, self._database.noting() as connection:
            since = {**_key(entry), "since": now - COUNT_DAYS * _DAY}
            connection.execute(_FORGET_COUNTS, since)
            (given,) = connection.execute(_COUNTS, _key(entry)).one()
            if given >= most:
                return False
            connection.execute(insert(_counted), {**_key(entry), "at": now})
        return True

    def sweep(self, now: int) -> int:
        """Forgets old lines, so that the ledger stays bounded; what was spent stays spent, so a
        question asked again after that costs again. Returns how many went."""
        with self._lock, self._database.noting() as connection:
            before = now - KEEP_DAYS * _DAY
            gone = connection.execute(delete(_line).where(_line.c.at < before)).rowcount
            before = now - COUNT_DAYS * _DAY
            gone += connection.execute(delete(_counted).where(_counted.c.at < before)).rowcount
            self._remembered.clear()
        return int(gone)

    def balances(self, dataset: str) -> dict[str, Spent]:
        """What each caller has spent of the people of a dataset, for the risk report."""
        with self._database.looking() as connection:
            rows = connection.execute(
                select(_spent.c.subject, _spent.c.packed).where(_spent.c.dataset == dataset)
            )
            return {subject: Spent.unpacked(packed) for subject, packed in rows}


def _of(table: Table) -> list[ColumnElement[bool]]:
    return [table.c.subject == bindparam("subject"), table.c.dataset == bindparam("dataset")]


def _one(table: Table) -> list[ColumnElement[bool]]:
    return [*_of(table), table.c.question == bindparam("question")]


_FIND = select(_line.c.answer, _line.c.version, _line.c.people).where(*_one(_line))
_FIND_SPENT = select(_spent.c.packed).where(*_of(_spent))
_FIND_COUNT = select(_counted.c.at).where(*_one(_counted))
_COUNTS = select(sql.count()).select_from(_counted).where(*_of(_counted))
_FORGET_COUNTS = delete(_counted).where(*_of(_counted), _counted.c.at < bindparam("since"))
_CHANGE = (
    update(_line)
    .where(
        _line.c.subject == bindparam("of_subject"),
        _line.c.dataset == bindparam("of_dataset"),
        _line.c.question == bindparam("of_question"),
    )
    .values(
        answer=bindparam("answer"),
        version=bindparam("version"),
        people=bindparam("people"),
        at=bindparam("at"),
    )
)
_CHANGE_SPENT = (
    update(_spent)
    .where(_spent.c.subject == bindparam("of_subject"), _spent.c.dataset == bindparam("of_dataset"))
    .values(packed=bindparam("packed"))
)


def _key(entry: Entry) -> dict[str, object]:
    return {"subject": entry.subject, "dataset": entry.dataset, "question": entry.question}


def _known(connection: Connection, entry: Entry) -> _Line | None:
    row = connection.execute(_FIND, _key(entry)).first()
    return None if row is None else _Line(*row)


def _still_holds(known: _Line, entry: Entry) -> bool:
    return known.version == entry.version or abs(entry.people - known.people) < MIN_BATCH


def _spent_by(connection: Connection, entry: Entry) -> tuple[Spent, bool]:
    row = connection.execute(_FIND_SPENT, _key(entry)).first()
    return (Spent.nothing(), True) if row is None else (Spent.unpacked(row[0]), False)


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


def _keep(connection: Connection, entry: Entry, spent: Spent, *, is_new: bool) -> None:
    if is_new:
        values = {"subject": entry.subject, "dataset": entry.dataset, "packed": spent.packed()}
        connection.execute(insert(_spent), values)
        return
    changed = {"of_subject": entry.subject, "of_dataset": entry.dataset}
    connection.execute(_CHANGE_SPENT, {**changed, "packed": spent.packed()})


def _note(
    connection: Connection, entry: Entry, *, answer: bool, known: _Line | None, now: int
) -> None:
    values = {"answer": answer, "version": entry.version, "people": entry.people, "at": now}
    if known is None:
        connection.execute(insert(_line), {**_key(entry), **values})
    else:
        of = {f"of_{name}": value for name, value in _key(entry).items()}
        connection.execute(_CHANGE, {**of, **values})
