"""Ends a connection on which nothing is asked, a question comes too slowly to be one, or an answer
is not read.

uvicorn sets a timer after an answer and takes it back at the next question, which costs a fiftieth
of a small answer. Here one timer stays for each connection, and finds out when it fires whether the
time is up. It begins with the connection: uvicorn waits for ever for a first question, and for the
rest of any (RFC 9110 15.5.9 lets a server end that wait), so that whoever opened connections enough
and said nothing kept everybody else out.
"""

from __future__ import annotations

import asyncio

from gateway.serving.http_head import PlainHead
from gateway.serving.unread import Reading, taken

LEAST_RATE = 500  # bytes a second of a head or body on its way, from one firing to the next


class IdleTimer(PlainHead):
    """uvicorn's protocol, its heads capped; a connection closes `timeout_keep_alive` seconds after
    it was made or last answered, as uvicorn's own, and within twice as many where so much less
    than `LEAST_RATE` of a question came. What waits to be read goes with it where nobody reads."""

    _idle_since: float | None = None
    _looked_at: tuple[object, int] = (None, 0)  # the question on its way, and the bytes before

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what uvicorn's is at run time
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._reading = Reading()
        self._look_after(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        super()._unset_keepalive_if_required()  # a timer would keep all that is the connection's

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        if self._refusal is not None:
            self._refuse()
            return
        self._idle_since = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """Fires as long as there is the connection; one that closes is there until all is read."""
        waiting = self.transport.get_write_buffer_size()
        if self._is_not_read(waiting):
            self.transport.abort()
            return
        left = float(self.timeout_keep_alive)
        if self._idle_since is not None and not waiting:
            left += self._idle_since - self.loop.time()
        if left <= 0 or self._comes_too_slowly():
            self.transport.close()
            left = float(self.timeout_keep_alive)
        self._look_after(left)

    def _is_not_read(self, waiting: int) -> bool:
        acknowledged = taken(self.transport)
        return acknowledged is not None and self._reading.has_stopped(
            waiting=waiting, taken=acknowledged, now=self.loop.time()
        )

    def _comes_too_slowly(self) -> bool:
        """Whether a question was on its way when the timer fired before, and hardly more of it is
        there. Where it waits for us, it is not slow."""
        if self._idle_since is not None or not self._is_awaited():
            self._looked_at = None, 0
            return False
        (question, before), self._looked_at = self._looked_at, (self.scope, self.received)
        return question is self.scope and (
            self.received - before < LEAST_RATE * self.timeout_keep_alive
        )

    def _is_awaited(self) -> bool:
        """Whether the rest of a head or body is; not what stands in line behind an answer."""
        if self.pipeline or self.flow.read_paused or self._refusal is not None:
            return False
        if self.cycle is None or self.cycle.response_complete:
            return self._in_head or (self.cycle is not None and self.cycle.more_body)
        return self.cycle.more_body and not self.cycle.response_started

    def _look_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )
