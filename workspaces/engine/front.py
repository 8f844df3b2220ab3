"""One public port for both: the engine's nodes speak HTTP/2 over TLS, everybody else HTTP/1.1.

Which it is stands in the first message of TLS (RFC 8446 section 4.1.2, ALPN of RFC 7301); nothing
is decrypted here, and what is no such message is hung up on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from workspaces.engine.federated.forward import Ends, carry

MAX_CONNECTIONS = 1_000
_SECONDS = 10
_MAX_RECORD = 16_384
_HANDSHAKE, _CLIENT_HELLO, _ALPN = 22, 1, 16


@asynccontextmanager
async def fronting(listen: str, port: int, *, nodes: int, others: int) -> AsyncIterator[None]:
    """Listens until the block ends; `nodes` and `others` are ports on loopback."""
    carried: set[asyncio.Task[None]] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(carried) >= MAX_CONNECTIONS:
            writer.close()
            return
        carried.add(task)
        task.add_done_callback(carried.discard)
        with suppress(OSError, EOFError, ValueError, asyncio.CancelledError):
            hello = await _hello(reader)
            inner = nodes if "h2" in protocols(hello) else others
            await carry((reader, writer), lambda: _connect(inner, hello))
        writer.close()

    server = await asyncio.start_server(met, listen, port)
    try:
        yield
    finally:
        server.close()
        for task in list(carried):
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)


def protocols(hello: bytes) -> list[str]:
    """What a client offers to speak, of the first record of TLS; raises `ValueError` for what is no
    such record."""
    try:
        if hello[0] != _HANDSHAKE or hello[5] != _CLIENT_HELLO:
            raise ValueError("not a first message of TLS")
        place = 5 + 4 + 2 + 32  # record, message, version, random
        place += 1 + hello[place]  # session
        place += 2 + int.from_bytes(hello[place : place + 2], "big")  # cipher suites
        place += 1 + hello[place]  # compression
        end = place + 2 + int.from_bytes(hello[place : place + 2], "big")
        place += 2
        while place < end:
            kind = int.from_bytes(hello[place : place + 2], "big")
            length = int.from_bytes(hello[place + 2 : place + 4], "big")
            body = hello[place + 4 : place + 4 + length]
            if kind == _ALPN:
                return _names(body[2:])
            place += 4 + length
    except IndexError as error:
        raise ValueError("not a first message of TLS") from error
    return []


def _names(listed: bytes) -> list[str]:
    names, place = [], 0
    while place < len(listed):
        length = listed[place]
        names.append(listed[place + 1 : place + 1 + length].decode("latin-1"))
        place += 1 + length
    return names


async def _hello(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_SECONDS):
        head = await reader.readexactly(5)
        length = int.from_bytes(head[3:], "big")
        if head[0] != _HANDSHAKE or length > _MAX_RECORD:
            raise ValueError("not a first message of TLS")
        return head + await reader.readexactly(length)


async def _connect(port: int, hello: bytes) -> Ends:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(hello)
    return reader, writer
