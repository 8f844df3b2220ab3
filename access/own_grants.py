"""Honours a node's own grants only as verified visas and only while the grant itself is active.

A visa outlives the revocation of its grant by up to an hour; the control database does not. What it
says is remembered for a few seconds, and in the process that changes it not at all, so that a
revocation holds at once here and within `KEPT_SECONDS` in every other process of the node.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from access.rows import IssuedGrant
from access.store import Store
from passports.errors import Reason
from passports.judgement import not_held
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType

KEPT_SECONDS = 5
MAX_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class _Seen:
    grant: IssuedGrant | None
    changes: int
    until: int


class OwnGrants:
    """`issuer` is the node itself, as its visas name it."""

    def __init__(self, store: Store, *, issuer: str, clock: Callable[[], int]) -> None:
        self._store = store
        self._issuer = issuer
        self._clock = clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    async def honoured(self, researcher: Researcher) -> Researcher:
        """The same value where nothing is withdrawn; else without the visas of ended grants, which
        are named as dropped. Raises `StoreUnavailable`."""
        own = [visa for visa in researcher.visas if self._is_own(visa)]
        ended = [visa for visa in own if not await self._is_active(visa)]
        if not ended:
            return researcher
        return replace(
            researcher,
            visas=tuple(visa for visa in researcher.visas if visa not in ended),
            dropped=(*researcher.dropped, *(not_held(visa, Reason.REVOKED) for visa in ended)),
        )

    def _is_own(self, visa: Visa) -> bool:
        return visa.issuer == self._issuer and visa.type is VisaType.CONTROLLED_ACCESS

    async def _is_active(self, visa: Visa) -> bool:
        # `access.grants` mints the id as GRANT.RANDOM; one it did not mint stands for no grant.
        grant_id = (visa.jti or "").partition(".")[0]
        now = self._clock()
        seen = self._seen.get(grant_id)
        if seen is None or seen.changes != self._store.changes or now >= seen.until:
            seen = await self._look(grant_id, now=now)
        grant = seen.grant
        return grant is not None and grant.revoked is None and now < grant.expires

    async def _look(self, grant_id: str, *, now: int) -> _Seen:
        changes = self._store.changes  # before reading: a change meanwhile is looked at again
        grant = await asyncio.to_thread(self._store.grant, grant_id)
        seen = self._seen[grant_id] = _Seen(grant, changes, now + KEPT_SECONDS)
        self._seen.move_to_end(grant_id)
        if len(self._seen) > MAX_KEPT:
            self._seen.popitem(last=False)
        return seen
