"""Begins an answer in the turn of the event loop that read the question, and mostly ends it there.

A task of its own costs a small answer a twentieth: it is made, put in line, and waits for another
turn. So what an application says to need none is begun without one, and gets one where it first
waits. Until then there is no current task, which time-outs and worker threads ask for: whoever is
about to use them waits for nothing first, by `asyncio.sleep(0)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from functools import partial
from types import coroutine
from typing import Any, cast

from starlette.types import Scope
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
        self._may: Callable[[Scope], bool] | None = getattr(config.app, "begins_at_once", None)
        self._first = False

    def data_received(self, data: bytes) -> None:
        self._first = self._may is not None
        super().data_received(data)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        first, self._first = self._first, False
        if not first or self._may is None or not self._may(cast("Scope", cycle.scope)):
            super()._start_asgi_task(cycle, app)
            return
        answering, context = cycle.run_asgi(app), copy_context()
        try:
            waits_for = context.run(answering.send, None)
        except StopIteration:
            return
        task = self.loop.create_task(_rest(answering, waits_for), context=context)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)


@coroutine
def _rest(begun: Coroutine[Any, None, None], waits_for: Any) -> Generator[Any, None, None]:
    """What is left of `begun`, which waits for something."""
    while True:
        try:
            yield waits_for
        except BaseException as thrown:  # noqa: BLE001 (`begun` is what was cancelled)
            resume = partial(begun.throw, thrown)
        else:
            resume = partial(begun.send, None)
        try:
            waits_for = resume()
        except StopIteration:
            return
