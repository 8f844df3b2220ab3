"""A coordinator elsewhere, over its API, for those who submit.

coordinator = RemoteCoordinator("https://host", token=..., certificate=...)
run = await coordinator.submit(Path("gwas"), config={...})
status = await wait(coordinator, run)
result = await coordinator.result(run)
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from workspaces.engine import bundle, registering
from workspaces.engine.federated import frames
from workspaces.engine.port import Coordinator, RunState, RunStatus
from workspaces.errors import EngineRefused, NodeSilent

_SECONDS = 60.0


class RemoteCoordinator:
    """Implements `Coordinator`."""

    def __init__(self, address: str, *, token: str, certificate: bytes) -> None:
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._trusting = registering.trusting(certificate)

    async def submit(
        self, application: Path, *, config: Mapping[str, object], resume: bool = False
    ) -> str:
        found = bundle.bundle(application)
        head = {"plan": dict(config), "resume": resume}
        body = frames.pack(head, {"bundle": found.content})
        answer = await self._ask("POST", "/runs", content=body)
        return str(answer.json()["run"])

    async def again(self, run: str) -> str:
        """The number of the new run."""
        return str((await self._ask("POST", f"/runs/{run}/again")).json()["run"])

    async def status(self, run: str) -> RunStatus:
        return RunStatus.of_document((await self._ask("GET", f"/runs/{run}")).json())

    async def runs(self) -> tuple[RunStatus, ...]:
        """The newest first."""
        told = (await self._ask("GET", "/runs")).json()["runs"]
        return tuple(RunStatus.of_document(one) for one in told)

    async def log(self, run: str) -> str:
        return (await self._ask("GET", f"/runs/{run}/log")).text

    async def result(self, run: str) -> bytes:
        return (await self.results(run))[0]

    async def results(self, run: str) -> tuple[bytes, ...]:
        told = (await self._ask("GET", f"/runs/{run}/result")).json()
        return tuple(json.dumps(one).encode() for one in told["candidates"])

    async def sites(self) -> dict[str, bool]:
        """The federation's sites by name, and whether each is connected now."""
        return dict((await self._ask("GET", "/sites")).json()["sites"])

    async def stop(self, run: str) -> None:
        await self._ask("POST", f"/runs/{run}/stop")

    async def _ask(self, method: str, path: str, *, content: bytes = b"") -> httpx.Response:
        try:
            async with httpx.AsyncClient(verify=self._trusting, timeout=_SECONDS) as line:
                answer = await line.request(
                    method, self._address + path, content=content, headers=self._headers
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NodeSilent(
                f"{self._address} does not answer: is `skerry federation serve` running there?",
                detail=str(error),
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise EngineRefused(f"The coordinator said: {registering.words(answer)}")
        return answer


async def wait(
    coordinator: Coordinator,
    run: str,
    *,
    seconds: float = 3_600,
    every: float = 0.5,
    seen: Callable[[RunStatus], None] = lambda status: None,
    resume: bool = False,
) -> RunStatus:
    """The status a run ends with; `seen` gets each on the way. With `resume` a coordinator that
    ended under it is waited for, and so is the end of the run that goes on in its place. Raises
    `EngineRefused` at the time's end, and leaves the run as it is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            status = await coordinator.status(run)
        except NodeSilent:
            if not resume:
                raise
        else:
            seen(status)
            goes_on = resume and status.state is RunState.INTERRUPTED
            if goes_on and status.again:
                run = status.again
                continue
            if status.state.ended and not (goes_on and status.resumes):
                return status
        await asyncio.sleep(every)
    raise EngineRefused(f"Run {run} has not ended within {seconds:.0f} s; ask for it later.")
