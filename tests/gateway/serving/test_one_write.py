"""Answers over a real socket arrive whole, whatever their shape, and in one piece where small."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from gateway.serving.one_write import OneWrite, send_whole
from tests.support.loopback import served_apart

pytestmark = pytest.mark.live


async def small(_request: Request) -> Response:
    return Response(b"HTTP/1.1 looks like a head")


async def empty(_request: Request) -> Response:
    return Response(status_code=204)


async def slow(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        await asyncio.to_thread(request.app.state.head_is_read.wait, 60)
        for part in (b"a" * 70_000, b"HTTP/1.1 ", b"c"):
            yield part

    return StreamingResponse(parts())


async def whole(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Sent by one call where the server takes it, else as any other."""
    if send_whole(send, b"content-length: 5\r\nx-sent: whole\r\n", b"whole"):
        return
    lines = [(b"content-length", b"5"), (b"x-sent", b"in parts")]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": b"whole"})


@pytest.fixture
def head_is_read() -> threading.Event:
    return threading.Event()


@pytest.fixture
def port(head_is_read: threading.Event) -> Iterator[int]:
    routes = [Route("/small", small), Route("/empty", empty), Route("/slow", slow)]
    app = Starlette(routes=[*routes, Mount("/whole", whole)])
    app.state.head_is_read = head_is_read
    with served_apart(app, OneWrite) as served:
        yield served


def ask(
    port: int, request: bytes, *, until: bytes, first: Callable[[], None] = lambda: None
) -> list[bytes]:
    """The pieces in which the answer came; `first` is called when the first one is here."""
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        connection.sendall(request + b"\r\nHost: x\r\n\r\n")
        pieces: list[bytes] = []
        while not b"".join(pieces).endswith(until):
            pieces.append(connection.recv(1 << 20))
            assert pieces[-1], "closed too early"
            if len(pieces) == 1:
                first()
        return pieces


def test_a_small_answer_comes_in_one_piece(port: int) -> None:
    (piece,) = ask(port, b"GET /small HTTP/1.1", until=b"looks like a head")
    assert piece.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("request_line", "until"),
    [
        (b"GET /empty HTTP/1.1", b"\r\n\r\n"),
        (b"HEAD /small HTTP/1.1", b"\r\n\r\n"),
        (b"GET /none HTTP/1.1", b"Not Found"),
        (b"nonsense", b"Invalid HTTP request received."),
    ],
)
def test_an_answer_without_a_body_or_outside_the_application_comes_too(
    port: int, request_line: bytes, until: bytes
) -> None:
    assert ask(port, request_line, until=until)[0].startswith(b"HTTP/1.1 ")


def test_the_head_of_a_slow_body_does_not_wait_for_it_and_the_body_is_whole(
    port: int, head_is_read: threading.Event
) -> None:
    pieces = ask(port, b"GET /slow HTTP/1.1", until=b"0\r\n\r\n", first=head_is_read.set)
    assert pieces[0].endswith(b"\r\n\r\n")
    body = b"".join(pieces).partition(b"\r\n\r\n")[2]
    assert b"a" * 70_000 in body
    assert b"\r\nHTTP/1.1 \r\n" in body


def test_whoever_asks_for_a_websocket_gets_the_answer_of_http(port: int) -> None:
    upgrade = b"GET /small HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    upgrade += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    (piece,) = ask(port, upgrade, until=b"looks like a head")
    assert piece.startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_answer_after_which_the_connection_closes_is_sent_before(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        connection.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    assert received.endswith(b"looks like a head")


def test_answers_sent_whole_follow_one_another_on_one_connection(port: int) -> None:
    asked = b"GET /whole/ HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        connection.sendall(asked * 3)
        received = b""
        while received.count(b"\r\n\r\nwhole") < 3:
            received += connection.recv(1 << 16)
        connection.sendall(asked)
        assert connection.recv(1 << 16).endswith(b"\r\n\r\nwhole")
    head, _, rest = received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert [line.partition(b":")[0] for line in lines[1:]] == [
        b"date", b"server", b"content-length", b"x-sent",
    ]  # fmt: skip
    assert rest.startswith(b"wholeHTTP/1.1 200 OK\r\n")


def test_where_a_connection_closes_the_answer_says_so_and_is_sent_in_parts(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        connection.sendall(b"GET /whole/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    assert b"connection: close" in received
    assert b"x-sent: in parts" in received
    assert received.endswith(b"whole")


@pytest.mark.anyio
async def test_a_server_that_is_not_ours_is_sent_nothing_by_the_way() -> None:
    async def send(_message: object) -> None:
        raise AssertionError("nothing is sent")

    assert send_whole(send, b"", b"") is False
