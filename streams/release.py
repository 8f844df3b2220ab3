"""Turns a permit into a recorded stream of ciphertext with its signed manifest.

The one way out for sample-level bytes. A header leaves only after its intent is on disk; body bytes
only while grant, workspace and permit hold, looked up per request and per batch. Clear streams
(`streams.clear`) take the same way and are recorded alike. What is signed is the work of
`manifests`, addresses that of `htsget.tickets`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from anyio import CapacityLimiter
from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.audit import Record
from access.permits import check
from passports.passport import Researcher
from schemas.errors import InvalidInput
from schemas.grants import Permit, SignedPermit
from schemas.htsget import ColumnsAsked, Manifest, SignedManifest, SignedSlice, SliceManifest
from streams import manifests, rotation
from streams.agent_client import AgentClient
from streams.bodies import Body, ClearBody, FileReader, Reader, SealedBody
from streams.entitlement import Entitlement
from streams.envelope import SEALED_SEGMENT
from streams.errors import AddressRefused, OutsideGrant, ReleaseRefused
from streams.htsget.tickets import Address, check_address
from streams.permit import Use, cover
from streams.sessions import End, Session, Sessions, Still, Terms
from streams.slicer_client import SlicerClient, Slicers
from streams.slices.chart import Region
from streams.vault import SealedObject, Vault

BATCH_BYTES = 15 * SEALED_SEGMENT  # below 1 MiB, and whole segments
NEAR_BATCH_BYTES = 256 * 1024  # what the processor's cache holds
CLEAR_CHECK_BYTES = 4 * NEAR_BATCH_BYTES
SWEEP_SECONDS = 60
MAX_ASKING = 16
BUDGET_TIMES = 4  # a body may be fetched again when a transfer breaks, not without end
BUDGET_SLACK = 4 * 1024 * 1024
CLEAR_SECONDS = 24 * 3600

Batch = bytes | memoryview


def _unknown(_given: Entitlement, _now: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Opened:
    """A release that is on record: its header, its manifest, and the session of its body."""

    session: Session
    header: bytes
    manifest: SignedManifest | SignedSlice


@dataclass(frozen=True, slots=True)
class Claim:
    """Bytes [start0, end0) of a body that one request may have; counted already."""

    session: Session
    start0: int
    end0: int


def byte_budget(sealed: SealedObject) -> int:
    """What a permit for this object should allow."""
    return BUDGET_TIMES * sealed.body_size + BUDGET_SLACK


class Releases:
    """All open releases of this process."""

    def __init__(
        self,
        *,
        vault: Vault,
        agent: AgentClient,
        slicer: SlicerClient | Slicers | None = None,
        record: Record,
        signing_key: Ed25519PrivateKey,
        ticket_key: bytes,
        public_url: str,
        clock: Callable[[], float],
        mark: str = "",
    ) -> None:
        self._vault = vault
        self._agent = agent
        self._slicer = slicer
        self._record = record
        self._key = signing_key
        self._audience = public_url
        self._clock = clock
        self._sessions = Sessions(mark)
        # So that an agent that does not answer holds up releases, and nothing else.
        self._asking = CapacityLimiter(MAX_ASKING)
        self.mark = mark
        self._swept = 0
        self.address_key = ticket_key

    async def open(
        self,
        asked: Entitlement,
        signed: SignedPermit,
        *,
        still: Callable[[Entitlement, int], bool],
        known: Callable[[Entitlement, int], bool] = _unknown,
    ) -> Opened:
        """`still` is asked again for every request and batch of the body, unless it is `known`.

        Raises ReleaseRefused, AgentRefused, AgentUnavailable, TooManyReleases or
        RecordUnavailable; whatever is raised, nothing has left.
        """
        await self._sweep(self._now())
        opening = partial(self._open, asked, signed, still=still, known=known)
        return await run_sync(opening, limiter=self._asking)

    async def open_slice(
        self,
        asked: Entitlement,
        signed: SignedPermit,
        regions: Sequence[Region] | None,
        *,
        columns: ColumnsAsked | None = None,
        still: Callable[[Entitlement, int], bool],
        known: Callable[[Entitlement, int], bool] = _unknown,
    ) -> Opened:
        """The records of `regions`, the header where there are none of them, all that the permit
        allows where it is None. Raises as `open`, and what the regions are refused with."""
        if not asked.sealed.sliceable and asked.regions is not None:
            raise OutsideGrant("Your grant names regions, and this object cannot be cut to them.")
        if self._slicer is None or not asked.sealed.sliceable:
            raise InvalidInput("This object is not offered in slices: ask for the whole object.")
        now = self._now()
        await self._sweep(now)
        permit = self._checked(asked, signed, whole=False, now=now)
        sealed, recipient = asked.sealed, asked.workspace.public_key
        body = await self._slicer.plan(
            signed, sealed.object_id, recipient, regions=regions, columns=columns
        )
        manifest = manifests.of_slice(sealed, permit, body, key=self._key, now=now)
        start = partial(self._start, asked, permit, body, manifest.manifest)
        session = await run_sync(partial(start, still=still, known=known))
        return Opened(session, body.header, manifest)

    async def open_clear(
        self, body: ClearBody, researcher: Researcher | None, *, still: Still
    ) -> Session:
        """Raises TooManyReleases or RecordUnavailable; then nothing has left."""
        now = self._now()
        await self._sweep(now)
        subject = None if researcher is None else self._record.pseudonym(researcher.identity)
        terms = Terms(
            release_id=secrets.token_hex(16),
            subject=subject,
            byte_budget=BUDGET_TIMES * body.size + BUDGET_SLACK,
            expires=now + CLEAR_SECONDS,
            still=still,
        )
        while subject is None and (oldest := self._sessions.longest_unused_of_nobody()):
            await run_sync(self._end, oldest, End.DISPLACED)
        session = self._sessions.start(body, terms, now=now)
        facts = {
            "release": terms.release_id,
            "by": subject,
            "dataset": body.found.dataset,
            "object": body.object_id,
            "format": body.found.format,
            "size": body.size,
        }
        try:
            # Anyone may have these bytes: the entry need not be on disk before they leave.
            self._record.append("release.clear", facts)
        except BaseException:
            self._sessions.end(session.session_id)
            raise
        return session

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
        self._agent.close()

    # Steps

    def _note(self, claim: Claim, sent: int, **how: str) -> None:
        session = claim.session
        unsent = claim.end0 - claim.start0 - sent
        self._sessions.give_back(session.session_id, unsent, now=self._now())
        facts = {"release": session.terms.release_id, "start": claim.start0, "end": claim.end0}
        self._record.append("release.block", {**facts, "sent": sent, **how})

    def _checked(
        self, asked: Entitlement, signed: SignedPermit, *, whole: bool, now: int
    ) -> Permit:
        public = self._key.public_key().public_bytes_raw()
        permit = check(signed, public, audience=self._audience, now=now)
        recipient = hashlib.sha256(asked.workspace.public_key).hexdigest()
        sealed = asked.sealed
        use = Use(sealed.object_id, sealed.dataset, recipient, sealed.body_size, whole=whole)
        coverage = cover(permit, use, now=now)
        if not coverage.covered:
            raise ReleaseRefused("The permit does not cover this.", reasons=coverage.reasons)
        return permit

    def _open(
        self,
        asked: Entitlement,
        signed: SignedPermit,
        *,
        still: Callable[[Entitlement, int], bool],
        known: Callable[[Entitlement, int], bool],
    ) -> Opened:
        now = self._now()
        permit = self._checked(asked, signed, whole=True, now=now)
        sealed, recipient = asked.sealed, asked.workspace.public_key
        header = self._agent.rewrap(signed, sealed.object_id, recipient)
        manifest = manifests.of_whole(sealed, permit, header, key=self._key, now=now)
        body = SealedBody(sealed, self._vault)
        session = self._start(asked, permit, body, manifest.manifest, still=still, known=known)
        return Opened(session, header, manifest)

    def _start(
        self,
        asked: Entitlement,
        permit: Permit,
        body: Body,
        manifest: Manifest | SliceManifest,
        *,
        still: Callable[[Entitlement, int], bool],
        known: Callable[[Entitlement, int], bool],
    ) -> Session:
        """A session whose intent is on disk."""
        terms = Terms(
            release_id=permit.permit_id,
            subject=permit.subject,
            byte_budget=permit.byte_budget,
            expires=permit.expires,
            still=partial(still, asked),
            known=partial(known, asked),
        )
        session = self._sessions.start(body, terms, now=self._now())
        facts = manifests.intent(manifest, permit)
        try:
            self._record.append("release.intent", facts, durable=True)
        except BaseException:
            self._sessions.end(session.session_id)
            raise
        return session

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
