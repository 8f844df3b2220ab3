"""The only connection that leads out goes to one place, is counted, and ends at its cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

from workspaces.engine.way_out import WayOut

pytestmark = [pytest.mark.anyio, pytest.mark.live]


@pytest.fixture(autouse=True)
def _unix_sockets_too() -> None:
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@asynccontextmanager
async def listening(
    answer: bytes = b"", *, echo: bool = True
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that keeps what it hears, and says `answer` first or everything back."""
    heard: list[bytes] = []
    serving: list[asyncio.StreamWriter] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(writer)
        if answer:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
        while part := await reader.read(65_536):
            heard.append(part)
            if echo:
                writer.write(part)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}", heard
    finally:
        server.close()
        for writer in serving:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def way_out(
    folder: Path, target: str, *, most: int = 1 << 20, proxy: str = ""
) -> AsyncIterator[WayOut]:
    made = WayOut(folder / "out.sock", target, most=most, proxy=proxy)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def said(way: WayOut, text: bytes, *, most: int = 1 << 20) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(way.socket))
    try:
        writer.write(text)
        await writer.drain()
        async with asyncio.timeout(600):
            return await reader.read(most)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_what_is_said_inside_arrives_outside_and_is_counted(tmp_path: Path) -> None:
    async with listening() as (target, heard), way_out(tmp_path, target) as way:
        assert await said(way, b"sealed") == b"sealed"
        assert heard == [b"sealed"]
        assert way.traffic == (6, 6)


async def test_at_the_cap_nothing_more_passes(tmp_path: Path) -> None:
    async with listening() as (target, heard), way_out(tmp_path, target, most=10) as way:
        await said(way, b"x" * 100)
        assert way.spent
        before = list(heard)
        assert await said(way, b"more") == b""
        assert heard == before


async def test_a_coordinator_that_is_not_there_ends_the_connection_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with way_out(tmp_path, "127.0.0.1:9") as way:
        assert await said(way, b"hello") == b""
        assert await said(way, b"hello again") == b""


async def test_a_proxy_is_asked_for_the_coordinator_and_for_nothing_else(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
    async with (
        listening(answer) as (proxy, heard),
        way_out(tmp_path, "fl.example.org:443", proxy=proxy) as way,
    ):
        assert await said(way, b"sealed") == b"sealed"
        assert heard[0].startswith(b"CONNECT fl.example.org:443 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
        b"200" * 50 + b"\r\n\r\n",
    ],
)
async def test_a_proxy_that_does_not_say_yes_is_not_used(tmp_path: Path, answer: bytes) -> None:
    async with (
        listening(answer, echo=False) as (proxy, heard),
        way_out(tmp_path, "fl.example.org:443", proxy=proxy) as way,
    ):
        assert await said(way, b"sealed") == b""
        assert len(heard) == 1


async def test_the_socket_is_the_owner_s_and_gone_afterwards(tmp_path: Path) -> None:
    async with way_out(tmp_path, "127.0.0.1:9") as way:
        assert way.socket.stat().st_mode & 0o777 == 0o600
    assert not way.socket.exists()
