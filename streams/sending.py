"""Sends the bodies of open releases, in batches, while each of them still holds.

Body bytes leave only while grant, workspace and permit hold, looked up per request and per batch;
what leaves is counted before and recorded after. Opening a release is `release`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial

from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync

from access.record.audit import Record
from streams import rotation
from streams.bodies import ClearBody, FileReader, Reader
from streams.envelope import SEALED_SEGMENT
from streams.errors import AddressRefused
from streams.htsget.tickets import Address, check_address
from streams.sessions import End, Session, Sessions
from streams.vault import Vault

BATCH_BYTES = 15 * SEALED_SEGMENT  # below 1 MiB, and whole segments
NEAR_BATCH_BYTES = 256 * 1024  # what the processor's cache holds
CLEAR_CHECK_BYTES = 4 * NEAR_BATCH_BYTES
SWEEP_SECONDS = 60

Batch = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Claim:
    """Bytes [start0, end0) of a body that one request may have; counted already."""

    session: Session
    start0: int
    end0: int


class Sending:
    """The open releases of one process, as far as their bodies go."""

    def __init__(
        self,
        *,
        vault: Vault,
        record: Record,
        address_key: bytes,
        clock: Callable[[], float],
        mark: str,
    ) -> None:
        self._vault = vault
        self._record = record
        self._clock = clock
        self._sessions = Sessions(mark)
        self._swept = 0
        self.mark = mark
        self.address_key = address_key

    async def claim(self, address: Address, signature: str, *, start0: int, end0: int) -> Claim:
        """Counts [start0, end0) of the body against the session, before any byte is sent.

        Raises NoSuchSession, and AddressRefused for what is tampered with, expired or withdrawn.
        """
        session = await self.admit(address, signature)
        if not address.part.start0 <= start0 <= end0 <= address.part.end0:
            raise AddressRefused("This address does not cover these bytes.")
        charged = self._sessions.charge(session.session_id, end0 - start0, now=self._now())
        return Claim(charged, start0, end0)

    async def admit(self, address: Address, signature: str) -> Session:
        """The session of a sound address that still holds; counts nothing. Raises as `claim`."""
        now = self._now()
        await self._sweep(now)
        session = self._sessions.get(address.session)
        bound = Address(
            session=session.session_id,
            object_id=session.body.object_id,
            caller=session.terms.subject or "",
            part=address.part,
            expires=address.expires,
        )
        check_address(bound, signature, self.address_key, now=now)
        await self._look(session)
        return session

    async def send(self, claim: Claim) -> AsyncGenerator[Batch]:
        """The claimed bytes in batches; breaks off by raising when the right is withdrawn."""
        session, sent = claim.session, 0
        try:
            clear = isinstance(session.body, ClearBody)
            reader = session.body.open() if clear else await run_sync(session.body.open)
            try:
                near = isinstance(reader, FileReader)  # and not in an object store, nor a slice
                step = NEAR_BATCH_BYTES if near else BATCH_BYTES
                for start0 in range(claim.start0, claim.end0, step):
                    end0 = min(start0 + step, claim.end0)
                    batch = await self._batch(claim, reader, start0, end0)
                    sent += len(batch)  # handed over counts as sent, whatever the network does
                    yield batch
                    await checkpoint()  # the network may take all of it: others have their turn
            finally:
                reader.close()  # at once, also when the request was cancelled
        finally:
            self._note(claim, sent)

    async def read(self, claim: Claim) -> Batch:
        """The claimed bytes at once, for where they are few; on record before any of them leaves.
        Raises as `send`."""
        session, sent = claim.session, 0
        try:
            clear = isinstance(session.body, ClearBody)
            reader = session.body.open() if clear else await run_sync(session.body.open)
            try:
                found = await _read(reader, claim.start0, claim.end0)
                sent = len(found)
                return found
            finally:
                reader.close()
        finally:
            self._note(claim, sent)

    async def hand_over(self, claim: Claim) -> None:
        """A proxy sends the claimed bytes; whether all of them arrive is not seen from here. Raises
        ObjectChanged, VaultBroken, AddressRefused."""
        session = claim.session
        clear = isinstance(session.body, ClearBody)
        reader = session.body.open() if clear else await run_sync(session.body.open)
        reader.close()  # it is there, and what it was
        self._note(claim, claim.end0 - claim.start0, via="proxy")

    def close(self) -> None:
        """Ends every release; for the end of the process, before the record is closed."""
        for session in self._sessions.all():
            self._end(session, End.STOPPED)

    def _note(self, claim: Claim, sent: int, **how: str) -> None:
        session = claim.session
        unsent = claim.end0 - claim.start0 - sent
        self._sessions.give_back(session.session_id, unsent, now=self._now())
        facts = {"release": session.terms.release_id, "start": claim.start0, "end": claim.end0}
        self._record.append("release.block", {**facts, "sent": sent, **how})

    def _check_still(self, session: Session) -> None:
        now = self._now()
        end = session.end_at(now)
        if end is None and not session.terms.still(now):
            end = End.WITHDRAWN
        if end is not None:
            self._end(session, end)
            raise AddressRefused(f"This release has ended ({end}). Nothing more is sent.")

    async def _batch(self, claim: Claim, reader: Reader, start0: int, end0: int) -> Batch:
        """Of a file, what is at hand: going to a thread costs more than reading it."""
        if not isinstance(reader, FileReader):
            return await run_sync(self._next_batch, claim.session, reader, start0, end0)
        clear = isinstance(claim.session.body, ClearBody)
        come = start0 - claim.start0  # at the claim itself was looked at
        if not clear or (come and come % CLEAR_CHECK_BYTES == 0):
            await self._look(claim.session)
        return await _read(reader, start0, end0)

    async def _look(self, session: Session) -> None:
        """As `_check_still`, in a thread only where that would wait."""
        if isinstance(session.body, ClearBody) or session.terms.known(self._now()):
            self._check_still(session)
        else:
            await run_sync(self._check_still, session)

    def _next_batch(self, session: Session, reader: Reader, start0: int, end0: int) -> Batch:
        self._check_still(session)
        return reader.read(start0, end0)

    def _end(self, session: Session, end: End) -> None:
        ended = self._sessions.end(session.session_id)
        if ended is not None:
            facts = {
                "release": ended.terms.release_id,
                "object": ended.body.object_id,
                "sent": ended.charged_bytes,
                "end": str(end),
            }
            self._record.append("release.close", facts, durable=ended.terms.subject is not None)

    async def _sweep(self, now: int) -> None:
        if now < self._swept + SWEEP_SECONDS:
            return
        self._swept = now
        for session, end in self._sessions.over(now=now):
            await run_sync(self._end, session, end)
        await run_sync(
            rotation.record_pending, self._vault, partial(self._record.append, "keys.rotated")
        )

    def _now(self) -> int:
        return int(self._clock())


async def _read(reader: Reader, start0: int, end0: int) -> Batch:
    at_hand = reader.at_hand(start0, end0) if isinstance(reader, FileReader) else None
    return at_hand if at_hand is not None else await run_sync(reader.read, start0, end0)
