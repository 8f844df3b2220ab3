"""Heads of requests over a real socket: too long ones end, and trailers are no headers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.serving.http_head import MAX_HEAD_BYTES, PlainHead
from gateway.serving.one_write import OneWrite
from tests.support.loopback import served_apart

pytestmark = pytest.mark.live
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


OFFERS = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
)


async def names(request: Request) -> PlainTextResponse:
    body = await request.body()
    said = body.decode() if request.url.path == "/body" else ",".join(sorted(request.headers))
    return PlainTextResponse(said)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/until-more-is-there":
        through = cast("PlainHead", cast("Any", send).__self__.on_response.__self__)
        while through._refusal is None and not through.pipeline:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await names_app(scope, receive, send)


names_app = Starlette(
    routes=[
        Route(path, names, methods=["GET", "POST"])
        for path in ("/", "/body", "/until-more-is-there")
    ]
)


@pytest.fixture
def connection() -> Iterator[socket.socket]:
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


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 4\r\n\r\nasks",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nasks\r\n0\r\n\r\n",
    ],
)
def test_who_offers_another_protocol_is_answered_in_this_one_body_and_all(
    connection: socket.socket, offer: bytes, body: bytes
) -> None:
    """As Java's client does with every question it posts over plain HTTP."""
    asked = b"POST /body HTTP/1.1\r\nHost: x\r\n" + offer + body
    connection.sendall(asked * 3)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answered = answer(connection)
    assert answered.count(b"HTTP/1.1 200") == 4
    assert answered.count(b"\r\n\r\nasks") == 3


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_that_comes_in_many_pieces_is_read_past_too(
    connection: socket.socket, offer: bytes
) -> None:
    asked = b"POST /body HTTP/1.1\r\nHost: x\r\n" + offer + b"Content-Length: 4\r\n\r\nasks"
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(len(asked)):
        connection.sendall(asked[number : number + 1])
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answered = answer(connection)
    assert answered.count(b"HTTP/1.1 200") == 2
    assert b"\r\n\r\nasks" in answered
    assert b"upgrade" not in answered


def test_of_many_offers_sent_together_each_is_answered(connection: socket.socket) -> None:
    """One after the other: a thousand at once take no thousand calls within each other."""
    asked = b"GET / HTTP/1.1\r\nHost: x\r\n" + OFFERS[0] + b"\r\n"
    for _ in range(1_000):
        connection.sendall(asked)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer(connection).count(b"HTTP/1.1 200") == 1_001


def test_nobody_is_connected_to_somebody_else(connection: socket.socket) -> None:
    connection.sendall(b"CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n")
    assert answer(connection).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "hosts",
    [
        b"",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a\r\nhOST: b\r\n",
        b"Host: a/b?\r\n",
        b"Host: [::1\r\n",
    ],
)
@pytest.mark.parametrize("offer", [b"", *OFFERS])
def test_a_request_for_no_host_or_two_or_none_there_can_be_is_refused(
    connection: socket.socket, hosts: bytes, offer: bytes
) -> None:
    """RFC 9112 3.2; also on a connection on which a right one was named before."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    connection.sendall(b"GET / HTTP/1.1\r\n" + hosts + offer + b"\r\n")
    first, second, refused = answer(connection).partition(b"HTTP/1.1 400")
    assert first.startswith(b"HTTP/1.1 200")
    assert second
    assert b"Host" in refused


def test_the_version_before_hosts_may_lack_one(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert answer(connection).startswith(b"HTTP/1.1 200")


def test_each_request_may_name_another_host(connection: socket.socket) -> None:
    for host in (b"a", b"b:1", b"", b"[::1]", b"a"):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer(connection).count(b"HTTP/1.1 200") == 6


@pytest.mark.parametrize("in_line", [b"", WHOLE])
@pytest.mark.parametrize(
    "malformed", [b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", CHUNKED + b"nonsense\r\n"]
)
def test_a_refusal_is_never_read_as_the_answer_to_the_question_before(
    connection: socket.socket, in_line: bytes, malformed: bytes
) -> None:
    """Which is still being answered when the malformed one is there."""
    asked = b"GET /until-more-is-there HTTP/1.1\r\nHost: x\r\n\r\n" + in_line + malformed
    connection.sendall(asked + WHOLE)
    before, _, refused = answer(connection).partition(b"HTTP/1.1 400")
    assert before.count(b"HTTP/1.1 200") == 1 + bool(in_line)
    assert refused
    assert b"HTTP/1.1" not in refused


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_of_who_wants_the_connection_closed_is_answered_too(
    connection: socket.socket, offer: bytes
) -> None:
    """As every client of the older version is: the parser then takes nothing more."""
    posted = b"POST /body HTTP/1.0\r\n" + offer + b"Content-Length: 4\r\n\r\nasks"
    connection.sendall(posted)
    assert answer(connection).endswith(b"\r\n\r\nasks")


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_with_a_wish_to_close_is_answered_and_closed(
    connection: socket.socket, offer: bytes
) -> None:
    offer = offer.replace(b"Connection: ", b"Connection: close, ")
    connection.sendall(
        b"POST /body HTTP/1.1\r\nHost: x\r\n" + offer + b"Content-Length: 4\r\n\r\nasks"
    )
    assert answer(connection).endswith(b"\r\n\r\nasks")


@pytest.mark.parametrize("path", [b"/", b"/body"])
def test_a_trailer_that_would_close_does_not_leave_the_next_question_waiting(
    connection: socket.socket, path: bytes
) -> None:
    """The parser heeds it: without a word the next on a shared connection would wait in vain."""
    asked = CHUNKED.replace(b"Connection: close\r\n", b"").replace(b"/ ", path + b" ", 1)
    connection.sendall(asked + b"4\r\nasks\r\n0\r\nConnection: close\r\n\r\n" + WHOLE)
    answered = answer(connection)
    assert answered.count(b"HTTP/1.1 200") == 1
    assert b"connection: close" in answered


def test_what_stands_around_a_host_is_no_part_of_it(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nHost:\tx:80\t \r\nConnection: close\r\n\r\n")
    assert answer(connection).startswith(b"HTTP/1.1 200")


def test_a_request_of_the_first_version_is_refused(connection: socket.socket) -> None:
    connection.sendall(b"GET /\r\n\r\n")
    assert answer(connection).startswith(b"HTTP/1.1 400")
