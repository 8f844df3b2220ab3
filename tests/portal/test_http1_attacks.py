"""What a hostile node may say on a connection: each ends in an answer that is whole, or in a plain
sentence; nothing of one answer is ever another's. Without a network, byte for byte; sockets and
clocks are test_http1's.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from portal.asking.answer import Outcome
from portal.asking.http1 import BROKEN_OFF, Connection, Due, NoReply, Raw

pytestmark = pytest.mark.anyio

CAP = 1_000
H = b"HTTP/1.1 200 OK\r\n"
OK = H + b"Content-Length: 2\r\n\r\n{}"
CHUNKED = H + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = CHUNKED + b"2\r\n{}\r\n0\r\n"
GOOD = Raw(200, b"{}")
NOT_HTTP = NoReply(Outcome.ERROR, "What it answers is not HTTP.")
LONG_HEAD = NoReply(Outcome.ERROR, "The head of the answer is too large.")
ENCODED = NoReply(Outcome.ERROR, "The answer is encoded, which was not asked for.")
TOO_LARGE = NoReply(Outcome.ERROR, "The answer is larger than 1,000 bytes.")
LATE = NoReply(Outcome.LATE, "late")
PIECE = 4_096  # as a network may cut it


class Wire(asyncio.Transport):
    """A connection's other end: what is written is kept, and the end is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = False
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.ended

    def abort(self) -> None:
        self.ended = True


class Dialogue:
    """One connection to a node that says what the test says."""

    def __init__(self) -> None:
        self.connection, self.wire = Connection(), Wire()
        self.connection.connection_made(self.wire)

    async def asked(self, *pieces: bytes, closes: bool = False) -> Raw | NoReply:
        """What becomes of a question to which `pieces` come; what is not answered is late."""
        later = asyncio.get_running_loop().time() + 3600
        due = Due(later, later, LATE, LATE)
        asking = asyncio.ensure_future(self.connection.ask(b"question", due=due, cap=CAP))
        await asyncio.sleep(0)
        for piece in pieces:
            if not self.wire.ended:
                self.connection.data_received(piece)
        if closes and not asking.done():
            self.wire.ended = True
            self.connection.connection_lost(None)
        await asyncio.sleep(0)
        if not asking.done():
            asking.cancel()
            self.connection.end()
            await asyncio.gather(asking, return_exceptions=True)
            return LATE
        return asking.result()


async def _said(answer: bytes, *, closes: bool = False) -> tuple[Raw | NoReply, bool]:
    """The reply, and whether another question may be asked on the connection."""
    dialogue = Dialogue()
    pieces = [answer[at : at + PIECE] for at in range(0, len(answer), PIECE)]
    reply = await dialogue.asked(*pieces, closes=closes)
    usable = dialogue.connection.usable
    dialogue.connection.end()
    return reply, usable


@pytest.mark.parametrize(
    "smuggled",
    [
        H + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        H + b"Content-Length: 2, 2\r\n\r\n{}",
        H + b"Content-Length: +2\r\n\r\n{}",
        H + b"Content-Length: 0x2\r\n\r\n{}",
        H + b"Content-Length: 2 2\r\n\r\n{}",
        H + b"Content-Length: \r\n\r\n{}",
        H + b"Content-Length : 2\r\n\r\n{}",
        H + b"Content-Length: 18446744073709551618\r\n\r\n{}",
        H + b"Content-Length:\r\n 2\r\n\r\n{}",
        H + b"A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
        H + b"A: b\rContent-Length: 9\r\nContent-Length: 2\r\n\r\n{}",
        H + b"A: b\x00c\r\nContent-Length: 2\r\n\r\n{}",
        H + b"A\x00: b\r\nContent-Length: 2\r\n\r\n{}",
        H + b": b\r\nContent-Length: 2\r\n\r\n{}",
        H + b"No colon\r\nContent-Length: 2\r\n\r\n{}",
        H + b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        H + b"Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        H + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
        WHOLE + b"Content-Length: 5\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"x",
        H + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}" + OK,
    ],
)
async def test_two_readings_of_one_answer_are_none(smuggled: bytes) -> None:
    assert await _said(smuggled) == (NOT_HTTP, False)


@pytest.mark.parametrize(
    "bare",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
        H + b"A: b\nContent-Length: 2\r\n\r\n{}",
        H + b"Content-Length: 2\r\n\n{}",
        CHUNKED + b"2\n{}\n0\n\n",
        CHUNKED + b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    ],
)
async def test_a_line_ends_in_both_its_characters(bare: bytes) -> None:
    assert await _said(bare) == (NOT_HTTP, False)


@pytest.mark.parametrize(
    "chunks",
    [b"fffffffffffffffff\r\n{}", b"-1\r\n{}", b"0x2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}}\r\n0\r\n\r\n",
     b"2 \r\n{}\r\n0\r\n\r\n", b'2;a="\r\n{}\r\n0\r\n\r\n', b"\r\n{}"],
)  # fmt: skip
async def test_a_piece_is_as_long_as_it_says_in_hex(chunks: bytes) -> None:
    assert await _said(CHUNKED + chunks) == (NOT_HTTP, False)


@pytest.mark.parametrize(
    "line",
    [b"HTTP/1.1 000 X", b"HTTP/1.1 99 X", b"HTTP/1.1 1000 X", b"HTTP/9.9 200 OK", b"ICY 200 OK",
     b"http/1.1 200 OK", b" HTTP/1.1 200 OK", b"GET / HTTP/1.1", b"HTTP/1.1 101 Switching"],
)  # fmt: skip
async def test_a_status_line_is_one_of_http(line: bytes) -> None:
    assert await _said(line + b"\r\nContent-Length: 2\r\n\r\n{}") == (NOT_HTTP, False)


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 200 " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
        H + b"".join(b"A%d: b\r\n" % number for number in range(9_000)),
        b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 3_000,
        b"HTTP/1.1 100 Continue\r\nA: " + b"x" * 70_000 + b"\r\n\r\n" + OK,
        b"\r\n" * 40_000,
    ],
)
async def test_a_head_without_end_is_left(flood: bytes) -> None:
    assert await _said(flood) == (LONG_HEAD, False)


@pytest.mark.parametrize(
    "flood",
    [
        CHUNKED + b"2;" + b"x" * 90_000 + b"\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0" * 90_000,
        WHOLE + b"A: b\r\n" * 20_000 + b"\r\n",
        CHUNKED + b"1;a=b\r\nx\r\n" * 9_000,
        H + b"\r\n" + b"x" * 2_000,
    ],
)
async def test_a_body_is_limited_with_all_that_is_around_it(flood: bytes) -> None:
    assert await _said(flood) == (TOO_LARGE, False)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: GZIP\r\nContent-Encoding: identity\r\n",
        b"Content-Encoding: identity, gzip\r\n",
        b"Content-Encoding: br\r\n",
    ],
)
async def test_nothing_encoded_is_read_so_no_bomb_can_burst(head: bytes) -> None:
    assert await _said(H + head + b"Content-Length: 2\r\n\r\n\x1f\x8b") == (ENCODED, False)


@pytest.mark.parametrize(
    "coding",
    [b"gzip", b"gzip, chunked", b"chunked, gzip", b"xchunked", b"chunked\r\nTransfer-Encoding: x"],
)
async def test_no_encoding_of_the_transfer_but_chunks_is_read(coding: bytes) -> None:
    said = H + b"Transfer-Encoding: " + coding + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert await _said(said) == (ENCODED, False)


async def test_an_encoding_after_the_body_makes_it_none() -> None:
    assert await _said(WHOLE + b"Content-Encoding: gzip\r\n\r\n") == (ENCODED, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n\r\n" + OK,
        OK + b"\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 60\r\n\r\n" + OK,
        b"HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + OK,
        WHOLE + b"Anything: more\r\n\r\n",
        CHUNKED + b"000000002\r\n{}\r\n0\r\n\r\n",
    ],
)
async def test_what_is_odd_and_allowed_is_read_and_the_connection_kept(answer: bytes) -> None:
    assert await _said(answer) == (GOOD, True)


@pytest.mark.parametrize("at", range(len(OK)))
async def test_an_answer_that_ends_early_is_none_wherever_it_ends(at: int) -> None:
    assert await _said(OK[:at], closes=True) == (BROKEN_OFF, False)


@pytest.mark.parametrize("at", range(len(WHOLE + b"\r\n")))
async def test_an_answer_in_pieces_that_ends_early_is_none_wherever_it_ends(at: int) -> None:
    assert await _said((WHOLE + b"\r\n")[:at], closes=True) == (BROKEN_OFF, False)


async def test_a_body_without_a_length_is_never_the_last_on_a_connection_that_goes_on() -> None:
    assert await _said(H + b"\r\n{}") == (LATE, False)
    assert await _said(H + b"\r\n{}", closes=True) == (GOOD, False)


async def test_an_answer_that_is_not_read_to_its_end_leaves_no_rest_for_the_next_question() -> None:
    for cut in (H + b"Content-Length: 9\r\n\r\n{}", CHUNKED + b"2\r\n{}\r\n"):
        dialogue = Dialogue()
        assert await dialogue.asked(cut) == LATE
        assert await dialogue.asked(OK) == BROKEN_OFF
        assert dialogue.wire.written == [b"question"]


async def test_the_second_answer_on_a_connection_is_read_from_its_own_beginning() -> None:
    dialogue = Dialogue()
    secret = b"HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nsecret"
    assert await dialogue.asked(secret) == Raw(500, b"secret")
    assert await dialogue.asked(WHOLE[:30], WHOLE[30:] + b"\r\n") == GOOD
    assert await dialogue.asked(b"HTTP/1.1 204 Fine\r\n\r\n") == Raw(204, b"")
    assert dialogue.connection.usable
    dialogue.connection.end()


async def test_an_answer_that_comes_before_its_question_is_nobodys() -> None:
    dialogue = Dialogue()
    dialogue.connection.data_received(OK)
    assert await dialogue.asked() == BROKEN_OFF
    assert dialogue.wire.written == []


SEEDS = (OK, WHOLE + b"T: u\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
         H + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
         b"HTTP/1.0 200 OK\r\n\r\n{}", CHUNKED + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\n\r\n")  # fmt: skip
WORDS = (b"\r\n", b"\n", b"\r", b"\x00", b" ", b"0", b"-1", b"ffffffff", b": ", b";", b"chunked",
         b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1 200 OK\r\n",
         b"Connection: close\r\n", b"Content-Encoding: gzip\r\n", b"\xff\xfe",
         b"x" * 1_200)  # fmt: skip


def _spoiled(dice: random.Random) -> bytes:
    """An answer with a few cuts, swaps and foreign words in it."""
    said = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(said) + 1)
        match dice.randrange(4):
            case 0:
                said[at:at] = dice.choice(WORDS)
            case 1:
                del said[at : at + dice.randrange(1, 8)]
            case 2 if at < len(said):
                said[at] = dice.randrange(256)
            case _:
                said[at:at] = said[max(0, at - dice.randrange(1, 30)) : at]
    return bytes(said)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_comes_is_an_answer_or_a_sentence_and_cut_anywhere_the_same(
    seed: int,
) -> None:
    """However a network cuts the bytes, they mean the same, unless what is said comes in two parts
    of which the first is an answer: then what follows it ends the connection."""
    dice = random.Random(seed)  # noqa: S311 - a fuzzer's
    for _ in range(150):
        said = _spoiled(dice)
        closes = dice.random() < 0.5
        whole, cut = Dialogue(), Dialogue()
        first = await whole.asked(said, closes=closes)
        second = await cut.asked(*(said[at : at + 1] for at in range(len(said))), closes=closes)
        for dialogue, reply in ((whole, first), (cut, second)):
            assert isinstance(reply, NoReply) or (
                len(reply.body) <= CAP and 200 <= reply.status <= 999
            )
            if isinstance(reply, NoReply):
                assert not dialogue.connection.usable
            dialogue.connection.end()
        if isinstance(first, Raw):
            assert second == first
        elif isinstance(second, Raw):
            assert first in (NOT_HTTP, ENCODED, TOO_LARGE, LONG_HEAD)
