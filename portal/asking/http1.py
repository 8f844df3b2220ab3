"""One HTTP/1.1 connection to a node, and one question at a time on it (RFC 9112).

llhttp reads what comes; here are the caps and the clock: how large a head and a body may be, by
when the answer's first byte and its last must have come. Nothing is asked for encoded, no redirect
is followed, what comes unasked ends the connection. Making connections is `connections`'s.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

import httptools

from portal.asking.answer import Outcome
from schemas.messages import Message

MAX_HEAD_BYTES = 64 * 1024
KEPT_SECONDS = 75  # an idle connection; a node's own limit ends it sooner


@dataclass(frozen=True, slots=True)
class Raw:
    """A whole body that nobody has read yet."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class NoReply:
    """No usable reply: `late`, `unreachable` or `error`, and why in one sentence."""

    outcome: Outcome
    reason: str


BROKEN_OFF = NoReply(Outcome.ERROR, Message("The node broke off the answer."))
_NOT_HTTP = NoReply(Outcome.ERROR, Message("What it answers is not HTTP."))
_LONG_HEAD = NoReply(Outcome.ERROR, Message("The head of the answer is too large."))
_ENCODED = NoReply(Outcome.ERROR, Message("The answer is encoded, which was not asked for."))


@dataclass(frozen=True, slots=True)
class Due:
    """By when, on the loop's clock, and what is said of an answer that did not begin or end."""

    begun: float
    ended: float
    not_begun: NoReply
    not_ended: NoReply


class _TwoAnswers(Exception):
    """More came than was asked for; llhttp stops at it."""


class _NoStatus(Exception):
    """RFC 9110 15: a status is 100 at least."""


class Connection(asyncio.Protocol):
    """`ask` again only while `usable`; whoever gives up a question calls `end`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Raw | NoReply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cap = 0
        self._due: Due | None = None
        self._forget()

    def _forget(self) -> None:
        self._status = 0
        self._seen = 0
        self._measured = False  # its length is stated, or its end is marked
        self._encoded = False
        self._whole = False
        self._goes_on = False
        self._body = bytearray()

    # The question's side.

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def silent(self) -> bool:
        """Not a byte of an answer has come."""
        return not self._seen

    async def ask(self, request: bytes, *, due: Due, cap: int) -> Raw | NoReply:
        """`request` is a whole message; a body above `cap` bytes is no reply."""
        self._forget()
        self._cap, self._due = cap, due
        if not self.usable or self._transport is None:
            return BROKEN_OFF
        waiting: asyncio.Future[Raw | NoReply] = self._loop.create_future()
        self._waiting = waiting
        self._wake_at(min(due.begun, due.ended))
        self._transport.write(request)
        return await waiting

    def rest(self) -> None:
        """Idle from now on, for a while."""
        self._wake_at(self._loop.time() + KEPT_SECONDS)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._woken)

    def _woken(self) -> None:
        if self._waiting is None or self._due is None:
            self.end()
        elif not self._body and self._loop.time() < self._due.ended:
            self._give(self._due.not_begun)
        elif self._loop.time() < self._due.ended:
            self._wake_at(self._due.ended)
        else:
            self._give(self._due.not_ended)

    def _give(self, reply: Raw | NoReply) -> None:
        waiting, self._waiting = self._waiting, None
        if isinstance(reply, NoReply):
            self.end()
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    # The network's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # TCP, or TLS over it

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.end()  # nobody asked, or the asker has left
            return
        self._seen += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._give(_NOT_HTTP)
            return
        if (wrong := self._wrong()) is not None:
            self._give(wrong)
        elif self._whole:
            self._finish()

    def _wrong(self) -> NoReply | None:
        if not self._status and self._seen > MAX_HEAD_BYTES:
            return _LONG_HEAD
        if self._encoded:
            return _ENCODED
        # The marks between pieces of a body, and what follows it, are limited with it.
        if len(self._body) > self._cap or self._seen > MAX_HEAD_BYTES + 8 * self._cap:
            return NoReply(
                Outcome.ERROR, Message("The answer is larger than %(most)s bytes.", most=self._cap)
            )
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._status and not self._measured and exc is None:
            self._give(Raw(self._status, bytes(self._body)))
        else:
            self._give(BROKEN_OFF)

    def _finish(self) -> None:
        self._give(Raw(self._status, bytes(self._body)))
        if not self._goes_on:
            self.end()

    # What llhttp calls while it reads.

    def on_message_begin(self) -> None:
        if self._whole:
            raise _TwoAnswers
        self._measured, self._encoded = False, False  # whatever a 1xx before it said

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"content-length":
            self._measured = True
        elif lowered == b"transfer-encoding":
            self._measured = True
            self._encoded |= value.strip().lower() != b"chunked"
        elif lowered == b"content-encoding":
            self._encoded |= value.strip().lower() not in (b"", b"identity")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 100:
            raise _NoStatus
        self._status = status if status >= 200 else 0

    def on_body(self, body: bytes) -> None:
        if len(self._body) <= self._cap:
            self._body += body

    def on_message_complete(self) -> None:
        self._whole = self._status >= 200
        self._goes_on = self._parser.should_keep_alive()
