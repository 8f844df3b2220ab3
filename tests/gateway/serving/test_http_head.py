"""Heads of requests over a real socket: too long ones end, and trailers are no headers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.serving.http_head import MAX_HEAD_BYTES
from gateway.serving.one_write import OneWrite
from tests.support.loopback import served_apart

pytestmark = pytest.mark.live
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


async def names(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse(",".join(sorted(request.headers)))


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    app = Starlette(routes=[Route("/", names, methods=["GET", "POST"])])
    with (
        served_apart(app, OneWrite) as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as made,
    ):
        yield made


def answer(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\nX"])
def test_an_endless_head_is_refused_long_before_its_end(
    connection: socket.socket, begin: bytes
) -> None:
    connection.sendall(begin)
    with pytest.raises(ConnectionError):
        _send_on(connection)


def _send_on(connection: socket.socket) -> None:
    """What the buffers between take is more than a head may have, so it is sent until it ends."""
    late = time.monotonic() + 60
    while time.monotonic() < late:
        connection.sendall(b"a" * 60_000)
        time.sleep(0.001)


def test_a_long_head_that_ends_is_answered(connection: socket.socket) -> None:
    long = b"X-Long: " + b"a" * (MAX_HEAD_BYTES - 1_000) + b"\r\n"
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + long + b"Connection: close\r\n\r\n")
    assert answer(connection).endswith(b"connection,host,x-long")


def test_what_follows_a_chunked_body_is_no_header(connection: socket.socket) -> None:
    connection.sendall(CHUNKED + b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    answered = answer(connection)
    assert answered.startswith(b"HTTP/1.1 200")
    assert b"authorization" not in answered


def test_each_request_of_a_connection_has_a_head_of_its_own(connection: socket.socket) -> None:
    one = b"POST / HTTP/1.1\r\nHost: x\r\nX-One: a\r\nContent-Length: 2\r\n\r\n{}"
    connection.sendall(one + one.replace(b"X-One: a", b"Connection: close"))
    assert answer(connection).count(b"HTTP/1.1 200") == 2
