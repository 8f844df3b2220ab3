"""An answer that nobody reads is not kept: the rule by a clock that the test sets, then a socket
whose other end stays silent."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.serving import unread
from gateway.serving.one_write import OneWrite
from gateway.serving.unread import LEAST_RATE, STALLED_SECONDS, Reading, taken
from tests.support.loopback import served_apart

LOOK = 30.0


def minutes_until_stopped(reads: int, *, waiting: int = 10**9) -> float | None:
    """Of somebody who takes `reads` bytes a second; None where that goes on for hours."""
    reading = Reading()
    for look in range(2_000):
        now = look * LOOK
        if reading.has_stopped(waiting=waiting, taken=int(now * reads), now=now):
            return now / 60
    return None


def test_who_reads_nothing_has_two_minutes() -> None:
    assert minutes_until_stopped(0) == STALLED_SECONDS / 60 == 2


def test_who_reads_slowly_is_never_cut() -> None:
    assert minutes_until_stopped(LEAST_RATE) is None
    assert minutes_until_stopped(10 * LEAST_RATE) is None


def test_who_reads_a_byte_now_and_then_does_not_read() -> None:
    assert minutes_until_stopped(LEAST_RATE - 1) == 2


def test_where_nothing_waits_nobody_is_slow() -> None:
    assert minutes_until_stopped(0, waiting=0) is None


@pytest.mark.parametrize("step", [64 * 1024, 1024 * 1024])
def test_what_is_taken_in_large_steps_is_taken(step: int) -> None:
    """A window opens again when a good part of it was read: now and then, and then much."""
    reading, every = Reading(), 4  # one step in as many looks: 546 bytes a second, and more
    for look in range(2_000):
        acknowledged = look // every * step
        assert not reading.has_stopped(waiting=10**9, taken=acknowledged, now=look * LOOK)


def test_each_answer_has_a_time_of_its_own() -> None:
    """Between two that wait something was read to its end."""
    reading = Reading()
    for look in range(100):
        waiting = 0 if look % 4 == 3 else 10**6
        assert not reading.has_stopped(waiting=waiting, taken=0, now=look * LOOK)


def test_of_another_worker_and_of_no_socket_it_is_not_known() -> None:
    class Through(asyncio.Transport):
        def __init__(self, connected: socket.socket | None) -> None:
            super().__init__({"socket": connected})

    assert taken(Through(None)) is None
    one, other = socket.socketpair()
    with one, other:
        assert taken(Through(one)) is None


class Looked(OneWrite):
    """Looks all the time, and at nothing but what is read."""

    def _look_after(self, seconds: float) -> None:
        super()._look_after(min(seconds, 0.01))

    def _comes_too_slowly(self) -> bool:
        return False


MUCH = 64 * 1024 * 1024  # more than systems keep between two processes


@pytest.mark.live
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was taken")
@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize("path", [b"/whole", b"/streamed"])
def test_who_asks_for_much_and_reads_nothing_is_left(
    path: bytes, close: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the answer is handed over as a whole, and the connection closes behind it, or comes
    in parts: then whoever sends them is told."""
    monkeypatch.setattr(unread, "STALLED_SECONDS", 0.2)
    parts, made, ended = [0], list[int](), threading.Event()

    async def whole(_request: Request) -> Response:
        return Response(b"a" * MUCH)

    async def streamed(_request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            try:
                for _ in range(MUCH // 65536):
                    parts[0] += 1
                    yield b"a" * 65536
            finally:
                ended.set()

        return StreamingResponse(body())

    app = Starlette(routes=[Route("/whole", whole), Route("/streamed", streamed)])
    lost = threading.Event()

    class Watched(Looked):
        def connection_lost(self, exc: Exception | None) -> None:
            made.append(parts[0])
            super().connection_lost(exc)
            lost.set()

    with (
        served_apart(app, Watched) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + close + b"\r\n")
        assert lost.wait(60)
        if path == b"/streamed":
            assert ended.wait(60)
            assert 0 < made[0] < MUCH // 65536  # no more is made than systems keep
        assert _left_in(connection) < MUCH


def _left_in(connection: socket.socket) -> int:
    got = 0
    try:
        while piece := connection.recv(1 << 20):
            got += len(piece)
    except ConnectionError:
        pass
    return got


@pytest.mark.live
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was taken")
def test_what_was_read_counts_as_taken_and_all_of_it_arrives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody who reads a piece whenever the server has looked is not cut, however often it
    looks: what it took since is told by the system, not by our own buffers."""
    seen: list[int] = []
    looked = threading.Condition()

    class Told(Reading):
        def has_stopped(self, *, waiting: int, taken: int, now: float) -> bool:
            with looked:
                if waiting:
                    seen.append(taken)
                looked.notify()
            return super().has_stopped(waiting=waiting, taken=taken, now=now)

    monkeypatch.setattr("gateway.serving.idle.Reading", Told)

    async def whole(_request: Request) -> Response:
        return Response(b"a" * MUCH)

    app = Starlette(routes=[Route("/", whole)])
    with (
        served_apart(app, Looked) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = 0
        while piece := connection.recv(1 << 20):
            got += len(piece)
            with looked:
                if got < MUCH // 2:
                    assert looked.wait(60)
    assert got > MUCH
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
    assert seen[-1] <= got
