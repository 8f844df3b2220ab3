"""The one connection that leads out of a sandbox: a Unix socket, counted and capped.

Outside the sandbox, in the supervisor's process. The address is the permit's, not the node's; what
passes is TLS from end to end. Where the site has no other way, it is an HTTP proxy's CONNECT.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from workspaces.engine.federated.forward import Ends, carry

_SECONDS = 20
_MAX_ANSWER = 8 * 1024


class TooMuch(ConnectionError):
    """The bytes of the permit are spent."""


class WayOut:
    """Call `open` and `close`. `traffic` are bytes sent and received; `spent` says that the cap was
    reached, after which nothing passes."""

    def __init__(self, socket: Path, target: str, *, most: int, proxy: str = "") -> None:
        self.socket = socket
        self.traffic = (0, 0)
        self.spent = False
        self._target = target
        self._proxy = proxy
        self._most = most
        self._server: asyncio.Server | None = None
        self._carried: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._met, str(self.socket))
        self.socket.chmod(0o600)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        carried = list(self._carried)
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)
        with suppress(OSError):
            self.socket.unlink()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._carried.add(task)
            task.add_done_callback(self._carried.discard)
        # A coordinator that is down is tried again by the node; a spent cap ends it.
        with suppress(OSError, asyncio.CancelledError):
            if not self.spent:
                await carry((reader, writer), self._connect, self._count)
        writer.close()

    def _count(self, sent: int, received: int) -> None:
        self.traffic = (self.traffic[0] + sent, self.traffic[1] + received)
        if sum(self.traffic) > self._most:
            self.spent = True
            raise TooMuch

    async def _connect(self) -> Ends:
        async with asyncio.timeout(_SECONDS):
            if not self._proxy:
                return await asyncio.open_connection(*_address(self._target))
            reader, writer = await asyncio.open_connection(*_address(self._proxy))
            asked = f"CONNECT {self._target} HTTP/1.1\r\nHost: {self._target}\r\n\r\n"
            writer.write(asked.encode())
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                writer.close()
                raise ConnectionError("the proxy did not answer") from error
            if head[:_MAX_ANSWER].split(b" ", 2)[1:2] != [b"200"]:
                writer.close()
                raise ConnectionError("the proxy refused")
            return reader, writer


def _address(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)
