"""What a supervisor and a coordinator ask of a federated-learning engine: records, no engine.

An engine starts one node per workspace and run inside the sandbox, and runs approved applications
over the nodes that are present. Permits, deliveries, the airlock and the wipe are the supervisor's;
which bundle, roster and least number of sites a node accepts, it is told here and enforces at the
site, whatever the coordinator asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

LEAST_SITES = 3  # below three, a sum of two is each one's own minus the other's


@dataclass(frozen=True, slots=True)
class SiteNode:
    """One site's part in a federation, as its permit has it.

    `run_folder` is new per start and private (0700); `data_folder` is what was staged, seen
    read-only inside the sandbox. `coordinator` is host:port of the one connection that leads out,
    `registrar` the https address of the coordinator's API, and `certificate` the PEM of the
    authority both are checked against. `applications` are SHA-256 hex of permitted bundles.
    `roster` are the `fingerprint`s of every site's Ed25519 identity key, this one's included.
    `configurations` are SHA-256 hex of permitted plans (`plan_text`); None leaves them to the
    application. `sign` signs with that identity key, which never enters the sandbox. `proxy` is
    host:port of an HTTP proxy to CONNECT through, where the site has no other way out. `settled` is
    the file that keeps over which sites sums were opened, one for all starts under an approved
    request; None keeps it for this start. Without `confined` it is a trial outside of any sandbox.
    `terms` is the digest of what may leave: a sum is over sites of the same terms only.
    """

    workspace: str
    run_folder: Path
    data_folder: Path
    coordinator: str
    registrar: str
    certificate: bytes
    applications: frozenset[str]
    roster: tuple[str, ...]
    identity: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)
    least_sites: int = LEAST_SITES
    seconds: int = 3_600
    data_bytes: int = 1 << 30
    memory_bytes: int = 8 << 30
    traffic_bytes: int = 4 << 30
    configurations: frozenset[str] | None = None
    proxy: str = ""
    settled: Path | None = None
    confined: bool = True
    terms: str = ""


class Outcome(StrEnum):
    """How a node ended. Only `stopped` was asked for."""

    STOPPED = "stopped"
    OUT_OF_TIME = "out_of_time"
    OUT_OF_TRAFFIC = "out_of_traffic"
    REFUSED = "refused"  # by the coordinator: its key is not registered (any more)
    FAILED = "failed"


class Node(Protocol):
    """A running node. `public_key` is the engine's own, made for this start; `outcome` is None
    while it runs. `traffic` are bytes sent and received so far, `log` the last lines it wrote,
    which stay at the site."""

    @property
    def running(self) -> bool: ...
    @property
    def public_key(self) -> str: ...
    @property
    def outcome(self) -> Outcome | None: ...
    @property
    def traffic(self) -> tuple[int, int]: ...
    @property
    def log(self) -> str: ...


class Engine(Protocol):
    async def start_node(self, site: SiteNode) -> Node:
        """Raises `EngineAbsent`, `EngineRefused` or `SandboxRefused`; nothing runs then."""
        ...

    async def stop_node(self, node: Node) -> None:
        """Returns when every process of the node is gone and its key with it; the coordinator is
        told, and a silent one does not matter."""
        ...


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # the coordinator ended while it was under way

    @property
    def ended(self) -> bool:
        return self not in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class RunStatus:
    """`round` is the exchange under way and what it is for; `present` and `missing` name sites as
    the federation does, `missing` with the reason of each. `reason` says why a run did not end
    well, `again` is the run that went on in its place, and `resumes` says that one will. `rounds`
    are the last sums that were opened, each with what it was `about` and its number of `sites`, and
    `sums` is how many there were. `budgets` has for each site what its permit
    allows (`bytes` both ways, `until` in epoch seconds) and how many bytes of messages this run
    `used`. Times are epoch seconds, 0 where there is none yet."""

    run: str
    state: RunState
    round: str = ""
    present: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    application: str = ""
    submitted: int = 0
    ended: int = 0
    sums: int = 0
    rounds: tuple[Mapping[str, object], ...] = ()
    budgets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    again: str = ""
    resumes: bool = False

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        told: dict[str, object] = {one.name: getattr(self, one.name) for one in fields(self)}
        lists = {"present": list(self.present), "rounds": list(self.rounds)}
        return {**told, **lists, "state": self.state.value}

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> RunStatus:
        """Reads past members it does not know; raises `KeyError`, `TypeError`, `ValueError`."""
        known: dict[str, Any] = {
            one.name: told[one.name] for one in fields(cls) if one.name in told
        }
        lists: dict[str, Any] = {
            name: tuple(known[name]) for name in ("present", "rounds") if name in known
        }
        return cls(**{**known, **lists, "state": RunState(told["state"])})


class Coordinator(Protocol):
    """Runs are named by the engine. Each call raises `EngineRefused` with the next step."""

    async def submit(
        self, application: Path, *, config: Mapping[str, object], resume: bool = False
    ) -> str:
        """With `resume`, where the coordinator ends under it, it goes on as a new run once the
        coordinator and its sites are there again."""
        ...

    async def status(self, run: str) -> RunStatus: ...
    async def log(self, run: str) -> str: ...
    async def result(self, run: str) -> bytes:
        """The first candidate of `workspaces.airlock.candidates`, as JSON; refused until `done`."""
        ...

    async def results(self, run: str) -> tuple[bytes, ...]:
        """All of them, in the application's order."""
        ...


def plan_text(config: Mapping[str, object]) -> str:
    """A run's configuration in its one form; a permit may name its SHA-256."""
    return json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(identity: bytes) -> str:
    """How a roster names a site: SHA-256 of its raw Ed25519 identity key, in hex."""
    return hashlib.sha256(identity).hexdigest()
