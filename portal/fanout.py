"""Sends one question to many nodes under one deadline and hands over each row as it comes.

One clock for all nodes, starts in slices, one row per node whatever happens; closing the iterator
cancels what is still asked. Asking one node is `asking`'s.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence

from portal.answer import NodeAnswer
from portal.asking import Asked, Asking, Credential, CredentialFor, Target, anonymous
from portal.calls import Calls
from portal.metrics import Metrics
from portal.settings import Limits

__all__ = ["Credential", "CredentialFor", "Fanout", "Target", "anonymous"]


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
    ) -> AsyncGenerator[NodeAnswer, None]:
        """Yields `len(targets)` rows by the deadline; `path` is under the node's Beacon root."""
        deadline = asyncio.get_running_loop().time() + self._limits.deadline_seconds
        asked = Asked.of(path, body)
        waiting = deque(targets)
        running: set[asyncio.Task[NodeAnswer]] = set()
        arrived: asyncio.Queue[asyncio.Task[NodeAnswer]] = asyncio.Queue()
        try:
            for _ in targets:
                while waiting and arrived.empty():
                    for _ in range(min(self._limits.slice_size, len(waiting))):
                        asking = self._asking.ask(
                            waiting.popleft(), asked, credential=credential, deadline=deadline
                        )
                        task = asyncio.create_task(asking)
                        task.add_done_callback(arrived.put_nowait)
                        running.add(task)
                    await asyncio.sleep(0)
                task = await arrived.get()
                running.discard(task)
                yield task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
