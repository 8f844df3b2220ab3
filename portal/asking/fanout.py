"""Sends one question to many nodes under one deadline and hands over each row as it comes.

One clock for all nodes, starts in slices in the order of `pace`, one row per node whatever happens;
closing the iterator cancels what is still asked. Asking one node is `asking.one_node`'s.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from portal.asking.answer import NodeAnswer, Outcome
from portal.asking.calls import Calls
from portal.asking.hops import Journey
from portal.asking.one_node import (
    Asked,
    Asking,
    Credential,
    CredentialFor,
    Instead,
    Target,
    anonymous,
)
from portal.metrics import Metrics
from portal.settings import Limits
from schemas.messages import Message

__all__ = ["Credential", "CredentialFor", "Fanout", "Instead", "Target", "anonymous"]


_TURNS = 4


class Fanout:
    def __init__(self, calls: Calls, limits: Limits, metrics: Metrics | None = None) -> None:
        self._limits = limits
        self._asking = Asking(calls, limits, metrics or Metrics())

    async def ask(
        self,
        targets: Sequence[Target],
        path: str,
        *,
        body: Mapping[str, object],
        credential: CredentialFor = anonymous,
        stopped: asyncio.Event | None = None,
        journey: Journey | None = None,
    ) -> AsyncGenerator[NodeAnswer, None]:
        """Yields `len(targets)` rows by the deadline, or as soon as `stopped` is set; `path` is
        under the node's Beacon root."""
        started = asyncio.get_running_loop().time()
        deadline = started + self._limits.deadline_seconds
        asked = Asked.of(path, body, journey)
        size = self._limits.slice_size
        order = self._asking.paces.order([one.url for one in targets], soonest=size)
        waiting = deque(targets[place] for place in order)
        running: dict[asyncio.Task[NodeAnswer], Target] = {}
        arrived: asyncio.Queue[asyncio.Task[NodeAnswer] | None] = asyncio.Queue()

        async def start() -> None:
            while waiting:
                for _ in range(min(size, len(waiting))):
                    target = waiting.popleft()
                    asking = self._asking.ask(
                        target, asked, credential=credential, deadline=deadline
                    )
                    task = asyncio.create_task(asking)
                    task.add_done_callback(arrived.put_nowait)
                    running[task] = target
                # An answer needs several turns of the loop to become a row; without a slice in each
                # of them the first is shown sooner.
                for _ in range(_TURNS):
                    await asyncio.sleep(0)

        starting = asyncio.create_task(start())
        stop = asyncio.create_task(_tell(stopped, arrived)) if stopped is not None else None
        try:
            for _ in targets:
                if (arrival := await arrived.get()) is None:
                    starting.cancel()
                    break
                del running[arrival]
                yield arrival.result()
            taken = asyncio.get_running_loop().time() - started
            for target in (*running.values(), *waiting):
                yield _stopped(target, taken)
        finally:
            helping = [starting] if stop is None else [starting, stop]
            ending: list[asyncio.Task[Any]] = [*helping, *running]
            for unfinished in ending:
                unfinished.cancel()
            await asyncio.gather(*ending, return_exceptions=True)


async def _tell(
    stopped: asyncio.Event, arrived: asyncio.Queue[asyncio.Task[NodeAnswer] | None]
) -> None:
    await stopped.wait()
    arrived.put_nowait(None)


def _stopped(target: Target, taken: float) -> NodeAnswer:
    return NodeAnswer(
        url=target.url,
        name=target.name,
        outcome=Outcome.LATE,
        reason=Message("You stopped before it answered."),
        latency_ms=round(taken * 1000),
        asked_as="–",
    )
