"""Answers anyone may have, kept for a short while, and asked once when many ask at the same time.

Only what a node told an anonymous caller is kept, by node, dataset versions and canonical question;
a failure is never kept, so it is never served as an answer. Whoever waits for a question already on
its way shares its reply, and the last one to leave cancels it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from portal.asking.answer import Reading
from portal.settings import Limits

Key = tuple[str, str, str, bytes]  # node, edition, path, question


@dataclass(frozen=True, slots=True)
class Got:
    """A reading, the bytes it came in, and its age in seconds (0: just now)."""

    reading: Reading
    size: int = 0
    age: float = 0.0


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Got]
    waiting: int = 0


class Recent:
    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, Got]] = OrderedDict()
        self._bytes = 0
        self._flights: dict[Key, _Flight] = {}

    async def get(self, key: Key, ask: Callable[[], Coroutine[None, None, Got]]) -> Got:
        """The kept answer, the one on its way, or a new one. `ask` keeps its own deadline."""
        if (kept := self._find(key)) is not None:
            return kept
        joined = key in self._flights
        if not joined:
            self._flights[key] = _Flight(asyncio.create_task(ask()))
        got = await self._wait(key)
        if got.reading.outcome.answered:
            self._keep(key, got)
        elif joined:
            # That one may have begun long before us, so its failure is not ours yet.
            return await ask()
        return got

    async def _wait(self, key: Key) -> Got:
        flight = self._flights[key]
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0:
                flight.task.cancel()
                self._flights.pop(key, None)

    def _find(self, key: Key) -> Got | None:
        entry = self._kept.get(key)
        if entry is None:
            return None
        age = self._clock() - entry[0]
        if age >= self._limits.kept_seconds:
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return Got(entry[1].reading, entry[1].size, age=age)

    def _keep(self, key: Key, got: Got) -> None:
        if got.size > self._limits.kept_answer_bytes:
            return
        self._forget(key)
        self._kept[key] = (self._clock(), got)
        self._bytes += got.size
        while self._bytes > self._limits.kept_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        if (entry := self._kept.pop(key, None)) is not None:
            self._bytes -= entry[1].size
