"""A whole federation on loopback: a real coordinator, real engine nodes, each in its sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.engine import engine
from tests.support.loopback import unused_port
from tests.support.slow_links import far_away
from workspaces.engine import bundle, federation
from workspaces.engine.coordinator_api import serving
from workspaces.engine.federation import Described, Federation
from workspaces.engine.flower import FlowerEngine, FlowerNode
from workspaces.engine.port import RunStatus, SiteNode
from workspaces.engine.remote import RemoteCoordinator, wait
from workspaces.engine.superlink import Superlink


@dataclass
class Running:
    of: Federation
    link: Superlink
    engine: FlowerEngine
    coordinator: RemoteCoordinator
    sites: dict[str, SiteNode]
    nodes: dict[str, FlowerNode]
    applications: dict[str, Path]  # as admitted: sources may change meanwhile

    async def start(self, name: str, **changes: Any) -> FlowerNode:
        """Starts a site, or starts it again, as its permit was changed."""
        folder = self.sites[name].run_folder.parent
        fresh = folder / f"run{len(list(folder.iterdir()))}"
        fresh.mkdir(mode=0o700)
        site = replace(self.sites[name], run_folder=fresh, **changes)
        self.nodes[name] = await self.engine.start_node(site)
        async with asyncio.timeout(600):
            while not (await self.coordinator.sites())[name]:
                assert self.nodes[name].running, self.nodes[name].log
                await asyncio.sleep(0.1)
        return self.nodes[name]

    async def run(self, application: str, **plan: object) -> RunStatus:
        waiting = {"wait_seconds": 300, "stage_seconds": 600}  # a busy machine takes its time
        run = await self.coordinator.submit(
            self.applications[application], config={**waiting, **plan}
        )
        return await wait(self.coordinator, run, seconds=1_800, every=0.1)


def keys(names: list[str]) -> dict[str, Ed25519PrivateKey]:
    return {name: Ed25519PrivateKey.generate() for name in names}


def raw(identities: Mapping[str, Ed25519PrivateKey]) -> dict[str, bytes]:
    return {name: key.public_key().public_bytes_raw() for name, key in identities.items()}


@asynccontextmanager
async def running(
    folder: Path,
    data: Mapping[str, Path],
    *,
    applications: list[str | Path],
    start: bool = True,
    away: float = 0.0,
) -> AsyncIterator[Running]:
    """A federation of the sites in `data`, whose permits name these applications; each is `away`
    seconds there and back from the coordinator."""
    environment = engine()
    identities = keys(list(data))
    port = unused_port()
    described = Described(name="trial", host="localhost", port=port)
    of = federation.create(folder / "coordinator", described, raw(identities))
    bundles = [bundle.bundle(one) for one in applications]
    admitted = {one.name: federation.admit(of, one) for one in bundles}
    links = AsyncExitStack()
    seen = await links.enter_async_context(far_away(port, seconds=away)) if away else port
    sites = {}
    for name, key in identities.items():
        joined = federation.read_site_bundle(of.folder / "bundles" / f"{name}.json")
        place = folder / name / "run"
        place.mkdir(parents=True, mode=0o700)
        sites[name] = SiteNode(
            workspace=name,
            run_folder=place,
            data_folder=data[name],
            coordinator=joined.coordinator.replace(f":{port}", f":{seen}"),
            registrar=joined.registrar.replace(f":{port}", f":{seen}"),
            certificate=joined.authority.encode(),
            applications=frozenset(one.digest for one in bundles),
            roster=tuple(joined.roster.values()),
            identity=key.public_key().public_bytes_raw(),
            sign=key.sign,
            seconds=3_600,
        )
    async with links, serving(of, environment, listen="127.0.0.1") as link:
        token = federation.new_token(of, "researcher")
        address = f"https://localhost:{port}"
        coordinator = RemoteCoordinator(address, token=token, certificate=of.authority)
        made = Running(of, link, FlowerEngine(environment), coordinator, sites, {}, admitted)
        try:
            if start:
                await asyncio.gather(*(made.start(name) for name in sites))
            yield made
        finally:
            for node in made.nodes.values():
                await made.engine.stop_node(node)


def write_site(
    folder: Path,
    *,
    people: int,
    variants: int,
    seed: int,
    name: str,
    without: str = "",
    missing: float = 0.0,
    contig: str = "chr1",
) -> Path:
    """A site's staged data: genotypes with a planted hit at the first variant, and a table."""
    folder.mkdir(parents=True)
    source = np.random.default_rng(seed)
    common = np.random.default_rng(0).uniform(0.1, 0.9, variants)
    dosages = source.binomial(2, common, (people, variants))
    absent = source.random((people, variants)) < missing
    age, sex = source.integers(20, 80, people), source.integers(0, 2, people)
    trait = 0.6 * dosages[:, 0] + 0.02 * age + 0.3 * sex + source.normal(0, 1, people)
    columns = {"age": age, "sex": sex, "height": trait.round(6), "case": (trait > 2).astype(int)}
    columns = {key: value for key, value in columns.items() if key != without}
    names = [f"{name}{number}" for number in range(people)]
    rows = zip(names, *columns.values(), strict=True)
    table = ["\t".join(["person", *columns]), *("\t".join(map(str, row)) for row in rows)]
    (folder / "clinical.tsv").write_text("\n".join(table) + "\n")
    calls = np.array(["0/0", "0/1", "1/1"])[dosages]
    calls[absent] = "./."
    head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(names)
    lines = [
        f"{contig}\t{1_000 + 10 * number}\t.\tA\tG\t.\tPASS\t.\tGT\t" + "\t".join(calls[:, number])
        for number in range(variants)
    ]
    meta = ["##fileformat=VCFv4.5", f"##contig=<ID={contig}>",
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']  # fmt: skip
    (folder / "genotypes.vcf").write_text("\n".join([*meta, head, *lines]) + "\n")
    return folder
