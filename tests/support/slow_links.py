"""A port of loopback that leads to another one, as if it were far away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 64 * 1024
_AHEAD = 1_000  # pieces on their way in one direction


@asynccontextmanager
async def far_away(port: int, *, seconds: float) -> AsyncIterator[int]:
    """What is sent to the port given takes `seconds` to `port` and back, half of it each way; the
    greeting of TCP itself takes none."""
    talking: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        ways = (_one_way(reader, back, seconds / 2), _one_way(there, writer, seconds / 2))
        try:
            with suppress(OSError):
                await asyncio.gather(*ways)
        finally:
            writer.close()
            back.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(carry(reader, writer))
        talking.add(task)
        task.add_done_callback(talking.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in [*talking]:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def _one_way(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_AHEAD)

    async def arrive() -> None:
        while True:
            due, piece = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                return
            writer.write(piece)
            await writer.drain()

    arriving = asyncio.create_task(arrive())
    try:
        while piece := await reader.read(_PIECE):
            await under_way.put((loop.time() + seconds, piece))
        await under_way.put((loop.time() + seconds, b""))
        await arriving
        writer.write_eof()
    finally:
        arriving.cancel()
