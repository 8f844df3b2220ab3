"""Runs a prepared study: the coordinator and a workspace per site as the commands that people type.

One site leads and submits; the others take part until they are told to stop, which wipes them. A
site may be made to drop out in the middle, and the run goes on without it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.demo.countries.study import Site, Study
from gateway.errors import DemoError
from gateway.serving.processes import Processes, Server, tail
from workspaces.engine.remote import RemoteCoordinator
from workspaces.errors import EngineRefused, NodeSilent

_COORDINATOR = "coordinator"
_STOP_SECONDS = 60.0  # to wipe, and to tell the node and the coordinator
_MINUTES = 15.0
_EVERY = 0.2
_BEGUN = "sites look at their data"  # as the coordinator names the first exchange


@dataclass(frozen=True, slots=True)
class Led:
    """How a run ended at the site that led it: `run` is its start's id at that site's node,
    `outputs` what its airlock says of the candidates."""

    run: str
    outputs: Sequence[Mapping[str, Any]]
    present: tuple[str, ...]
    missing: Mapping[str, str]
    seconds: float

    def over(self) -> str:
        missing = "".join(f", without {name} ({why})" for name, why in self.missing.items())
        return f"{len(self.present)} sites{missing}"


class Sites:
    """The running parts of a study; `close` stops every site, which wipes. The coordinator goes on
    telling what became of the runs until the demo ends."""

    def __init__(self, study: Study, processes: Processes) -> None:
        self._study = study
        self._processes = processes
        self._servers: dict[str, Server] = {}
        token = study.token.read_text(encoding="ascii")
        joined = study.site_bundle(study.sites[0])
        authority = joined.authority.encode("ascii")
        self.coordinator = RemoteCoordinator(joined.registrar, token=token, certificate=authority)

    async def start(self, sites: Sequence[Site]) -> None:
        """The coordinator, and each of these sites; returns when all are connected."""
        self._begin(_COORDINATOR, "federation", "serve", str(self._study.coordinator),
                    "--listen", "127.0.0.1")  # fmt: skip
        await self._until(self._answers)
        for site in sites:
            self._begin(site.name, *self._run(site))
        await self._until(lambda: self._connected(sites))

    async def lead(self, site: Site, plan: str, *, without: Site | None = None) -> Led:
        """Submits the plan from this site and waits for the end. The site `without` drops out of it
        before a sum is opened: later, the others would open none without it."""
        began = time.monotonic()
        server = self._begin(
            f"{site.name}-leads", *self._run(site), "--submit", "--plan",
            str(self._study.plan(plan)), "--coordinator-token-file", str(self._study.token),
            "--json",
        )  # fmt: skip
        while server.process.poll() is None:
            if time.monotonic() - began > 60 * _MINUTES:
                raise DemoError(f"{plan} has not ended within {_MINUTES:g} minutes")
            if without is not None and await self._is_begun(server):
                self._drop(without)
                without = None
            await asyncio.sleep(_EVERY)
        self._processes.stop(server.name)
        lines = _lines(server)
        if server.process.returncode != 0 or not lines:
            raise DemoError(f"{plan} was not led to its end:\n{tail(server.log)}")
        ended = json.loads(lines[-1])
        status = await self.coordinator.status(_number(lines))
        took = time.monotonic() - began
        return Led(ended["run"], ended["outputs"], status.present, status.missing, took)

    async def _is_begun(self, server: Server) -> bool:
        number = _number(_lines(server))
        return bool(number) and (await self.coordinator.status(number)).round == _BEGUN

    def _drop(self, site: Site) -> None:
        """Tells a site to stop, as its operator might at any time, and does not wait."""
        server = self._servers[site.name]
        if server.process.poll() is None:
            server.process.terminate()

    def close(self) -> None:
        sites = [name for name in self._servers if name != _COORDINATOR]
        for name in sites:
            if self._servers[name].process.poll() is None:
                self._servers[name].process.terminate()
        for name in sites[::-1]:
            self._processes.stop(name)
        self._servers.clear()

    def _run(self, site: Site) -> list[str]:
        return [
            "workspace", "run", str(site.workspace), "--node", site.url, "--dataset", site.dataset,
            "--bring", f"file:{site.table}", "--bring", f"variants:{site.part.calls}",
            "--application", str(self._study.application),
            "--federation", str(self._study.joined(site)),
            "--token-file", str(site.workspace / "token"), "--poll", "5",
        ]  # fmt: skip

    def _begin(self, name: str, *arguments: str) -> Server:
        environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
        self._servers[name] = self._processes.start(
            name, arguments, ready_url=None, environment=environment, stop_seconds=_STOP_SECONDS
        )
        return self._servers[name]

    async def _until(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60 * _MINUTES
        while not await holds():
            for server in self._servers.values():
                if server.process.poll() is not None:
                    raise DemoError(f"{server.name} has ended:\n{tail(server.log)}")
            if time.monotonic() > deadline:
                raise DemoError("the sites were not all connected in time")
            await asyncio.sleep(_EVERY)

    async def _answers(self) -> bool:
        try:
            await self.coordinator.sites()
        except (NodeSilent, EngineRefused):
            return False
        return True

    async def _connected(self, sites: Sequence[Site]) -> bool:
        found = await self.coordinator.sites()
        return all(found[site.name] for site in sites)


def _number(lines: Sequence[str]) -> str:
    """The run's at the coordinator, which the leading site prints first; none yet."""
    numbers = (line.partition(":")[0] for line in lines)
    return next((one for one in numbers if one.isdigit()), "")


def _lines(server: Server) -> list[str]:
    return server.log.read_text(encoding="utf-8", errors="replace").splitlines()
