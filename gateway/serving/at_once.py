"""Begins an answer in the turn of the event loop that read the question, and mostly ends it there.

A task of its own costs a small answer a twentieth: it is made, put in line, and waits for another
turn. So what an application says to need none is begun without one, and gets one where it first
waits. Until then there is no current task, which time-outs and worker threads ask for: whoever is
about to use them waits for nothing first, by `asyncio.sleep(0)`.

Since Python 3.12 a task can begin eagerly, with a current task from its first step, for half a
microsecond more; it takes the place of `_Begun` once 3.11 is no longer served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from gateway.serving.one_write import OneWrite


class AtOnce(OneWrite):
    """uvicorn's protocol. The application's `begins_at_once` says which requests may be; one in
    each piece read, so that many sent together do not keep other connections waiting."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._may: Callable[[Any], bool] | None = getattr(config.app, "begins_at_once", None)
        self._first = False

    def data_received(self, data: bytes) -> None:
        self._first = self._may is not None
        super().data_received(data)
        self._first = False  # one that waits in line begins where another ends, in that one's task

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        first, self._first = self._first, False
        if self.transport.is_closing():
            return  # nothing follows the last question of a connection (RFC 9112 9.6)
        if not first or self._may is None or not self._may(cycle.scope):
            # In a context of its own: one in line would have that of the answer before it, and
            # behind a proxy that is another person's.
            Context().run(super()._start_asgi_task, cycle, app)
            return
        answering, context = cycle.run_asgi(app), Context()
        try:
            waits_for = context.run(answering.send, None)
        except StopIteration:
            return
        task = self.loop.create_task(_Begun(answering, waits_for), context=context)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)


class _Begun(Coroutine[Any, None, None]):
    """A coroutine that waits for something already; the task that takes it up is first told for
    what. Cancelled even before, it is cancelled where it waits."""

    def __init__(self, begun: Coroutine[Any, None, None], waits_for: Any) -> None:
        self._begun = begun
        self._waits_for = waits_for
        self._is_told = False
        self._mark(blocks=False)  # until the task is there, others may wait for the same

    def send(self, value: None) -> Any:
        if self._is_told:
            return self._begun.send(value)
        self._is_told = True
        self._mark(blocks=True)
        return self._waits_for

    def throw(self, *thrown: Any) -> Any:
        self._is_told = True
        return self._begun.throw(*thrown)

    def close(self) -> None:
        self._begun.close()

    def __await__(self) -> Generator[Any, None, None]:
        raise TypeError("only a task takes it up")

    def _mark(self, *, blocks: bool) -> None:
        """What a future says of itself between who awaits it and the task that is to wait."""
        if self._waits_for is not None:
            self._waits_for._asyncio_future_blocking = blocks  # noqa: SLF001 (asyncio's protocol)
