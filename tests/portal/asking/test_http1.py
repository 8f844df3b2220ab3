"""What a node may do to a connection, and what becomes of the question; over loopback, by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from portal.asking.answer import Outcome
from portal.asking.calls import Calls, NoReply, Raw
from portal.asking.connections import OF_ONE_NODE
from portal.settings import Limits

pytestmark = [pytest.mark.anyio, pytest.mark.live]

LIMITS = Limits(deadline_seconds=20, first_byte_seconds=20, connect_seconds=20, answer_bytes=1_000)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN_OFF = NoReply(Outcome.ERROR, "The node broke off the answer.")
NOT_HTTP = NoReply(Outcome.ERROR, "What it answers is not HTTP.")
TOO_LARGE = NoReply(Outcome.ERROR, "The answer is larger than 1,000 bytes.")
Met = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """`heads` are the requests as they came, by connection."""

    url: str = ""
    heads: list[list[bytes]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)  # a connection, by the portal

    async def heard(self, reader: asyncio.StreamReader) -> bool:
        """Whether another request came on the latest connection."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            self.heads[-1].append(head + await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
            return False
        return True


@asynccontextmanager
async def _serving(met: Met) -> AsyncGenerator[Server]:
    made = Server()
    meeting: set[asyncio.Task[None]] = set()

    async def begun(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            meeting.add(task)
        made.heads.append([])
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await met(made, reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(begun, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for task in meeting:
            task.cancel()
        await asyncio.gather(*meeting, return_exceptions=True)


def _gives(*answers: bytes, ends: bool = False) -> Met:
    """Each request gets the next answer, at last none; then the connection goes on, or `ends`."""

    async def met(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        given = iter(answers)
        while await server.heard(reader):
            writer.write(next(given, b""))
            await writer.drain()
            if ends:
                return

    return met


@asynccontextmanager
async def _calls(limits: Limits = LIMITS) -> AsyncGenerator[Calls]:
    calls = Calls(limits)
    try:
        yield calls
    finally:
        await calls.close()


async def _ask(
    calls: Calls, url: str, *, method: str = "GET", within: float = 20, token: str | None = None
) -> Raw | NoReply:
    deadline = asyncio.get_running_loop().time() + within
    body = b"{}" if method == "POST" else None
    return await calls.exchange(method, url, deadline=deadline, body=body, token=token)


async def _one(*answers: bytes, ends: bool = False) -> Raw | NoReply:
    async with _serving(_gives(*answers, ends=ends)) as server, _calls() as calls:
        return await _ask(calls, server.url)


async def test_a_connection_is_kept_for_the_next_question() -> None:
    async with _serving(_gives(OK, OK, OK)) as server, _calls() as calls:
        replies = [await _ask(calls, f"{server.url}/{n}") for n in range(3)]
    assert replies == [Raw(200, b"{}")] * 3
    (heads,) = server.heads
    assert [head.split()[1] for head in heads] == [b"/0", b"/1", b"/2"]


@pytest.mark.parametrize(
    "last", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"]
)
async def test_a_node_that_keeps_no_connection_gets_another(last: bytes) -> None:
    answer = last + b"Content-Length: 2\r\n\r\n{}"
    async with _serving(_gives(answer)) as server, _calls() as calls:
        replies = [await _ask(calls, server.url) for _ in range(2)]
    assert replies == [Raw(200, b"{}")] * 2
    assert len(server.heads) == 2


async def test_one_node_is_asked_few_questions_at_once_and_the_others_wait_their_turn() -> None:
    go_on = asyncio.Event()
    most, now = 0, 0

    async def met(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal most, now
        while await server.heard(reader):
            now += 1
            most = max(most, now)
            if now == OF_ONE_NODE:
                go_on.set()
            await go_on.wait()
            now -= 1
            writer.write(OK)

    async with _serving(met) as server, _calls() as calls:
        replies = await asyncio.gather(*(_ask(calls, server.url) for _ in range(12)))
    assert replies == [Raw(200, b"{}")] * 12
    assert most == OF_ONE_NODE == len(server.heads)


async def test_whoever_waits_for_a_turn_waits_no_longer_than_the_deadline() -> None:
    async with _serving(_gives()) as server, _calls() as calls:
        waiting = [asyncio.create_task(_ask(calls, server.url)) for _ in range(OF_ONE_NODE)]
        while len(server.heads) < OF_ONE_NODE:  # noqa: ASYNC110 - the server offers no event
            await asyncio.sleep(0.01)
        reply = await _ask(calls, server.url, within=0.2)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert reply == NoReply(Outcome.LATE, "No answer within 20 s.")


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 200 O"]
)
async def test_a_node_that_sends_headers_and_then_nothing_is_left_at_the_first_byte_limit(
    begun: bytes,
) -> None:
    limits = Limits(deadline_seconds=60, first_byte_seconds=0.3)
    async with _serving(_gives(begun)) as server, _calls(limits) as calls:
        reply = await _ask(calls, server.url, within=60)
        await asyncio.wait_for(server.ended.wait(), 600)
    assert reply == NoReply(Outcome.LATE, "No answer had begun after 0.3 s.")


async def test_a_node_that_answers_byte_by_byte_is_left_at_the_total_limit() -> None:
    limits = Limits(deadline_seconds=4, connect_seconds=4, first_byte_seconds=60)

    async def met(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.heard(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with _serving(met) as server, _calls(limits) as calls:
        reply = await _ask(calls, server.url, within=4)
    assert reply == NoReply(Outcome.LATE, "No answer within 4 s.")


async def test_a_node_that_takes_a_connection_and_greets_nobody_is_left_at_the_connect_limit() -> (
    None
):
    async def met(
        _server: Server, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        while await reader.read(1024):
            pass

    limits = Limits(deadline_seconds=60, connect_seconds=0.3)
    async with _serving(met) as server, _calls(limits) as calls:
        reply = await _ask(calls, server.url.replace("http://", "https://"), within=60)
    assert reply == NoReply(Outcome.UNREACHABLE, "No connection in time.")


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Raw(200, b"{}")),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: br\r\n\r\n" + OK, Raw(200, b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Raw(204, b"")),
        (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", Raw(200, b"{}")),
        (CHUNKED + b"2;x=y\r\n{}\r\n0\r\nTrailer: t\r\n\r\n", Raw(200, b"{}")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\n1",
         Raw(200, b"1")),
    ],
)  # fmt: skip
async def test_what_the_protocol_allows_is_read(answer: bytes, reply: Raw) -> None:
    assert await _one(answer) == reply


async def test_a_body_without_a_length_ends_with_its_connection() -> None:
    assert await _one(b"HTTP/1.1 200 OK\r\n\r\n{}", ends=True) == Raw(200, b"{}")


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        CHUNKED + b"2\r\n{}\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_an_answer_that_was_cut_is_none(cut: bytes) -> None:
    assert await _one(cut, ends=True) == BROKEN_OFF


@pytest.mark.parametrize(
    "garbage",
    [
        b"<html>",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        CHUNKED + b"zz\r\n",
        OK + OK,  # two answers to one question: whose is the second?
        b"\x00" * 100,
    ],
)
async def test_garbage_is_no_answer(garbage: bytes) -> None:
    assert await _one(garbage) == NOT_HTTP


@pytest.mark.parametrize(
    ("much", "reply"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001, TOO_LARGE),
        (CHUNKED + b"1\r\nx\r\n" * 1001, TOO_LARGE),
        (CHUNKED + b"1\r\nx\r\n0\r\nA: " + b"x" * 80_000, TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 80_000,
         NoReply(Outcome.ERROR, "The head of the answer is too large.")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000,
         NoReply(Outcome.ERROR, "The head of the answer is too large.")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08xx",
         NoReply(Outcome.ERROR, "The answer is encoded, which was not asked for.")),
    ],
)  # fmt: skip
async def test_what_is_too_much_is_cut_and_said(much: bytes, reply: NoReply) -> None:
    assert await _one(much) == reply


async def test_what_comes_unasked_is_nobodys_answer() -> None:
    """A kept connection on which something waits would give it to the next question."""

    async def met(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.heard(reader)
        writer.write(OK)
        await writer.drain()
        if len(server.heads) == 1:
            await sent.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            await writer.drain()
        await server.heard(reader)

    sent = asyncio.Event()
    async with _serving(met) as server, _calls() as calls:
        first = await _ask(calls, server.url)
        sent.set()
        await asyncio.wait_for(server.ended.wait(), 600)
        second = await _ask(calls, server.url)
    assert first == second == Raw(200, b"{}")
    assert len(server.heads) == 2


@pytest.mark.parametrize(
    ("method", "reply", "connections"), [("GET", Raw(200, b"{}"), 2), ("POST", BROKEN_OFF, 1)]
)
async def test_a_kept_connection_that_ends_is_made_again_only_where_twice_is_as_once(
    method: str, reply: Raw | NoReply, connections: int
) -> None:
    async def met(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.heard(reader)
        writer.write(OK)
        await writer.drain()
        await server.heard(reader)
        if len(server.heads) == 2:
            writer.write(OK)

    async with _serving(met) as server, _calls() as calls:
        first = await _ask(calls, server.url)
        assert await _ask(calls, server.url, method=method) == reply
    assert first == Raw(200, b"{}")
    assert len(server.heads) == connections


async def test_an_asker_who_leaves_ends_the_connection() -> None:
    async with _serving(_gives(b"")) as server, _calls() as calls:
        asking = asyncio.create_task(_ask(calls, server.url))
        while not any(server.heads):  # noqa: ASYNC110 - the server offers no event
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait_for(server.ended.wait(), 600)
        with pytest.raises(asyncio.CancelledError):
            await asking


@pytest.mark.parametrize("token", ["a\r\nX-Admin: 1", "a\nb", "\x00", "é"])
async def test_a_token_writes_no_lines_of_its_own(token: str) -> None:
    async with _serving(_gives(OK)) as server, _calls() as calls:
        reply = await _ask(calls, server.url, token=token)
    assert isinstance(reply, NoReply)
    assert server.heads == []


async def test_an_address_is_sent_quoted() -> None:
    async with _serving(_gives(OK)) as server, _calls() as calls:
        await _ask(calls, f"{server.url}/a b/é%20\r\nX: 1?c= d#e")
    (line, host, *rest) = server.heads[0][0].split(b"\r\n")
    assert line == b"GET /a%20b/%C3%A9%20X:%201?c=%20d HTTP/1.1"
    assert host == f"Host: {server.url.removeprefix('http://')}".encode()
    assert not any(one.startswith(b"X") for one in rest)


async def test_after_the_end_no_connection_is_left() -> None:
    async with _serving(_gives(OK)) as server:
        async with _calls() as calls:
            await _ask(calls, server.url)
        await asyncio.wait_for(server.ended.wait(), 600)
