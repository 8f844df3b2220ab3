"""Closes a connection on which nothing is asked: one timer for each, not one for every answer.

uvicorn sets a timer after an answer and takes it back at the next question, which costs a fiftieth
of a small answer. Here the timer stays, and finds out when it fires whether the time is up.
"""

from __future__ import annotations

from gateway.serving.http_head import PlainHead


class IdleTimer(PlainHead):
    """uvicorn's protocol, its heads capped; a connection closes `timeout_keep_alive` seconds after
    its last answer, as uvicorn's own."""

    _idle_since: float | None = None

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
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_after(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # the answer under way sets it again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_after(left)
        else:
            super().timeout_keep_alive_handler()

    def _look_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )
