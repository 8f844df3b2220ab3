"""Follows the runs under way: notes how each ends, and wakes those who wait for news of one.

One look for everybody: however many watch, the engine is asked as often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from workspaces.engine.port import RunStatus
from workspaces.errors import EngineRefused, NodeSilent

EVERY_SECONDS = 0.5

_log = logging.getLogger(__name__)

Look = Callable[[str], Awaitable[RunStatus]]


class Following:
    """`look` gives a run's status and keeps its end."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._latest: dict[str, RunStatus] = {}
        self._open: set[str] = set()
        self._troubled: set[str] = set()  # of which the log has been told
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def add(self, run: str) -> None:
        self._open.add(run)

    async def changed(
        self, run: str, seen: RunStatus | None, *, seconds: float
    ) -> RunStatus | None:
        """The status of a run once it is another than `seen`; None where it is not so in time."""
        if run not in self._open and run not in self._latest:
            return await self._look(run)  # it ended under an earlier process
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self._latest.get(run, seen) != seen)
                return self._latest[run]
        return None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            for run in list(self._open):
                await self._look_at(run)

    async def _look_at(self, run: str) -> None:
        """One run that cannot be told of, or a full disk, ends the following of none."""
        try:
            await self._note(run)
        except (EngineRefused, NodeSilent):
            return  # says nothing new; who asks for the run hears why
        except Exception:  # noqa: BLE001 (logged; the runs beside it go on)
            if run not in self._troubled:
                _log.exception("run %s cannot be followed just now", run)
            self._troubled.add(run)
        else:
            self._troubled.discard(run)

    async def _note(self, run: str) -> None:
        status = await self._look(run)
        if self._latest.get(run) == status:
            return
        async with self._news:
            self._latest[run] = status
            self._news.notify_all()
        if status.state.ended:
            self._open.discard(run)
