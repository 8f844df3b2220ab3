"""Flower 1.29 as the engine of a site: one node per start, in the sandbox, by processes alone.

    engine = FlowerEngine(environment.find())
    node = await engine.start_node(SiteNode(...))
    ...
    await engine.stop_node(node)

The engine's key is made for each start and registered at the coordinator by the site's identity,
which stays outside of the sandbox. What runs inside is `federated.node`; the port's fields are its
orders, and it refuses what they do not name.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from workspaces.engine import placing, registering
from workspaces.engine.environment import Environment
from workspaces.engine.federated import masking, settled
from workspaces.engine.federated.node import EXIT_REFUSED
from workspaces.engine.federated.roster import Refused, Start
from workspaces.engine.port import Node, Outcome, SiteNode, fingerprint
from workspaces.engine.settling import SettledDoor, SettledSites
from workspaces.engine.way_out import WayOut
from workspaces.errors import EngineRefused, NodeSilent
from workspaces.sandbox import SOCKET, WORKPLACE, Profile, Sandbox, probe

_OUT, _SETTLED, _WORK = "out.sock", "settled.sock", "work"
_MARGIN = 300  # seconds a start's key outlives its node's wall clock: clocks differ


@dataclass(frozen=True, slots=True)
class _Doors:
    """What the sandbox can reach: both end in the supervisor's process."""

    way_out: WayOut
    settled: SettledDoor

    async def open(self) -> None:
        await self.way_out.open()
        await self.settled.open()

    async def close(self) -> None:
        await self.way_out.close()
        await self.settled.close()


class FlowerNode:
    """A started node. Ends by `FlowerEngine.stop_node`, its time, its traffic, or by itself."""

    def __init__(self, site: SiteNode, sandbox: Sandbox, doors: _Doors, *, public_key: str) -> None:
        self.site = site
        self.public_key = public_key
        self.outcome: Outcome | None = None
        self._sandbox = sandbox
        self._doors = doors
        self._watching = asyncio.create_task(self._watch())

    @property
    def running(self) -> bool:
        return self.outcome is None

    @property
    def traffic(self) -> tuple[int, int]:
        return self._doors.way_out.traffic

    @property
    def log(self) -> str:
        return self._sandbox.output.decode(errors="replace")

    async def end(self, outcome: Outcome) -> None:
        self.outcome = self.outcome or outcome
        await self._sandbox.stop()
        await self._doors.close()
        with suppress(asyncio.CancelledError):
            await self._watching

    async def ended(self) -> Outcome:
        """Waits for the end."""
        await asyncio.shield(self._watching)
        assert self.outcome is not None  # noqa: S101 - set by the watch before it returns
        return self.outcome

    async def _watch(self) -> None:
        found = await self._sandbox.ended()
        if self._doors.way_out.spent:
            ended = Outcome.OUT_OF_TRAFFIC
        elif found.out_of_time:
            ended = Outcome.OUT_OF_TIME
        else:
            ended = Outcome.REFUSED if found.code == EXIT_REFUSED else Outcome.FAILED
        self.outcome = self.outcome or ended
        await self._doors.close()


class FlowerEngine:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    async def start_node(self, site: SiteNode) -> FlowerNode:
        if site.confined:
            await asyncio.to_thread(probe)
        inside, work = site.run_folder / "inside", site.run_folder / _WORK
        inside.mkdir(mode=0o700)
        work.mkdir(mode=0o700)
        key = ec.generate_private_key(ec.SECP384R1())
        _write_orders(site, inside, key)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        await asyncio.to_thread(registering.register, site, public)
        doors = _doors(site)
        await doors.open()
        try:
            sandbox = await Sandbox.start(self._profile(site, inside), self._program(inside))
        except BaseException:
            await doors.close()
            await asyncio.to_thread(registering.unregister, site, public)
            raise
        return FlowerNode(site, sandbox, doors, public_key=public)

    async def stop_node(self, node: Node) -> None:
        if not isinstance(node, FlowerNode):
            raise EngineRefused("That node is of another engine.")
        await node.end(Outcome.STOPPED)
        # The key is gone with the sandbox: a coordinator that is away cannot keep the site from
        # stopping, nor anybody use what it still lists.
        with suppress(EngineRefused, NodeSilent):
            await asyncio.to_thread(registering.unregister, node.site, node.public_key)

    def _profile(self, site: SiteNode, inside: Path) -> Profile:
        readable = (inside, site.data_folder, *self._environment.readable)
        return Profile(
            data_bytes=site.data_bytes,
            memory_bytes=site.memory_bytes,
            seconds=site.seconds,
            readable=readable,
            sockets={site.run_folder / _OUT: SOCKET, site.run_folder / _SETTLED: settled.SOCKET},
            environment={
                **placing.QUIET,
                **placing.SINGLE,
                "FLWR_HOME": f"{WORKPLACE}/engine",
                "PYTHONPATH": str(inside / "library"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "SKERRY_SITE": str(inside / "site.json"),
                settled.PLACE: settled.SOCKET,
            },
            trial=None if site.confined else site.run_folder / _WORK,
        )

    def _program(self, inside: Path) -> list[str]:
        named = (inside / "site.json", inside / "authority.pem", inside / "engine.key")
        return placing.program(self._environment, "node", *map(str, named), SOCKET)


def _doors(site: SiteNode) -> _Doors:
    kept = SettledSites(
        site.settled or site.run_folder / "settled.json",
        roster=site.roster,
        me=fingerprint(site.identity),
        least=_least(site),
    )
    way_out = WayOut(
        site.run_folder / _OUT, site.coordinator, most=site.traffic_bytes, proxy=site.proxy
    )
    return _Doors(way_out, SettledDoor(site.run_folder / _SETTLED, kept))


def _least(site: SiteNode) -> int:
    """How many sites a sum is over; raises `EngineRefused` where the permit says too few."""
    try:
        return masking.threshold(roster=len(set(site.roster)), least=site.least_sites)
    except Refused as refusal:
        raise EngineRefused(f"{refusal}. Ask the committee for a permit with more.") from refusal


def _write_orders(site: SiteNode, inside: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """What the node is told: the permit's bounds, a key for this start, its signature."""
    _least(site)
    if fingerprint(site.identity) not in site.roster:
        raise EngineRefused("This workspace is not on its permit's roster.")
    placing.place(inside)
    speaking = Ed25519PrivateKey.generate()
    start = _signed_start(site, speaking)
    orders = {
        "start": asdict(start),
        "key": speaking.private_bytes_raw().hex(),
        "roster": sorted(set(site.roster)),
        "least": site.least_sites,
        "data": str(site.data_folder),
        "traffic": site.traffic_bytes,
        "applications": sorted(site.applications),
        "configurations": None if site.configurations is None else sorted(site.configurations),
    }
    _write(inside / "site.json", json.dumps(orders).encode())
    _write(inside / "authority.pem", site.certificate)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    _write(inside / "engine.key", secret)


def _signed_start(site: SiteNode, key: Ed25519PrivateKey) -> Start:
    public = key.public_key().public_bytes_raw().hex()
    until = int(time.time()) + site.seconds + _MARGIN
    bare = Start(site.identity.hex(), public, until, terms=site.terms)
    return replace(bare, signature=site.sign(bare.signed_bytes()).hex())


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
