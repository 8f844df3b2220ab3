"""One outbound call to one node: one deadline, one byte cap, no redirects, no cookies kept.

The portal's only importer of aiohttp. It knows nothing of Beacon; `fanout`, `registry` and
`requests` give it addresses from the settings and read what came back. Goes by the site's proxy
(HTTPS_PROXY, NO_PROXY) and trusts the site's authorities (SSL_CERT_FILE, SSL_CERT_DIR), as the
calls to the sign-in provider do.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.request import getproxies_environment, proxy_bypass

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
        """The environment is read now, once: a call must not cost a look at it."""
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._proxies = getproxies_environment()
        self._trusted = _trusted(ssl.get_default_verify_paths())
        # Reading an address takes a fifth of a call; the same few are called again and again.
        self._ways = lru_cache(maxsize=8_192)(self._way)

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
            address, proxy = self._ways(url)
            async with (
                asyncio.timeout_at(deadline),
                self._open().request(
                    method,
                    address,
                    proxy=proxy,
                    data=json.dumps(body).encode() if isinstance(body, Mapping) else body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                return await self._whole(response)
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                return NoReply(Outcome.UNREACHABLE, "No connection in time.")
            return NoReply(Outcome.LATE, f"No answer within {self._limits.deadline_seconds:g} s.")
        except aiohttp.ClientError as error:
            return _failed(error)

    def _way(self, url: str) -> tuple[URL, str | None]:
        """The address, and the proxy that leads there. In the clear we call only ourselves
        (`settings.public_url`), which no proxy need see."""
        address = URL(url)
        if address.scheme != "https":
            return address, None
        aside = proxy_bypass(address.host or "")
        return address, None if aside else self._proxies.get("https", self._proxies.get("all"))

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
                    limit=0,
                    limit_per_host=4,
                    keepalive_timeout=_KEPT_SECONDS,
                    ssl=self._trusted,
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


@lru_cache(maxsize=8)
def _trusted(_paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Of the authorities at these places, which reading takes long; aiohttp's own is made when it
    is imported."""
    return ssl.create_default_context()


_UNREACHABLE = (
    (aiohttp.ClientProxyConnectionError, "This site’s proxy does not accept connections."),
    (aiohttp.ClientHttpProxyError, "This site’s proxy does not lead to the node."),
    (aiohttp.ClientConnectorCertificateError, "The node’s certificate is not one we trust."),
    (aiohttp.ClientConnectorError, "The node does not accept connections."),
)


def _failed(error: aiohttp.ClientError) -> NoReply:
    for kind, reason in _UNREACHABLE:
        if isinstance(error, kind):
            return NoReply(Outcome.UNREACHABLE, reason)
    return NoReply(Outcome.ERROR, "The node broke off the answer.")


def _read(raw: Raw) -> Reply | NoReply:
    try:
        return Reply(raw.status, json.loads(raw.body) if raw.body else None, len(raw.body))
    except (ValueError, RecursionError):
        if raw.status == 200:
            return NoReply(Outcome.ERROR, "The answer is not JSON.")
        return Reply(raw.status, None, len(raw.body))
