"""One outbound call to one node: one deadline, one byte cap, no redirects, no cookies kept.

It knows nothing of Beacon; `one_node`, `nodes.crawl` and `nodes.doors` give it addresses from the
settings and read what came back. Goes by the site's proxy (HTTPS_PROXY, NO_PROXY) and trusts the
site's authorities (SSL_CERT_FILE, SSL_CERT_DIR), as the calls to the sign-in provider do. What
travels is `http1`'s, on which connection `connections`'.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from portal.asking.answer import Outcome
from portal.asking.connections import Connections, Origin
from portal.asking.http1 import Due, NoReply, Raw
from portal.settings import Limits
from schemas.messages import Message

__all__ = ["Calls", "NoReply", "Raw", "Reply"]

_UNQUOTED = "%/?:@!$&'()*+,;=-._~[]"
# Half a character (RFC 8259 8.2), escaped or not, or another encoding, which may hold some: no page
# could be written with it.
_DOUBTFUL = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|\x00")
_SENDABLE = re.compile(r"[\x20-\x7e]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    document: object
    size: int = 0  # bytes of the body


@dataclass(frozen=True, slots=True)
class _Way:
    """To one address: whom to connect to, and how a request to it goes on after its method."""

    origin: Origin
    line: bytes


class Calls:
    """Keeps connections warm; `close()` at the end."""

    def __init__(self, limits: Limits) -> None:
        """The environment is read now, once: a call must not cost a look at it."""
        self._limits = limits
        self._proxies = getproxies_environment()
        self._connections = Connections(
            _trusted(ssl.get_default_verify_paths()), connect_seconds=limits.connect_seconds
        )
        self._not_begun = NoReply(
            Outcome.LATE,
            Message("No answer had begun after %(seconds)s s.", seconds=limits.first_byte_seconds),
        )
        self._not_ended = NoReply(
            Outcome.LATE,
            Message("No answer within %(seconds)s s.", seconds=limits.deadline_seconds),
        )
        # Reading an address takes longer than writing a request; the same few are called again.
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
        again: bool = False,
    ) -> Reply | NoReply:
        """What came back as JSON; see `exchange`."""
        raw = await self.exchange(
            method, url, deadline=deadline, token=token, body=body, extra=extra, again=again
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
        again: bool = False,
    ) -> Raw | NoReply:
        """`deadline` is on the event loop's clock; cancelling the caller cancels the call. `extra`
        are headers. `again` says that asking twice does no more than asking once, as any GET."""
        way = self._ways(url)
        headers = dict(extra or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = json.dumps(body).encode() if isinstance(body, Mapping) else body
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        head = _head(method, way, headers, content)
        if head is None:
            return NoReply(
                Outcome.ERROR, Message("What would have to be sent is not text of one line.")
            )
        begun = asyncio.get_running_loop().time() + self._limits.first_byte_seconds
        return await self._connections.ask(
            way.origin,
            head + (content or b""),
            due=Due(begun, deadline, self._not_begun, self._not_ended),
            cap=self._limits.answer_bytes,
            again=again or method == "GET",
        )

    def _way(self, url: str) -> _Way:
        """In the clear we call only ourselves (`settings.public_url`), which no proxy need see."""
        parts = urlsplit(url)
        host, tls = parts.hostname or "", parts.scheme == "https"
        proxy = None
        if tls and not proxy_bypass(host):
            proxy = self._proxies.get("https", self._proxies.get("all"))
        origin = Origin(tls, host, parts.port or (443 if tls else 80), proxy)
        target = quote(parts.path or "/", safe=_UNQUOTED)
        if parts.query:
            target += "?" + quote(parts.query, safe=_UNQUOTED)
        shown = quote(parts.netloc.rpartition("@")[2], safe=_UNQUOTED)
        line = (
            f" {target} HTTP/1.1\r\nHost: {shown}\r\nUser-Agent: skerry-portal\r\n"
            "Accept: application/json\r\nAccept-Encoding: identity\r\n"
        )
        return _Way(origin, line.encode("ascii"))

    async def close(self) -> None:
        self._connections.close()
        await asyncio.sleep(0)  # the loop ends a connection in its next turn


def _head(
    method: str, way: _Way, headers: Mapping[str, str], content: bytes | None
) -> bytes | None:
    """None where a value, such as a token of the sign-in provider, would write lines of its own."""
    if not all(_SENDABLE.fullmatch(value) for value in headers.values()):
        return None
    rest = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if content is not None:
        rest += f"Content-Length: {len(content)}\r\n"
    return method.encode("ascii") + way.line + rest.encode("ascii") + b"\r\n"


@lru_cache(maxsize=8)
def _trusted(_paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Of the authorities at these places, which reading takes long."""
    return ssl.create_default_context()


def _read(raw: Raw) -> Reply | NoReply:
    try:
        document = json.loads(raw.body) if raw.body else None
        if _DOUBTFUL.search(raw.body):
            json.dumps(document, ensure_ascii=False).encode()
        return Reply(raw.status, document, len(raw.body))
    except (ValueError, RecursionError):
        if raw.status == 200:
            return NoReply(Outcome.ERROR, Message("The answer is not JSON."))
        return Reply(raw.status, None, len(raw.body))
