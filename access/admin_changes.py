"""Changes to a node that wait for a second admin: proposed by one, confirmed by another.

What a change is and how it is made is the caller's; here is who may decide on it, that it happens
at most once, and that every step is in the record before it takes effect.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import col, select

from access.admin_change_table import ChangeRow
from access.database import Database
from access.errors import NoSuchThing, SeparationOfDuties, StepNotPossible, TooManyOpen
from access.linked import Linked
from access.record.audit import Record
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

MAX_WAITING = 100
MAX_LISTED = 200
MAX_FACTS_CHARS = 5 * 1024 * 1024
MAX_REASON_CHARS = 500
KEPT_SECONDS = 30 * 24 * 3600


class ChangeState(StrEnum):
    WAITING = "waiting"
    BEGUN = "begun"  # confirmed; seen only while it is made, or after a crash in the middle of it
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Change:
    """`facts` say what is to be done, in words of `kind`; `note` is why it failed. Times are epoch
    seconds."""

    id: str
    kind: str
    facts: Mapping[str, str]
    reason: str
    state: ChangeState
    proposed_by: str
    proposed: int
    decided_by: str | None
    decided: int | None
    note: str

    @property
    def digest(self) -> str:
        return _digest(self.facts)

    def waits(self, *, now: int) -> bool:
        return self.state is ChangeState.WAITING and now < self.proposed + KEPT_SECONDS


class AdminChanges:
    """In the control database of `store`; each step is in `record`."""

    def __init__(self, store: Database, *, record: Record) -> None:
        self._store = store
        self.record = record

    def propose(
        self, kind: str, facts: Mapping[str, str], *, reason: str, by: str, now: int
    ) -> Change:
        """Raises `TooManyOpen`, and `InvalidInput` without a reason in one line."""
        refuse_unsaid(reason)
        written = json.dumps(dict(facts), sort_keys=True)
        if len(written) > MAX_FACTS_CHARS:
            raise InvalidInput(Message("This change is too large to wait for somebody."))
        row = ChangeRow(
            change_id=f"change-{secrets.token_hex(16)}",
            kind=kind,
            facts=written,
            reason=reason,
            state=ChangeState.WAITING,
            proposed_by=by,
            proposed=now,
        )
        with self._store.writing() as session:
            waiting = select(ChangeRow.change_id).where(ChangeRow.state == ChangeState.WAITING)
            alive = waiting.where(ChangeRow.proposed > now - KEPT_SECONDS)
            if len(session.exec(alive).all()) >= MAX_WAITING:
                raise TooManyOpen(
                    Message(
                        "At most %(most)s changes may wait at a time.",
                        most=MAX_WAITING,
                    )
                )
            session.add(row)
            session.flush()
            change = _change(row)
            self._note("proposed", change, by=by)
        return change

    def listed(self) -> tuple[Change, ...]:
        """Newest first."""
        newest = select(ChangeRow).order_by(col(ChangeRow.proposed).desc()).limit(MAX_LISTED)
        with self._store.reading() as session:
            return tuple(_change(row) for row in session.exec(newest).all())

    def waiting(self, *, now: int) -> tuple[Change, ...]:
        return tuple(one for one in self.listed() if one.waits(now=now))

    def get(self, change_id: str) -> Change:
        with self._store.reading() as session:
            row = session.get(ChangeRow, change_id)
            if row is None:
                raise NoSuchThing(detail="unknown change")
            return _change(row)

    def confirm(
        self, change_id: str, *, by: str, now: int, make: Callable[[Change], object]
    ) -> Change:
        """Claims the change, then makes it. Raises `SeparationOfDuties` for who proposed it,
        `StepNotPossible` for one that no longer waits, and what `make` raises: then it failed, and
        is proposed anew."""
        change = self.get(change_id)
        if change.proposed_by in Linked(self._store).same(by):
            raise SeparationOfDuties(Message("Who proposed a change does not confirm it."))
        if not change.waits(now=now):
            raise StepNotPossible(Message("This change no longer waits; look at it again."))
        self._move(change, ChangeState.WAITING, ChangeState.BEGUN, by=by, now=now, step="confirmed")
        try:
            make(change)
        except SkerryError as problem:
            self._move(change, ChangeState.BEGUN, ChangeState.FAILED, by=by, now=now,
                       note=problem.public[:MAX_REASON_CHARS])  # fmt: skip
            raise
        self._move(change, ChangeState.BEGUN, ChangeState.DONE, by=by, now=now)
        return self.get(change_id)

    def withdraw(self, change_id: str, *, by: str, now: int) -> Change:
        """By any admin, who proposed it included: saying no needs no second person."""
        change = self.get(change_id)
        self._move(
            change, ChangeState.WAITING, ChangeState.WITHDRAWN, by=by, now=now, step="withdrawn"
        )
        return self.get(change_id)

    def made(self, kind: str, facts: Mapping[str, str], *, reason: str, by: str) -> None:
        """On record before a change that waits for nobody."""
        refuse_unsaid(reason)
        self._append("made", kind, facts, by=by)

    def _move(
        self,
        change: Change,
        before: ChangeState,
        after: ChangeState,
        *,
        by: str,
        now: int,
        step: str = "",
        note: str = "",
    ) -> None:
        with self._store.writing() as session:
            moved = session.exec(
                update(ChangeRow)
                .where(col(ChangeRow.change_id) == change.id)
                .where(col(ChangeRow.state) == before)
                .values(state=after, decided_by=by, decided=now, note=note)
            )
            if moved.rowcount != 1:
                raise StepNotPossible(Message("This change no longer waits; look at it again."))
            if step:
                self._note(step, change, by=by)

    def _note(self, step: str, change: Change, *, by: str) -> None:
        self._append(step, change.kind, change.facts, by=by, change=change.id)

    def _append(
        self, step: str, kind: str, facts: Mapping[str, str], *, by: str, change: str | None = None
    ) -> None:
        """Names and numbers of what is changed; a text only as its digest."""
        said = {name: text for name, text in facts.items() if name in _NAMES}
        entry = {
            **said,
            "what": kind,
            "sha256": _digest(facts),
            "by": self.record.pseudonym(by),
            "change": change,
        }
        self.record.append(f"admin.{step}", entry, durable=True)


_NAMES = frozenset({"dataset", "version", "number", "load"})


def refuse_unsaid(reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        raise InvalidInput(
            Message(
                "Give a reason: one line of 1 to %(most)s characters.",
                most=MAX_REASON_CHARS,
            )
        )


def _digest(facts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode()).hexdigest()


def _change(row: ChangeRow) -> Change:
    return Change(
        id=row.change_id,
        kind=row.kind,
        facts=json.loads(row.facts),
        reason=row.reason,
        state=ChangeState(row.state),
        proposed_by=row.proposed_by,
        proposed=row.proposed,
        decided_by=row.decided_by,
        decided=row.decided,
        note=row.note,
    )
