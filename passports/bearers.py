"""Opaque bearers that stand for a token too large for a header line.

Proxies cut header lines near 8 KB, which six visas fill; samtools and curl send headers only. A
bearer is 256 random bits; the token it stands for is `kept`, and judged again at every use, so that
expiry, revocation and trust hold as if it had been sent itself. A restart ends them all.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from passports.errors import BadToken, Reason, TooManySessions
from passports.identities import Identity
from passports.kept import Kept
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from schemas.messages import Message

PREFIX = "skerry_"  # so that scanners of leaked secrets can find it
MAX_SECONDS = 60 * 60
MAX_PER_PERSON = 10
SAID_SECONDS = 300  # how long after its end a bearer is told that it ended
MAX_HELD = 100_000
MAX_HELD_CHARS = 64 * 1024 * 1024
_BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Opened:
    bearer: str = field(repr=False)
    expires: int


class Bearers:
    """Admits bearers of its own, and every other token as the clearinghouse does."""

    def __init__(
        self,
        clearinghouse: Clearinghouse,
        *,
        clock: Callable[[], int],
        kept: Kept | None = None,
    ) -> None:
        self._clearinghouse = clearinghouse
        self._clock = clock
        self._kept = kept or Kept()

    async def open(self, raw_token: str) -> Opened:
        """Until the token, the first of its visas or the hour ends. Raises what `admit` raises."""
        researcher = await self._clearinghouse.admit(raw_token)
        now = self._clock()
        ends = [researcher.expires, *(visa.expires for visa in researcher.visas)]
        expires = min(now + MAX_SECONDS, *ends)
        if expires <= now:  # within the leeway of its last seconds
            raise BadToken(Reason.EXPIRED)
        if self._kept.size(_BEARER, now=now + SAID_SECONDS) + len(raw_token) > MAX_HELD_CHARS:
            raise TooManySessions(
                Message("There are too many sessions open here; try again later.")
            )
        bearer = PREFIX + secrets.token_urlsafe(32)
        self._kept.put(
            _BEARER, bearer, b"%d %b" % (expires, raw_token.encode()),
            owner=repr(Identity(researcher.subject, researcher.issuer)),
            expires=expires + SAID_SECONDS, now=now, most=MAX_HELD, most_of_owner=MAX_PER_PERSON,
        )  # fmt: skip
        return Opened(bearer, expires)

    async def admit(self, raw_token: str) -> Researcher:
        """Raises `BadToken`, `ScopeMissing`, or an `Unavailable` when nothing can be decided."""
        if not raw_token.startswith(PREFIX):
            return await self._clearinghouse.admit(raw_token)
        now = self._clock()
        held = self._kept.get(_BEARER, raw_token, now=now)
        if held is None:
            raise BadToken(Reason.UNKNOWN_SESSION)
        expires, _, token = held.decode().partition(" ")
        if now >= int(expires):
            self.close(raw_token)
            raise BadToken(Reason.EXPIRED)
        researcher = await self._clearinghouse.admit(token)
        return replace(researcher, expires=int(expires))

    def close(self, bearer: str) -> bool:
        """Whether there was one."""
        return self._kept.drop(_BEARER, bearer)
