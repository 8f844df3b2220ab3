"""Runs an application over synthetic sites, here and without a federation, in the sandbox.

    made = twins.make(folder / "sites", shape, sites=3, seed=0)
    found = await rehearse(bundle, plan, made, folder=folder, environment=environment.find())

The sandbox is the one of a real run with less: no coordinator, and one socket that takes what the
run gave (`engine.federated.rehearsal`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workspaces.engine import placing
from workspaces.engine.bundle import Bundle
from workspaces.engine.environment import Environment
from workspaces.engine.federated import rehearsal
from workspaces.errors import ApplicationInvalid
from workspaces.sandbox import Profile, Sandbox, probe

MAX_RESULT = 256 << 20
MAX_LOG = 1 << 20
DATA_BYTES = 4 << 30
MEMORY_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`reason` is empty where the run came to its end; `log` is all that was written, of twins."""

    candidates: tuple[bytes, ...]
    reason: str
    log: str
    missing: Mapping[str, str] = field(default_factory=dict)
    rounds: tuple[Mapping[str, object], ...] = ()
    sums: int = 0
    sent: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    memory: int = 0


async def rehearse(
    application: Bundle,
    plan: Mapping[str, object],
    sites: Sequence[Path],
    *,
    folder: Path,
    environment: Environment,
    seconds: float = 600,
) -> Rehearsed:
    """`folder` is private and there already. Raises `SandboxRefused` where nothing may run."""
    await asyncio.to_thread(probe)
    inside = folder / "inside"
    inside.mkdir(mode=0o700)
    library = placing.place(inside)
    (inside / "application.fab").write_bytes(application.content)
    orders = {
        "bundle": str(inside / "application.fab"),
        "plan": dict(plan),
        "sites": [str(one) for one in sites],
    }
    (inside / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    taken = _Taken(folder / "result.sock")
    profile = Profile(
        data_bytes=DATA_BYTES,
        memory_bytes=MEMORY_BYTES,
        seconds=seconds,
        readable=(inside, *sites, *environment.readable),
        sockets={taken.socket: rehearsal.SOCKET},
        environment={
            **placing.QUIET,
            **placing.SINGLE,
            "PYTHONPATH": str(library),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    program = placing.program(environment, "rehearsal", str(inside / "orders.json"))
    async with taken:
        sandbox = await Sandbox.start(profile, program)
        ended = await sandbox.ended(most_output=MAX_LOG)
        log = ended.output.decode(errors="replace")
    if ended.out_of_time:
        return Rehearsed((), f"it has not ended within {seconds:.0f} s", log)
    if ended.code != 0:
        return Rehearsed((), f"its process ended with code {ended.code}", log)
    return _read(taken.content, log)


def _read(raw: bytes, log: str) -> Rehearsed:
    """What comes out of the sandbox is an application's word: it is read, never believed."""
    try:
        told: dict[str, Any] = json.loads(raw)
        return Rehearsed(
            candidates=tuple(json.dumps(one).encode() for one in told["candidates"]),
            reason=str(told["reason"]),
            log=log,
            missing={str(name): str(why) for name, why in told["missing"].items()},
            rounds=tuple(dict(one) for one in told["rounds"]),
            sums=int(told["sums"]),
            sent={str(name): int(size) for name, size in told["sent"].items()},
            seconds=float(told["seconds"]),
            memory=int(told["memory"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ApplicationInvalid("The application's process gave nothing readable.") from error


class _Taken:
    """Listens while it is entered; keeps the first MAX_RESULT bytes that one caller sends."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.content = b""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_unix_server(self._met, str(self.socket))

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()  # since Python 3.12 to wait for it is to wait for its callers

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = bytearray()
        with suppress(OSError):
            while len(content) <= MAX_RESULT and (part := await reader.read(1 << 20)):
                content += part
        self.content = self.content or bytes(content[:MAX_RESULT])
        writer.close()
