"""Keeps what is still to be said of requests until it is said, or has been tried for two days.

A notice is put in with the step it tells of, in one transaction, and leaves when its courier has
delivered it; nothing here can fail or hold up a step. Sent at least once: a receiver tells copies
by their id.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from access.database import Database
from access.errors import NotDelivered
from access.requests.lifecycle import AccessRequest, Event
from access.requests.notices import Addressees, Channel, Notice, kind_of
from access.tables import NoticeRow

MAX_TRIES = 16
MAX_AT_ONCE = 20
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 6 * 3600

Courier = Callable[[Notice], Awaitable[None]]
"""Delivers, or raises NotDelivered; takes less than `FIRST_WAIT_SECONDS`."""

_log = structlog.get_logger(__name__)


def put(session: Session, request: AccessRequest, event: Event, *, to: Addressees) -> None:
    """Within the transaction of the step."""
    kind = kind_of(event)
    if kind is not None:
        put_about(session, kind, to.of(request), now=event.at, request_id=request.request_id)


def put_about(
    session: Session,
    kind: str,
    targets: Iterable[tuple[Channel, str]],
    *,
    now: int,
    request_id: str = "",
) -> None:
    session.add_all(
        NoticeRow(
            notice_id=f"msg-{secrets.token_hex(16)}",
            request_id=request_id,
            kind=kind,
            at=now,
            channel=channel,
            target=target,
            due=now,
            tries=0,
        )
        for channel, target in targets
    )


def wait_seconds(tries: int) -> int:
    """How long after so many tries the next one comes."""
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS << min(tries - 1, MAX_TRIES))


class Outbox:
    def __init__(
        self, database: Database, *, addressees: Addressees, couriers: Mapping[Channel, Courier]
    ) -> None:
        self._database = database
        self._addressees = addressees
        self._couriers = couriers

    async def deliver(self, *, now: int) -> int:
        """Tries what is due; how many were delivered."""
        claimed = await asyncio.to_thread(self._claim, now)
        done = await asyncio.gather(*(self._try(notice) for notice in claimed))
        return sum(done)

    async def announce(self, dataset: str, notice_id: str, at: int) -> bool:
        """An alarm, to the committee of a dataset at once; False where one target did not take it.
        Nobody to tell is told."""
        targets = [
            Notice(notice_id, "", "alarm", at, channel, target)
            for channel, target in self._addressees.committee(dataset)
        ]
        taken = await asyncio.gather(*(self._carry(notice) for notice in targets))
        return all(taken)

    async def _carry(self, notice: Notice) -> bool:
        courier = self._couriers.get(notice.channel)
        try:
            if courier is not None:
                await courier(notice)
        except NotDelivered as error:
            _log.warning("alarm not delivered", detail=error.detail)
            return False
        return True

    async def _try(self, notice: Notice) -> bool:
        courier = self._couriers.get(notice.channel)
        if courier is None or not self._addressees.still(notice):
            _log.warning("notice dropped: its target is no longer in the settings")
            await asyncio.to_thread(self._remove, notice)
            return False
        try:
            await courier(notice)
        except NotDelivered as error:
            _log.warning("notice not delivered", tries=notice.tries, detail=error.detail)
            if notice.tries >= MAX_TRIES:
                _log.error("notice given up", request=notice.request_id, kind=notice.kind)
                await asyncio.to_thread(self._remove, notice)
            return False
        await asyncio.to_thread(self._remove, notice)
        return True

    def _claim(self, now: int) -> tuple[Notice, ...]:
        """Counts the try and sets the time of the next before anything is sent: two workers do
        not send the same, and a crash in between costs a copy, never a notice."""
        due = select(NoticeRow).where(NoticeRow.due <= now)
        with self._database.reading() as session:  # most times there is nothing: no lock for that
            if session.exec(due.limit(1)).first() is None:
                return ()
        with self._database.writing() as session:
            rows = session.exec(due.order_by(col(NoticeRow.due)).limit(MAX_AT_ONCE)).all()
            claimed = tuple(_notice(row) for row in rows)
            for notice in claimed:
                session.exec(
                    update(NoticeRow)
                    .where(col(NoticeRow.notice_id) == notice.notice_id)
                    .values(tries=notice.tries, due=now + wait_seconds(notice.tries))
                )
            return claimed

    def _remove(self, notice: Notice) -> None:
        with self._database.writing() as session:
            session.exec(delete(NoticeRow).where(col(NoticeRow.notice_id) == notice.notice_id))


def _notice(row: NoticeRow) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        request_id=row.request_id,
        kind=row.kind,
        at=row.at,
        channel=Channel(row.channel),
        target=row.target,
        tries=row.tries + 1,
    )
