"""Opaque bearers that stand for a token too large for a header line.

Proxies cut header lines near 8 KB, which six visas fill; samtools and curl send headers only. A
bearer is 256 random bits, kept here as a hash beside the token it stands for; the token is judged
again at every use, so that expiry, revocation and trust hold as if it had been sent itself. In
memory: a restart ends them all.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from passports.errors import BadToken, Reason, TooManySessions
from passports.identities import Identity
from passports.passport import Clearinghouse, Researcher

PREFIX = "skerry_"  # so that scanners of leaked secrets can find it
MAX_SECONDS = 60 * 60
MAX_PER_PERSON = 10
MAX_HELD_CHARS = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    bearer: str = field(repr=False)
    expires: int


@dataclass(frozen=True, slots=True)
class _Held:
    raw_token: str = field(repr=False)
    holder: Identity
    expires: int


class Bearers:
    """Admits bearers of its own, and every other token as the clearinghouse does."""

    def __init__(self, clearinghouse: Clearinghouse, *, clock: Callable[[], int]) -> None:
        self._clearinghouse = clearinghouse
        self._clock = clock
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._chars = 0

    async def open(self, raw_token: str) -> Opened:
        """Until the token, the first of its visas or the hour ends. Raises what `admit` raises."""
        researcher = await self._clearinghouse.admit(raw_token)
        now = self._clock()
        ends = [researcher.expires, *(visa.expires for visa in researcher.visas)]
        expires = min(now + MAX_SECONDS, *ends)
        if expires <= now:  # within the leeway of its last seconds
            raise BadToken(Reason.EXPIRED)
        holder = Identity(researcher.subject, researcher.issuer)
        self._make_room(holder, len(raw_token), now=now)
        bearer = PREFIX + secrets.token_urlsafe(32)
        self._held[_hashed(bearer)] = _Held(raw_token, holder, expires)
        self._chars += len(raw_token)
        return Opened(bearer, expires)

    async def admit(self, raw_token: str) -> Researcher:
        """Raises `BadToken`, `ScopeMissing`, or an `Unavailable` when nothing can be decided."""
        if not raw_token.startswith(PREFIX):
            return await self._clearinghouse.admit(raw_token)
        held = self._held.get(_hashed(raw_token))
        if held is None:
            raise BadToken(Reason.UNKNOWN_SESSION)
        if self._clock() >= held.expires:
            self.close(raw_token)
            raise BadToken(Reason.EXPIRED)
        researcher = await self._clearinghouse.admit(held.raw_token)
        return replace(researcher, expires=held.expires)

    def close(self, bearer: str) -> bool:
        """Whether there was one."""
        return self._drop(_hashed(bearer))

    def _make_room(self, holder: Identity, chars: int, *, now: int) -> None:
        """The person's own oldest goes first; nobody's bearer ends because of another person."""
        for key in [key for key, held in self._held.items() if now >= held.expires]:
            self._drop(key)
        own = [key for key, held in self._held.items() if held.holder == holder]
        for key in own[: max(0, len(own) - MAX_PER_PERSON + 1)]:
            self._drop(key)
        if self._chars + chars > MAX_HELD_CHARS:
            raise TooManySessions("There are too many sessions open here; try again later.")

    def _drop(self, key: bytes) -> bool:
        held = self._held.pop(key, None)
        self._chars -= 0 if held is None else len(held.raw_token)
        return held is not None


def _hashed(bearer: str) -> bytes:
    """A memory dump of the keys opens nothing, and looking one up tells nothing by its time."""
    return sha256(bearer.encode("utf-8", "surrogatepass")).digest()
