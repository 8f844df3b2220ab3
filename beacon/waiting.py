"""Asks what lies behind a network in worker threads, under a cap and a deadline.

The event loop never waits for another process: a question that may is a thread's, at most
`THREADS` at once and `MAX_WAITING` with those in line, and whoever asked is told after
`DEADLINE_SECONDS` that there is no answer. A thread is not ended from outside, so what asks over
the network looks at `seconds_left` and gives up by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import TypeVar

from beacon.errors import CatalogError

THREADS = 16
MAX_WAITING = 256
DEADLINE_SECONDS = 8.0
_LATE = "the dataset's engine did not answer in time; ask again later"
_MANY = "too many questions wait for the dataset's engine; ask again later"

_T = TypeVar("_T")
# Passed by the context and not by hand, since questions reach the engine through `Segment`, whose
# other forms never wait.
_UNTIL: ContextVar[float | None] = ContextVar("until", default=None)


def seconds_left(most: float) -> float:
    """Of the question being asked in this thread, but no more than `most`. Raises `CatalogError`
    once there are none."""
    until = _UNTIL.get()
    left = most if until is None else min(most, until - time.monotonic())
    if left <= 0:
        raise CatalogError(_LATE)
    return left


class WaitingRoom:
    """Threads of one process. They are begun when they are wanted."""

    def __init__(
        self,
        *,
        threads: int = THREADS,
        waiting: int = MAX_WAITING,
        seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._most, self._seconds = waiting, seconds
        self._inside = 0  # only the event loop's thread counts

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns or raises; `CatalogError` where it comes too late or not in turn."""
        if self._inside >= self._most:
            raise CatalogError(_MANY)
        until = time.monotonic() + self._seconds

        def in_time() -> _T:
            _UNTIL.set(until)
            seconds_left(self._seconds)  # the line may have been long
            return work()

        self._inside += 1
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(0)  # from here on in a task, see `gateway.serving.at_once`
            thread = loop.run_in_executor(self._pool, copy_context().run, in_time)
            return await asyncio.wait_for(thread, self._seconds)
        except TimeoutError as late:
            raise CatalogError(_LATE) from late
        finally:
            self._inside -= 1
