"""The applications through the real engine: sandboxed nodes on loopback, secure sums, TLS.

What comes back equals the same analysis of everybody's rows in one place.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pytest_socket import enable_socket, socket_allow_hosts

from tests.support.federation import Running, running, write_site
from workspaces.airlock import candidates
from workspaces.analysis import cohort, rounds
from workspaces.analysis.design import Design
from workspaces.analysis.gwas import Gwas, Trait
from workspaces.engine import registering
from workspaces.engine.federation import Role, new_token
from workspaces.engine.port import Outcome, RunState, fingerprint
from workspaces.errors import EngineRefused
from workspaces.flapps import panel, reading

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.program("bwrap")]

SITES = ["praha", "tartu", "porto", "ljubljana"]
PEOPLE = dict(zip(SITES, (60, 50, 70, 40), strict=True))
PLAN = {"trait": "height", "covariates": ["age", "sex"]}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The last site has no sex, so it takes part with zeros."""
    top = tmp_path_factory.mktemp("staged")
    return {
        name: write_site(
            top / name, people=PEOPLE[name], variants=120, seed=number, name=name,
            missing=0.02, without="sex" if name == "ljubljana" else "",
        )
        for number, name in enumerate(SITES)
    }  # fmt: skip


@pytest.fixture(scope="module")
async def federation(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Path]
) -> AsyncIterator[Running]:
    enable_socket()  # this fixture is made before those of its first test
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"])
    folder = tmp_path_factory.mktemp("federation")
    async with running(folder, data, applications=["gwas", "summary"]) as made:
        yield made


def pooled(
    data: dict[str, Path],
    scratch: Path,
    *,
    kind: Trait,
    trait: str,
    names: list[str],
    told_by: list[str] | None = None,
) -> dict[str, Any]:
    """One design of everybody's rows; nothing is summed, masked or sent."""
    held = {}
    for name in told_by or names:
        (scratch / name).mkdir(parents=True)
        held[name] = reading.read_genotypes(data[name], scratch / name)
    told = panel.agree({name: panel.offer(one, {}) for name, one in held.items()}, least_sites=1)
    designs = [
        cohort.design_of(
            reading.clinical(data[name]), *panel.harmonised(told, data[name], scratch / name),
            trait=trait, covariates=["age", "sex"],
        )
        for name in names
    ]  # fmt: skip
    together = Design(
        np.concatenate([one.phenotype for one in designs]),
        np.concatenate([one.covariates for one in designs]),
        np.concatenate([one.dosages for one in designs]),
    )
    variants = panel.names(told)
    found = rounds.run(Gwas(kind, len(variants), 2), [together])
    return found.document(variants, trait=trait)


def furthest(found: bytes, expected: dict[str, Any], *members: str) -> float:
    ours, theirs = json.loads(found)["variants"], expected["variants"]
    assert [one["allele"] for one in ours] == [one["allele"] for one in theirs]
    assert [one["people"] for one in ours] == [one["people"] for one in theirs]
    apart: list[float] = [
        abs(one[name] - other[name])
        for one, other in zip(ours, theirs, strict=True)
        for name in members
    ]
    return max(apart)


async def test_a_linear_study_equals_the_pooled_one(
    federation: Running, data: dict[str, Path], tmp_path: Path
) -> None:
    status = await federation.run("gwas", **PLAN)
    assert (status.state, status.missing) == (RunState.DONE, {})
    assert status.present == tuple(sorted(SITES))
    found = await federation.coordinator.result(status.run)
    expected = pooled(data, tmp_path, kind=Trait.QUANTITATIVE, trait="height", names=SITES)
    assert len(expected["variants"]) > 100
    assert furthest(found, expected, "beta", "standard_error", "p") < 1e-9
    read = candidates.read(found)
    assert isinstance(read, candidates.GwasSummary)
    assert min(read.variants, key=lambda one: one.p).allele == "chr1-1000-A-G"


async def test_whoever_looks_on_hears_of_every_round_and_of_what_each_site_allows(
    federation: Running,
) -> None:
    token = new_token(federation.of, "portal", role=Role.VIEW)
    port = federation.of.described.port
    trusting = registering.trusting(federation.of.authority)
    run = await federation.coordinator.submit(federation.applications["gwas"], config=PLAN)
    async with httpx.AsyncClient(
        base_url=f"https://localhost:{port}", verify=trusting, timeout=300,
        headers={"Authorization": f"Bearer {token}"},
    ) as line:  # fmt: skip
        async with line.stream("GET", f"/runs/{run}/events") as news:
            lines = [told async for told in news.aiter_lines()]
        (described,) = (await line.get("/federations")).json()["federations"]
    last = [json.loads(told[6:]) for told in lines if told.startswith("data: ")][-1]
    assert last == (await federation.coordinator.status(run)).document()
    assert (last["state"], last["sums"]) == ("done", len(last["rounds"]))
    assert last["sums"] > 0
    assert {one["sites"] for one in last["rounds"]} == {len(SITES)}
    assert last["submitted"] <= last["ended"]
    assert last["application"].startswith("gwas ")
    for name, site in federation.sites.items():
        budget = last["budgets"][name]
        assert budget["bytes"] == site.traffic_bytes
        assert 0 < budget["used"] < sum(federation.nodes[name].traffic)
        assert budget["until"] > last["ended"]
    assert described["sites"] == dict.fromkeys(SITES, True)
    assert {one["name"] for one in described["applications"]} == {"gwas", "summary"}


async def test_a_logistic_study_equals_the_pooled_one(
    federation: Running, data: dict[str, Path], tmp_path: Path
) -> None:
    status = await federation.run("gwas", **{**PLAN, "trait": "case", "kind": "binary"})
    assert status.state is RunState.DONE, status.reason
    expected = pooled(data, tmp_path, kind=Trait.BINARY, trait="case", names=SITES)
    found = await federation.coordinator.result(status.run)
    assert furthest(found, expected, "beta", "standard_error", "p") < 1e-6


CROSS = {
    "what": "cross", "row": "case", "column": "sex",
    "rows": {"0": "control", "1": "case"}, "columns": {"0": "female", "1": "male"},
}  # fmt: skip


async def test_counts_by_two_variables_are_those_of_all_people(federation: Running) -> None:
    status = await federation.run("summary", **CROSS)
    assert status.state is RunState.DONE, status.reason
    table = json.loads(await federation.coordinator.result(status.run))
    assert sum(map(sum, table["cells"])) == sum(PEOPLE.values()) - PEOPLE["ljubljana"]


async def test_a_site_that_drops_out_under_the_mask_leaves_the_pooled_answer_of_the_others(
    federation: Running, data: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(data["porto"], broken)
    rows = (broken / "clinical.tsv").read_text().splitlines()
    cells = rows[1].split("\t")
    cells[3] = "1e200"  # too large for any limb: its answer cannot be made
    (broken / "clinical.tsv").write_text("\n".join([rows[0], "\t".join(cells), *rows[2:]]) + "\n")
    # Sums under one permit are over the same sites: another permit for these, and for what follows.
    await everybody_again(federation)
    await again(federation, "porto", data_folder=broken)
    status = await federation.run("gwas", **PLAN)
    assert status.missing == {"porto": "the application failed here"}
    names = [name for name in SITES if name != "porto"]
    found = json.loads(await federation.coordinator.result(status.run))
    assert found["sites"] == 3
    (tmp_path / "pooled").mkdir()
    expected = pooled(
        data,
        tmp_path / "pooled",
        kind=Trait.QUANTITATIVE,
        trait="height",
        names=names,
        told_by=SITES,
    )
    assert furthest(json.dumps(found).encode(), expected, "beta", "standard_error", "p") < 1e-9
    await everybody_again(federation)


async def test_what_a_permit_does_not_name_is_refused_before_data_are_read(
    federation: Running,
) -> None:
    # There is no table in that folder: had its data been looked at, the refusal would say so.
    elsewhere = Path("/usr/bin")
    other = frozenset({"0" * 64})
    await again(federation, "tartu", applications=other, data_folder=elsewhere)
    await again(federation, "praha", configurations=other, data_folder=elsewhere)
    status = await federation.run("summary", **CROSS)
    assert status.missing == {
        "tartu": "this application is not permitted here",
        "praha": "this configuration is not permitted here",
    }
    assert status.state is RunState.FAILED
    assert status.reason.startswith("2 of 3 sites are left; nothing was opened.")
    with pytest.raises(EngineRefused, match="has no result"):
        await federation.coordinator.result(status.run)


async def test_a_roster_without_a_peer_and_a_stopped_site_leave_too_few(
    federation: Running,
) -> None:
    await again(federation, "praha")
    mine = fingerprint(federation.sites["tartu"].identity)
    await again(federation, "tartu", roster=(mine, "1" * 64, "2" * 64))
    node = federation.nodes["porto"]
    await federation.engine.stop_node(node)
    assert (node.running, node.outcome) == (False, Outcome.STOPPED)
    status = await federation.run("summary", wait_seconds=2, **CROSS)
    assert status.missing == {
        "tartu": "a peer is not on the permit's roster",
        "porto": "not connected",
    }
    assert status.state is RunState.FAILED


async def again(federation: Running, name: str, **permit: Any) -> None:
    """The site under another permit."""
    await federation.engine.stop_node(federation.nodes[name])
    await federation.start(name, **permit)


async def everybody_again(federation: Running) -> None:
    await asyncio.gather(*(again(federation, name) for name in SITES))


async def test_a_key_the_coordinator_no_longer_knows_ends_its_node(
    federation: Running,
) -> None:
    node = federation.nodes["ljubljana"]
    mine = fingerprint(federation.sites["ljubljana"].identity)
    known = await federation.link.node_of(mine)
    assert known is not None
    await federation.link.unregister_node(known)
    async with asyncio.timeout(600):
        assert await node.ended() is Outcome.REFUSED
    assert (await federation.coordinator.sites())["ljubljana"] is False
