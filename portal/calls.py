"""One outbound call to one node: one deadline, one byte cap, no redirects, no cookies kept.

The portal's only importer of aiohttp. It knows nothing of Beacon; `fanout`, `registry` and
`requests` give it addresses from the settings and read what came back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import aiohttp
from yarl import URL

from portal.answer import Outcome
from portal.settings import Limits

_KEPT_SECONDS = 75  # an idle connection; a node's own limit ends it sooner


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    document: object
    size: int = 0  # bytes of the body


@dataclass(frozen=True, slots=True)
class Raw:
    """A whole body that nobody has read yet."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class NoReply:
    """No usable reply: `late`, `unreachable` or `error`, and why in one sentence."""

    outcome: Outcome
    reason: str


class Calls:
    """Keeps connections warm; `close()` at the end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        token: str | None = None,
        body: Mapping[str, object] | bytes | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Reply | NoReply:
        """What came back as JSON; see `exchange`."""
        raw = await self.exchange(
            method, url, deadline=deadline, token=token, body=body, extra=extra
        )
        return raw if isinstance(raw, NoReply) else _read(raw)

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        token: str | None = None,
        body: Mapping[str, object] | bytes | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Raw | NoReply:
        """`deadline` is on the event loop's clock; cancelling the caller cancels the call. `extra`
        are headers."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if extra is not None:
            headers.update(extra)
        try:
            async with (
                asyncio.timeout_at(deadline),
                self._open().request(
                    method,
                    _parsed(url),
                    data=json.dumps(body).encode() if isinstance(body, Mapping) else body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                return await self._whole(response)
        except aiohttp.ConnectionTimeoutError:
            return NoReply(Outcome.UNREACHABLE, "No connection in time.")
        except TimeoutError:
            return NoReply(Outcome.LATE, f"No answer within {self._limits.deadline_seconds:g} s.")
        except aiohttp.ClientConnectorError:
            return NoReply(Outcome.UNREACHABLE, "The node does not accept connections.")
        except aiohttp.ClientError:
            return NoReply(Outcome.ERROR, "The node broke off the answer.")

    async def _whole(self, response: aiohttp.ClientResponse) -> Raw | NoReply:
        cap = self._limits.answer_bytes
        raw = bytearray()
        async for piece in response.content.iter_chunked(64 * 1024):
            raw += piece
            if len(raw) > cap:
                response.close()
                return NoReply(Outcome.ERROR, f"The answer is larger than {cap:,} bytes.")
        return Raw(response.status, bytes(raw))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, limit_per_host=4, keepalive_timeout=_KEPT_SECONDS
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self._limits.connect_seconds
                ),
                headers={"User-Agent": "skerry-portal"},
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


@lru_cache(maxsize=8_192)
def _parsed(url: str) -> URL:
    """Reading an address takes a fifth of a call; the same few are called again and again."""
    return URL(url)


def _read(raw: Raw) -> Reply | NoReply:
    try:
        return Reply(raw.status, json.loads(raw.body) if raw.body else None, len(raw.body))
    except (ValueError, RecursionError):
        if raw.status == 200:
            return NoReply(Outcome.ERROR, "The answer is not JSON.")
        return Reply(raw.status, None, len(raw.body))
