"""Fetches and caches issuers' public keys (RFC 7517), from the trust table's URLs and no other.

One fetch in flight per URL, none sooner than the cool-down after the last, every answer bounded
in bytes and seconds; a server that fails leaves its last good keys in use for a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from passports.compact import strict_object
from passports.errors import BadToken, KeysUnavailable, Reason
from passports.jwks import PublicKey, usable_keys
from passports.trust import TrustTable

FETCH_SECONDS = 3.0
MAX_JWKS_BYTES = 512 * 1024
FRESH_SECONDS = 15 * 60
STALE_SECONDS = 24 * 60 * 60
COOL_DOWN_SECONDS = 30


@dataclass(slots=True)
class _Known:
    """What was last learnt from one URL; `tried` is when it was last asked."""

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    fetched: float | None = None
    tried: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeyStore:
    """The keys of every issuer in the table; safe to share between requests of one event loop."""

    def __init__(
        self, trust: TrustTable, *, http: httpx.AsyncClient, clock: Callable[[], float]
    ) -> None:
        self._http = http
        self._clock = clock
        self._known = {url: _Known() for url in trust.key_urls}

    async def key_for(self, jwks_url: str, kid: str) -> PublicKey:
        """`BadToken` when the issuer has no such key, `KeysUnavailable` when nobody can tell."""
        known = self._known.get(jwks_url)
        if known is None:
            raise BadToken(Reason.UNKNOWN_KEY, detail="not a key URL of the trust table")
        if self._needs_fetch(known, kid):
            async with known.lock:
                # Whoever held the lock may have fetched what we came for.
                if self._needs_fetch(known, kid):
                    await self._refresh(known, jwks_url)
        if known.fetched is None or self._clock() - known.fetched > STALE_SECONDS:
            raise KeysUnavailable("an issuer's keys cannot be fetched just now")
        key = known.keys.get(kid)
        if key is None:
            raise BadToken(Reason.UNKNOWN_KEY)
        return key

    def _needs_fetch(self, known: _Known, kid: str) -> bool:
        now = self._clock()
        if known.tried is not None and now - known.tried < COOL_DOWN_SECONDS:
            return False
        stale = known.fetched is None or now - known.fetched > FRESH_SECONDS
        return stale or kid not in known.keys

    async def _refresh(self, known: _Known, url: str) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                body = await self._fetch(url)
            keys = usable_keys(strict_object(body))
        except (httpx.HTTPError, TimeoutError, BadToken, _BadAnswer):
            # The last good keys stay; `key_for` decides whether they are still good enough.
            known.tried = self._clock()
            return
        known.keys, known.fetched, known.tried = keys, self._clock(), self._clock()

    async def _fetch(self, url: str) -> bytes:
        request = self._http.build_request(
            "GET",
            url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=FETCH_SECONDS,
        )
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            if response.status_code != httpx.codes.OK:
                raise _BadAnswer
            # Undecoded: a small compressed answer must not become a large one.
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise _BadAnswer
            return bytes(body)
        finally:
            await response.aclose()


class _BadAnswer(Exception):
    """Not 200, or too long."""
