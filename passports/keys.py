"""Fetches and caches issuers' public keys (RFC 7517), from the trust table's URLs and no other.

One fetch in flight per URL, none sooner than the cool-down after the last; a server that fails
leaves its last good keys in use for a day. Pinned keys are never fetched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from passports.compact import strict_object
from passports.errors import BadToken, KeysUnavailable, Reason
from passports.jwks import PublicKey, usable_keys
from passports.outbound import NoAnswer, ask
from passports.trust import TrustTable
from schemas.messages import Message

FETCH_SECONDS = 3.0
MAX_JWKS_BYTES = 512 * 1024
FRESH_SECONDS = 15 * 60
STALE_SECONDS = 24 * 60 * 60
COOL_DOWN_SECONDS = 30
OK = httpx.codes.OK


@dataclass(slots=True)
class _Known:
    """What was last learnt from one URL; `tried` is when it was last asked."""

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    fetched: float | None = None
    tried: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What this process knows of one key URL: times are epoch seconds, None for never."""

    url: str
    keys: int
    pinned: bool
    fetched: float | None = None
    tried: float | None = None


class KeyStore:
    """The keys of every issuer in the table; safe to share between requests of one event loop."""

    def __init__(
        self, trust: TrustTable, *, http: httpx.AsyncClient, clock: Callable[[], float]
    ) -> None:
        self._http = http
        self._clock = clock
        self._pinned = trust.pinned
        self._known = {url: _Known() for url in trust.key_urls - trust.pinned.keys()}

    async def key_for(self, jwks_url: str, kid: str) -> PublicKey:
        """`BadToken` when the issuer has no such key, `KeysUnavailable` when nobody can tell."""
        keys = self._pinned.get(jwks_url)
        if keys is None:
            keys = await self._fetched(jwks_url, kid)
        key = keys.get(kid)
        if key is None:
            raise BadToken(Reason.UNKNOWN_KEY)
        return key

    def fetched(self) -> tuple[Fetched, ...]:
        """Every key URL of the table, and when its keys were last learnt."""
        pinned = (Fetched(url, len(keys), pinned=True) for url, keys in self._pinned.items())
        known = (
            Fetched(url, len(one.keys), pinned=False, fetched=one.fetched, tried=one.tried)
            for url, one in self._known.items()
        )
        return tuple(sorted((*pinned, *known), key=lambda one: one.url))

    async def refresh(self, jwks_url: str) -> None:
        """Asks for the keys now, unless that was done within the cool-down."""
        known = self._known.get(jwks_url)
        if known is None:
            raise BadToken(Reason.UNKNOWN_KEY, detail="not a key URL of the trust table")
        async with known.lock:
            if known.tried is None or self._clock() - known.tried >= COOL_DOWN_SECONDS:
                await self._refresh(known, jwks_url)

    async def _fetched(self, jwks_url: str, kid: str) -> Mapping[str, PublicKey]:
        known = self._known.get(jwks_url)
        if known is None:
            raise BadToken(Reason.UNKNOWN_KEY, detail="not a key URL of the trust table")
        # Whose key is known and not outdated does not wait for another's fetch.
        waits = not (known.lock.locked() and kid in known.keys)
        if waits and self._needs_fetch(known, kid):
            async with known.lock:
                # Whoever held the lock may have fetched what we came for.
                if self._needs_fetch(known, kid):
                    await self._refresh(known, jwks_url)
        if known.fetched is None or self._clock() - known.fetched > STALE_SECONDS:
            raise KeysUnavailable(Message("an issuer's keys cannot be fetched just now"))
        return known.keys

    def _needs_fetch(self, known: _Known, kid: str) -> bool:
        now = self._clock()
        if known.tried is not None and now - known.tried < COOL_DOWN_SECONDS:
            return False
        stale = known.fetched is None or now - known.fetched > FRESH_SECONDS
        return stale or kid not in known.keys

    async def _refresh(self, known: _Known, url: str) -> None:
        request = self._http.build_request("GET", url, timeout=FETCH_SECONDS)
        try:
            answer = await ask(self._http, request, seconds=FETCH_SECONDS, cap=MAX_JWKS_BYTES)
            keys = usable_keys(strict_object(answer.body)) if answer.status == OK else None
        except (NoAnswer, BadToken):
            keys = None
        known.tried = self._clock()
        if keys is not None:  # else the last good ones stay; `_fetched` says for how long
            known.keys, known.fetched = keys, known.tried
