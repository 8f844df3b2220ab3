"""Carries connections between two places and counts their bytes; what they say stays sealed.

Inside the sandbox from a loopback port to the one socket; outside from that socket to the
coordinator. TLS is from end to end: neither reads anything.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Count = Callable[[int, int], None]
_PART = 256 * 1024


def uncounted(sent: int, received: int) -> None:
    pass


async def carry(
    inner: Ends,
    connect: Callable[[], Awaitable[Ends]],
    count: Count = uncounted,
) -> None:
    """One connection until either side ends it; raises what `connect` raises. `count` gets the
    bytes sent and received by each part and may raise to end it."""
    try:
        outer = await connect()
    except BaseException:
        inner[1].close()
        raise
    sending = asyncio.create_task(_pump(inner[0], outer[1], lambda size: count(size, 0)))
    receiving = asyncio.create_task(_pump(outer[0], inner[1], lambda size: count(0, size)))
    try:
        done, _ = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (sending, receiving):
            task.cancel()
        for writer in (inner[1], outer[1]):
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(_PART):
            count(len(part))
            writer.write(part)
            await writer.drain()


async def inside(port: socket.socket, coordinator: str) -> None:
    """The sandbox's side: never returns."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await carry((reader, writer), lambda: asyncio.open_unix_connection(coordinator))

    async with await asyncio.start_server(met, sock=port) as server:
        await server.serve_forever()
