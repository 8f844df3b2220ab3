"""Tells of callers who learn much of people whose presence is exact: to the record, then by notice.

The profile `rare-disease` refuses nothing for its price, so that somebody is told instead: when a
caller has brought one, ten, a hundred people near the end of what an allowance would be, or had
that many answers that one person alone made «yes». An entry of the record names caller and dataset
by pseudonym and id; the notice to the dataset's committee names neither. `ledger` raises alarms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlmodel import col, select

from access.database import Database
from access.privacy.tables import AccountRow
from access.record.audit import Record

MAX_AT_ONCE = 50
GIVE_UP_SECONDS = 2 * 86_400
FIRST_WAIT_SECONDS = 30
KIND = "privacy.alarm"

Announce = Callable[[str, str, int], Awaitable[bool]]
"""Carries a notice with this id, of this time, to the committee of this dataset (dataset, id, at);
False where somebody could not be reached."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Alarm:
    """`singles` is how many answers one person alone made «yes», `near` how many people are near
    the end; of one caller."""

    account: int
    caller: str
    dataset: str
    singles: int
    near: int
    raised: int

    @property
    def notice_id(self) -> str:
        return f"alarm-{self.account}-{self.raised}"


class Alarms:
    def __init__(self, database: Database, *, record: Record, announce: Announce) -> None:
        self._database = database
        self._record = record
        self._announce = announce
        self._tried: dict[str, int] = {}

    async def ring(self, now: int) -> int:
        """Records what was raised, and announces it until it is delivered or two days are over; how
        many were announced."""
        done = 0
        waiting = await asyncio.to_thread(self._recorded)
        names = {alarm.notice_id for alarm in waiting}
        self._tried = {name: at for name, at in self._tried.items() if name in names}
        for alarm in waiting:
            if not self._due(alarm, now):
                continue
            told = await self._announce(alarm.dataset, alarm.notice_id, alarm.raised)
            if not told and now - alarm.raised > GIVE_UP_SECONDS:
                _log.error("alarm given up: nobody could be reached", dataset=alarm.dataset)
            elif not told:
                continue
            await asyncio.to_thread(self._settle, alarm)
            done += told
        return done

    def _due(self, alarm: Alarm, now: int) -> bool:
        """Tried again when a quarter more time has passed."""
        wait = max(FIRST_WAIT_SECONDS, (now - alarm.raised) // 4)
        if now - self._tried.get(alarm.notice_id, now - wait) < wait:
            return False
        self._tried[alarm.notice_id] = now
        return True

    def _recorded(self) -> tuple[Alarm, ...]:
        """All that is still to be announced, new ones once they are in the record. Workers take
        turns, so a second entry of one alarm takes a crash in between."""
        raised = select(AccountRow).where(AccountRow.alarm != 0)
        with self._database.reading() as session:  # most times there is none: no lock for that
            if session.exec(raised.limit(1)).first() is None:
                return ()
        with self._database.writing() as session:
            rows = session.exec(raised.order_by(col(AccountRow.account)).limit(MAX_AT_ONCE)).all()
            alarms = []
            for row in rows:
                alarm = _alarm(row)
                if row.alarm > 0:
                    self._record.append(
                        KIND,
                        {
                            "caller": alarm.caller,
                            "dataset": alarm.dataset,
                            "alone": alarm.singles,
                            "near_end": alarm.near,
                        },
                        durable=True,
                    )
                    row.alarm = -row.alarm
                    session.add(row)
                alarms.append(alarm)
            return tuple(alarms)

    def _settle(self, alarm: Alarm) -> None:
        """One that was raised anew meanwhile stays."""
        with self._database.writing() as session:
            row = session.get(AccountRow, alarm.account)
            if row is not None and row.alarm == -alarm.raised:
                row.alarm = 0
                session.add(row)


def _alarm(row: AccountRow) -> Alarm:
    return Alarm(row.account or 0, row.subject, row.dataset, row.singles, row.near, abs(row.alarm))
