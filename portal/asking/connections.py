"""Connections to nodes, kept warm: a few for each node, the next question waits for one of them.

Dials directly or through the site's proxy (CONNECT, RFC 9110 9.3.6), with TLS to the node either
way. What is said on a connection is `http1`'s, which addresses are called is `calls`'.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast
from urllib.parse import SplitResult, unquote, urlsplit

from portal.asking.answer import Outcome
from portal.asking.http1 import BROKEN_OFF, Connection, Due, NoReply, Raw
from schemas.messages import Message

OF_ONE_NODE = 4
_MAX_ADDRESSES = 3
_MAX_PROXY_HEAD = 8 * 1024
_OPENED = re.compile(rb"HTTP/1\.[01] 200(?: |\r|$)")
_P = TypeVar("_P", bound=asyncio.Protocol)
_NO_TIME = NoReply(Outcome.UNREACHABLE, Message("No connection in time."))
_NOT_TAKEN = NoReply(Outcome.UNREACHABLE, Message("The node does not accept connections."))
_NOT_TRUSTED = NoReply(Outcome.UNREACHABLE, Message("The node’s certificate is not one we trust."))
_PROXY_DOWN = NoReply(
    Outcome.UNREACHABLE, Message("This site’s proxy does not accept connections.")
)
_PROXY_REFUSES = NoReply(
    Outcome.UNREACHABLE, Message("This site’s proxy does not lead to the node.")
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads; `proxy` is the address of what it goes through."""

    tls: bool
    host: str
    port: int
    proxy: str | None = None


@dataclass(slots=True)
class _Pool:
    places: asyncio.Semaphore
    idle: list[Connection] = field(default_factory=list)

    def warm(self) -> Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if connection.usable:
                return connection
        return None


class Connections:
    def __init__(self, trusted: ssl.SSLContext, *, connect_seconds: float) -> None:
        self._trusted = trusted
        self._connect_seconds = connect_seconds
        self._pools: dict[Origin, _Pool] = {}
        self._closed = False

    async def ask(
        self, origin: Origin, request: bytes, *, due: Due, cap: int, again: bool
    ) -> Raw | NoReply:
        """`again` says that the question may be sent twice: where a kept connection turns out to
        have ended meanwhile."""
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = _Pool(asyncio.Semaphore(OF_ONE_NODE))
        if not await _taken(pool.places, due.ended):
            return due.not_ended
        try:
            connection = pool.warm()
            if connection is not None:
                reply = await self._said(pool, connection, request, due=due, cap=cap)
                if not (reply is BROKEN_OFF and connection.silent and again):
                    return reply
            made = await self._dialled(origin, until=due.ended)
            if isinstance(made, NoReply):
                return made
            return await self._said(pool, made, request, due=due, cap=cap)
        finally:
            pool.places.release()

    async def _said(
        self, pool: _Pool, connection: Connection, request: bytes, *, due: Due, cap: int
    ) -> Raw | NoReply:
        try:
            reply = await connection.ask(request, due=due, cap=cap)
        except asyncio.CancelledError:
            connection.end()
            raise
        if self._closed:
            connection.end()
        elif connection.usable:
            connection.rest()
            pool.idle.append(connection)
        return reply

    def close(self) -> None:
        self._closed = True
        for pool in self._pools.values():
            while (connection := pool.warm()) is not None:
                connection.end()
        self._pools.clear()

    async def _dialled(self, origin: Origin, *, until: float) -> Connection | NoReply:
        loop = asyncio.get_running_loop()
        limit = min(until, loop.time() + self._connect_seconds)
        try:
            async with asyncio.timeout_at(limit):
                if origin.proxy is not None:
                    return await self._through(origin, origin.proxy, until=limit)
                return await self._direct(
                    Connection, origin.host, origin.port, tls=origin.tls, until=limit
                )
        except TimeoutError:
            return _NO_TIME
        except ssl.SSLCertVerificationError:
            return _NOT_TRUSTED
        except (OSError, UnicodeError):
            return _NOT_TAKEN

    async def _direct(
        self, protocol: Callable[[], _P], host: str, port: int, *, tls: bool, until: float
    ) -> _P:
        """By the first of its addresses that answers; they share the time there is."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found[:_MAX_ADDRESSES]]
        context, name = (self._trusted, host) if tls else (None, None)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            now = loop.time()
            try:
                async with asyncio.timeout_at(now + (until - now) / left):
                    _, made = await loop.create_connection(
                        protocol, address, port, ssl=context, server_hostname=name
                    )
                    return made
            except ssl.SSLError:
                raise
            except OSError:
                if left == 1:
                    raise
        raise OSError("the name has no address")

    async def _through(self, origin: Origin, proxy: str, *, until: float) -> Connection | NoReply:
        at = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        try:
            tunnel = await self._direct(
                _Tunnel, at.hostname or "", at.port or 80, tls=at.scheme == "https", until=until
            )
        except (OSError, UnicodeError, ValueError):
            return _PROXY_DOWN
        try:
            if not await tunnel.opened(f"{_bracketed(origin.host)}:{origin.port}", at):
                tunnel.transport.abort()
                return _PROXY_REFUSES
            connection = Connection()
            transport = await asyncio.get_running_loop().start_tls(
                tunnel.transport, connection, self._trusted, server_hostname=origin.host
            )
        except BaseException:
            tunnel.transport.abort()
            raise
        if transport is None:  # it was closed while the two greeted each other
            return _PROXY_REFUSES
        connection.connection_made(transport)
        return connection


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a way through; nothing may come before we speak to the node."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._head = bytearray()
        self._answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def opened(self, target: str, at: SplitResult) -> bool:
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if at.username is not None:
            pair = f"{unquote(at.username)}:{unquote(at.password or '')}"
            said = base64.b64encode(pair.encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {said}")
        self.transport.write("\r\n".join([*lines, "", ""]).encode())
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end or len(self._head) > _MAX_PROXY_HEAD:
            self._answer(bool(end) and not rest and _OPENED.match(head) is not None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._answer(False)  # noqa: FBT003 - the one argument

    def _answer(self, opened: bool) -> None:  # noqa: FBT001 - the one argument
        if not self._answered.done():
            self._answered.set_result(opened)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _taken(places: asyncio.Semaphore, until: float) -> bool:
    if not places.locked():
        return await places.acquire()  # at once
    try:
        async with asyncio.timeout_at(until):
            return await places.acquire()
    except TimeoutError:
        return False
