"""Turns a permit into a recorded release with its signed manifest.

The one way out for sample-level bytes. A header leaves only after its intent is on disk; bodies are
`sending`'s. Clear streams (`streams.clear`) take the same way and are recorded alike. What is
signed is the work of `manifests`, addresses that of `htsget.tickets`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.permits import check
from access.record.audit import Record
from passports.researcher import Researcher
from schemas.errors import InvalidInput
from schemas.grants import Permit, SignedPermit
from schemas.htsget import ColumnsAsked, Manifest, SignedManifest, SignedSlice, SliceManifest
from streams import manifests
from streams.agent_client import AgentClient
from streams.bodies import Body, ClearBody, SealedBody
from streams.entitlement import Entitlement
from streams.errors import OutsideGrant, ReleaseRefused
from streams.permit import Use, cover
from streams.sending import Sending
from streams.sessions import End, Session, Still, Terms
from streams.slicer_client import SlicerClient, Slicers
from streams.slices.chart import Region
from streams.vault import SealedObject, Vault

MAX_ASKING = 16
BUDGET_TIMES = 4  # a body may be fetched again when a transfer breaks, not without end
BUDGET_SLACK = 4 * 1024 * 1024
CLEAR_SECONDS = 24 * 3600


def _unknown(_given: Entitlement, _now: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Opened:
    """A release that is on record: its header, its manifest, and the session of its body."""

    session: Session
    header: bytes
    manifest: SignedManifest | SignedSlice


def byte_budget(sealed: SealedObject) -> int:
    """What a permit for this object should allow."""
    return BUDGET_TIMES * sealed.body_size + BUDGET_SLACK


class Releases(Sending):
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
        super().__init__(vault=vault, record=record, address_key=ticket_key, clock=clock, mark=mark)
        self._agent = agent
        self._slicer = slicer
        self._key = signing_key
        self._audience = public_url
        # So that an agent that does not answer holds up releases, and nothing else.
        self._asking = CapacityLimiter(MAX_ASKING)

    def close(self) -> None:
        super().close()
        self._agent.close()

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

    # Steps

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
