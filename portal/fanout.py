"""Sends one question to many nodes under one deadline and hands over each row as it comes.

One clock for all nodes, starts in slices, one row per node whatever happens. A credential is
obtained per node (audience) and never shared; closing the iterator cancels what is still asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from portal.answer import NodeAnswer, Outcome, read
from portal.calls import Calls, NoReply
from portal.settings import Limits


@dataclass(frozen=True, slots=True)
class Target:
    """One node to ask; `unsupported` is why it need not be asked at all."""

    url: str
    name: str
    unsupported: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """What to show one node: a Passport made for it, or nothing; `asked_as` says which."""

    asked_as: str
    token: str | None = field(default=None, repr=False)


CredentialFor = Callable[[str], Awaitable[Credential]]


async def anonymous(_audience: str) -> Credential:
    return Credential("anonymous")


class Fanout:
    def __init__(self, calls: Calls, limits: Limits) -> None:
        self._calls = calls
        self._limits = limits

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
        waiting = deque(targets)
        running: set[asyncio.Task[NodeAnswer]] = set()
        arrived: asyncio.Queue[asyncio.Task[NodeAnswer]] = asyncio.Queue()
        try:
            for _ in targets:
                while waiting and arrived.empty():
                    for _ in range(min(self._limits.slice_size, len(waiting))):
                        asking = self._one(waiting.popleft(), path, body, credential, deadline)
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

    async def _one(
        self,
        target: Target,
        path: str,
        body: Mapping[str, object],
        credential: CredentialFor,
        deadline: float,
    ) -> NodeAnswer:
        if target.unsupported:
            return NodeAnswer(
                target.url, target.name, Outcome.UNSUPPORTED, target.unsupported, 0, "not asked"
            )
        loop = asyncio.get_running_loop()
        started = loop.time()
        shown = await _obtain(credential, target.url, (started + deadline) / 2)
        url = f"{target.url}/beacon{path}"
        reply = await self._calls.send("POST", url, deadline=deadline, token=shown.token, body=body)
        taken = round((loop.time() - started) * 1000)
        if isinstance(reply, NoReply):
            return NodeAnswer(
                target.url, target.name, reply.outcome, reply.reason, taken, shown.asked_as
            )
        seen = read(reply.status, reply.document)
        return NodeAnswer(
            url=target.url,
            name=target.name,
            outcome=seen.outcome,
            reason=seen.reason,
            latency_ms=taken,
            asked_as=shown.asked_as,
            sets=seen.sets,
            withheld=seen.withheld,
            unserved=seen.unserved,
            beacon_id=seen.beacon_id,
        )


async def _obtain(credential: CredentialFor, audience: str, until: float) -> Credential:
    """Half of the time may go into the exchange; then the node is asked as anyone would be."""
    try:
        async with asyncio.timeout_at(until):
            return await credential(audience)
    except TimeoutError:
        return Credential("anonymous, the sign-in service was too slow")
