"""The engine at the coordinator: its processes, and what is asked of them.

    async with Superlink.started(federation, environment.find()) as link:
        run = await link.submit(Path("gwas"), config={...})
        status = await link.status(run)

All its ports are on loopback. The one that sites dial is reached through `front`; at the two others
the engine knows no users: whom they serve is decided before, by `coordinator_api`.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shlex
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from schemas.errors import NotFound
from workspaces.engine import bundle, placing
from workspaces.engine.environment import Environment
from workspaces.engine.federation import Federation
from workspaces.engine.following import Following
from workspaces.engine.kept_runs import MAX_RESUMES, KeptRuns
from workspaces.engine.port import RunState, RunStatus, plan_text
from workspaces.engine.resuming import resuming
from workspaces.errors import EngineRefused, NodeSilent

_START_SECONDS = 300
_ANSWER_SECONDS = 60
_MAX_LINE = 8 << 20
MAX_PLAN = 256 * 1024


class Superlink:
    """Implements `Coordinator`, and what the API needs besides. `following` knows what is new."""

    def __init__(self, federation: Federation, environment: Environment) -> None:
        self._federation = federation
        self._environment = environment
        self._kept = KeptRuns(federation.folder / "runs")
        self.following = Following(self.status)
        self._turn = asyncio.Lock()
        self._number = 0  # of the question asked last
        self._link: asyncio.subprocess.Process | None = None
        self._control: asyncio.subprocess.Process | None = None
        self._held: BinaryIO | None = None
        self._ports: list[socket.socket] = []
        self.nodes_port = 0

    @classmethod
    @asynccontextmanager
    async def started(
        cls, federation: Federation, environment: Environment
    ) -> AsyncIterator[Superlink]:
        made = cls(federation, environment)
        try:
            await made._start()
            async with made.following.going_on(), resuming(made._kept, made.sites, made.again):
                yield made
        finally:
            await made._end()

    async def _start(self) -> None:
        folder = self._federation.folder
        self._hold(folder)
        # The engine that starts knows nothing of the one before it: neither its nodes, whose keys
        # it refuses so that their sites stop and wipe, nor its runs.
        self._write_nodes({})
        self._kept.interrupt_open(now=int(time.time()))
        library = placing.place(folder / "engine")
        _write_programs(folder / "engine" / "bin", self._environment)
        self.nodes_port, inner, runs = (self._held_port() for _ in range(3))
        environment = {
            **placing.QUIET,
            **placing.SINGLE,
            "PATH": f"{folder / 'engine' / 'bin'}:{self._environment.folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder / "engine"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(library),
            "FLWR_HOME": str(folder / "engine"),
            "SKERRY_FEDERATION": str(folder),
        }
        program = placing.program(
            self._environment, "link", str(os.getpid()),
            "--ssl-ca-certfile", str(folder / "authority.pem"),
            "--ssl-certfile", str(folder / "server.pem"),
            "--ssl-keyfile", str(folder / "server.key"),
            "--enable-supernode-auth",
            "--fleet-api-address", f"127.0.0.1:{self.nodes_port}",
            "--serverappio-api-address", f"127.0.0.1:{inner}",
            "--control-api-address", f"127.0.0.1:{runs}",
        )  # fmt: skip
        with (folder / "engine" / "link.log").open("ab") as log:
            self._link = await asyncio.create_subprocess_exec(
                *program, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment, start_new_session=True,
            )  # fmt: skip
        await self._wait_for(runs)
        self._control = await asyncio.create_subprocess_exec(
            *placing.program(
                self._environment, "control", f"127.0.0.1:{runs}", str(folder / "authority.pem")
            ),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=environment, start_new_session=True, limit=_MAX_LINE,
        )  # fmt: skip

    def _hold(self, folder: Path) -> None:
        """One coordinator per folder: a second one would end the first one's runs."""
        self._held = (folder / "serving").open("ab")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._held.close()
            raise EngineRefused(f"Another process serves {folder.name} already.") from error

    async def _wait_for(self, port: int) -> None:
        for _ in range(_START_SECONDS * 10):
            if self._link is None or self._link.returncode is not None:
                break
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.1)
        raise EngineRefused(
            "The engine did not start; its words are in engine/link.log of the federation's folder."
        )

    async def _end(self) -> None:
        for process in (self._control, self._link):
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                await process.wait()
        for port in self._ports:
            port.close()
        if self._held is not None:
            self._held.close()

    def _held_port(self) -> int:
        """Nobody else is lent it before the engine listens there, see `waiting.held_for_it`."""
        port = socket.socket()
        self._ports.append(port)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        port.bind(("127.0.0.1", 0))
        return int(port.getsockname()[1])

    async def ended_or(self, told: asyncio.Event) -> None:
        """Waits until `told`; raises `EngineRefused` where the engine ends before. Whoever started
        this then ends too and is started again, which says of each run what became of it."""
        engine = [asyncio.ensure_future(one.wait()) for one in (self._link, self._control) if one]
        asked = asyncio.ensure_future(told.wait())
        try:
            await asyncio.wait([asked, *engine], return_when=asyncio.FIRST_COMPLETED)
            if not told.is_set():
                raise EngineRefused("The engine ended by itself; its words are in engine/link.log.")
        finally:
            for one in (asked, *engine):
                one.cancel()

    async def register_node(self, site: str, public_key: str) -> str:
        """The node of this site's present start; that of an earlier one ends."""
        for node, owner in self._nodes().items():
            if owner == site:
                await self.unregister_node(node)
        node = str(await self._asked("register", public_key))
        self._write_nodes({**self._nodes(), node: site})
        return node

    async def unregister_node(self, node: str) -> None:
        known = self._nodes()
        if known.pop(node, None) is not None:
            self._write_nodes(known)
            with suppress(EngineRefused):  # it is gone already
                await self._asked("unregister", node)

    async def sites(self) -> dict[str, bool]:
        """Every site of the federation by name, and whether it is connected now."""
        told = {one["node"] for one in await self._asked("nodes") if one["status"] == "online"}
        here = {site for node, site in self._nodes().items() if node in told}
        return {name: site in here for site, name in self._federation.sites.items()}

    async def node_of(self, site: str) -> str | None:
        return next((node for node, owner in self._nodes().items() if owner == site), None)

    async def submit(
        self, application: Path, *, config: Mapping[str, object], resume: bool = False
    ) -> str:
        found = bundle.bundle(application)
        plan = plan_text(config)
        if len(plan) > MAX_PLAN:
            raise EngineRefused(f"A configuration may have {MAX_PLAN} letters.")
        name, resumes = f"{found.name} {found.version}", MAX_RESUMES if resume else 0
        return await self._begin(name, found.digest, plan, resumes=resumes)

    async def again(self, run: str) -> str:
        """The same application and plan as a new run, where this one has ended without a result.
        What its sites were permitted, and over whom they sum, is as it was."""
        status = await self.status(run)
        if not status.state.ended or status.state is RunState.DONE:
            raise EngineRefused(
                f"Run {run} is {status.state}: only one that ended early goes again."
            )
        name, digest, plan = self._kept.submitted(_number(run))
        if not digest:
            raise EngineRefused(f"Nothing is kept of how run {run} was submitted: submit it anew.")
        left = max(0, self._kept.resumes(run) - 1)
        return await self._begin(name, digest, plan, resumes=left, instead_of=run)

    async def _begin(
        self, name: str, digest: str, plan: str, *, resumes: int, instead_of: str = ""
    ) -> str:
        place = self._federation.admitted(digest)
        if place is None:
            raise EngineRefused(
                f"{name} {digest[:16]} is not admitted here: "
                "`skerry federation admit` it after the committees' review."
            )
        run = str(await self._asked("submit", str(place), digest, plan))
        now = int(time.time())
        self._kept.begin(
            run, application=name, now=now, digest=digest, plan=plan, resumes=resumes,
            instead_of=instead_of,
        )  # fmt: skip
        self.following.add(run)
        return run

    async def status(self, run: str) -> RunStatus:
        """Keeps a run's end when it is seen first: the engine forgets, and may be another one."""
        number = _number(run)
        self._status(number, RunState.WAITING)
        if not self._kept.ended(number):
            told = await self._asked("run", number)
            state = _state(told, done=self._kept.has_result(number))
            if not state.ended:
                return self._status(number, state)
            reason = self._status(number, state, told["details"]).reason
            self._kept.end(number, state, reason=reason, now=int(time.time()))
        return self._status(number, RunState.WAITING)

    async def runs(self) -> tuple[RunStatus, ...]:
        """The newest first."""
        return tuple([await self.status(run) for run in self._kept.newest()])

    def _status(self, run: str, state: RunState, reason: str = "") -> RunStatus:
        found = self._kept.status(run, state, reason)
        if found is None:
            raise NotFound("There is no run of that number here.")
        return found

    async def log(self, run: str) -> str:
        return str(await self._asked("log", _number(run)))

    async def result(self, run: str) -> bytes:
        return (await self.results(run))[0]

    async def results(self, run: str) -> tuple[bytes, ...]:
        status = await self.status(run)
        if status.state is not RunState.DONE:
            raise EngineRefused(f"Run {run} has no result: it is {status.state}. {status.reason}")
        written = self._kept.candidates(_number(run))
        if not written:
            raise EngineRefused(f"Run {run} ended without anything that could be offered.")
        return tuple(json.dumps(one).encode() for one in written)

    async def stop(self, run: str) -> None:
        if self._kept.waits_to_resume(_number(run)):
            self._kept.leave(run, reason="it was stopped before it went on")
            return
        await self._asked("stop", _number(run))

    def _nodes(self) -> dict[str, str]:
        return dict(json.loads((self._federation.folder / "nodes.json").read_bytes()))

    def _write_nodes(self, nodes: Mapping[str, str]) -> None:
        place = self._federation.folder / "nodes.json"
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(nodes), encoding="ascii")
        fresh.replace(place)

    async def _asked(self, name: str, *given: str) -> Any:
        """The engine's answer; raises `EngineRefused` with its words."""
        control = self._control
        if control is None or control.stdin is None or control.stdout is None:
            raise NodeSilent("The engine is not running.")
        async with self._turn:
            self._number += 1
            question = json.dumps([self._number, name, *given]).encode() + b"\n"
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    control.stdin.write(question)
                    await control.stdin.drain()
                    answer = await _answer_to(self._number, control.stdout)
            except (OSError, TimeoutError, ValueError) as error:
                raise NodeSilent("The engine does not answer.") from error
        if answer is None:
            raise NodeSilent("The engine has ended; its words are in engine/link.log.")
        if "error" in answer:
            raise EngineRefused(f"The engine said: {answer['error']}"[:500])
        return answer["answer"]


async def _answer_to(number: int, lines: asyncio.StreamReader) -> dict[str, Any] | None:
    """Past the answers to questions that nobody waits for any more; None at the end."""
    while line := await lines.readline():
        answer: dict[str, Any] = json.loads(line)
        if answer["to"] == number:
            return answer
    return None


def _state(told: Mapping[str, Any], *, done: bool) -> RunState:
    match told["status"], told["sub_status"]:
        case "finished", "completed":
            return RunState.DONE if done else RunState.FAILED
        case "finished", "stopped":
            return RunState.STOPPED
        case "finished", _:
            return RunState.FAILED
        case "running", _:
            return RunState.RUNNING
        case _:
            return RunState.WAITING


def _number(run: str) -> str:
    if not run.isascii() or not run.isdigit() or len(run) > 20:
        raise EngineRefused("A run is named by its number.")
    return run


def _write_programs(folder: Path, environment: Environment) -> None:
    """First on the engine's PATH: in place of its own program, ours, which admits bundles."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "flwr-serverapp"
    words = shlex.join(placing.program(environment, "serverapp"))
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o700)
