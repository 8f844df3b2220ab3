"""A coordinator killed under a run, or left by its engine: nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.engine import engine
from tests.support.federation import keys, raw
from tests.support.loopback import unused_port
from workspaces.engine import bundle, federation
from workspaces.engine.federation import Described, Federation
from workspaces.engine.flower import FlowerEngine, FlowerNode
from workspaces.engine.kept_runs import INTERRUPTED, RESUMES
from workspaces.engine.port import Outcome, RunState, RunStatus, SiteNode
from workspaces.engine.remote import RemoteCoordinator
from workspaces.errors import EngineRefused, NodeSilent

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.program("bwrap")]

SITES = keys(["praha", "tartu", "porto"])
# Two sites never come: the run is under way until somebody ends it.
PLAN: dict[str, object] = {"what": "cross", "wait_seconds": 3_000}
SECONDS = 600  # far more than anything here takes


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def of(tmp_path: Path) -> Federation:
    engine()
    port = unused_port()
    described = Described(name="trial", host="localhost", port=port)
    made = federation.create(tmp_path / "coordinator", described, raw(SITES))
    federation.admit(made, bundle.bundle("summary"))
    return made


@contextmanager
def serving(of: Federation) -> Iterator[subprocess.Popen[bytes]]:
    line = [sys.executable, "-m", "gateway", "federation", "serve", str(of.folder)]
    with subprocess.Popen(
        [*line, "--listen", "127.0.0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert b"sites and people dial" in process.stdout.readline()
            yield process
        finally:
            process.kill()


def coordinator(of: Federation) -> RemoteCoordinator:
    token = federation.new_token(of, "eva")
    address = f"https://localhost:{of.described.port}"
    return RemoteCoordinator(address, token=token, certificate=of.authority)


def site(of: Federation, folder: Path) -> SiteNode:
    folder.mkdir(mode=0o700)
    joined = federation.read_site_bundle(of.folder / "bundles" / "praha.json")
    return SiteNode(
        workspace="praha", run_folder=folder, data_folder=Path("/usr/share"),
        coordinator=joined.coordinator, registrar=joined.registrar,
        certificate=joined.authority.encode(), roster=tuple(joined.roster.values()),
        applications=frozenset({bundle.bundle("summary").digest}),
        identity=SITES["praha"].public_key().public_bytes_raw(), sign=SITES["praha"].sign,
        seconds=3_600,
    )  # fmt: skip


def bundle_name() -> str:
    found = bundle.bundle("summary")
    return f"{found.name} {found.version}"


async def connected(line: RemoteCoordinator, flower: FlowerEngine, one: SiteNode) -> FlowerNode:
    node = await flower.start_node(one)
    async with asyncio.timeout(SECONDS):
        while not (await line.sites())["praha"]:
            assert node.running, node.log
            await asyncio.sleep(0.2)
    return node


async def until_round(line: RemoteCoordinator, run: str) -> RunStatus:
    end = time.monotonic() + SECONDS
    while not (status := await line.status(run)).round:
        assert time.monotonic() < end, status
        await asyncio.sleep(0.2)
    return status


async def test_a_run_under_a_killed_coordinator_was_interrupted_and_its_site_stops(
    of: Federation, tmp_path: Path
) -> None:
    line, flower = coordinator(of), FlowerEngine(engine())
    with serving(of) as first:
        node = await connected(line, flower, site(of, tmp_path / "one"))
        run = await line.submit(Path("summary"), config=PLAN)
        assert (await until_round(line, run)).state is RunState.RUNNING
        first.kill()
    with pytest.raises(NodeSilent):
        await line.status(run)
    with serving(of):
        status = await line.status(run)
        assert (status.state, status.reason) == (RunState.INTERRUPTED, INTERRUPTED)
        assert status.submitted <= status.ended
        assert [one.run for one in await line.runs()] == [run]
        with pytest.raises(EngineRefused, match="it is interrupted"):
            await line.results(run)
        # The coordinator that is there now does not know the site's key: the site hears so.
        async with asyncio.timeout(SECONDS):
            assert await node.ended() is Outcome.REFUSED, node.log
        again = await connected(line, flower, site(of, tmp_path / "two"))
        other = await line.again(run)
        assert other != run
        assert (await until_round(line, other)).state is RunState.RUNNING
        await line.stop(other)
        assert (await line.status(other)).state is RunState.STOPPED
        shown = [one.application for one in await line.runs()]
        assert shown == [bundle_name(), bundle_name()]
        await flower.stop_node(again)


async def test_a_run_that_is_to_go_on_does_so_when_its_site_is_there_again(
    of: Federation, tmp_path: Path
) -> None:
    line, flower = coordinator(of), FlowerEngine(engine())
    with serving(of) as first:
        node = await connected(line, flower, site(of, tmp_path / "one"))
        run = await line.submit(Path("summary"), config=PLAN, resume=True)
        await until_round(line, run)
        first.kill()
    # As it would be where the first round had been over this site.
    (of.folder / "runs" / run / "status.json").write_text('{"present": ["praha"]}')
    with serving(of):
        status = await line.status(run)
        assert (status.state, status.resumes, status.again) == (RunState.INTERRUPTED, True, "")
        assert status.reason == RESUMES
        async with asyncio.timeout(SECONDS):
            assert await node.ended() is Outcome.REFUSED, node.log
        again = await flower.start_node(site(of, tmp_path / "two"))
        other = await until_resumed(line, run)
        assert (await until_round(line, other)).state is RunState.RUNNING
        assert len(await line.runs()) == 2
        await line.stop(other)
        await flower.stop_node(again)


async def until_resumed(line: RemoteCoordinator, run: str) -> str:
    end = time.monotonic() + SECONDS
    while not (status := await line.status(run)).again:
        assert time.monotonic() < end, status
        await asyncio.sleep(0.2)
    assert not status.resumes
    return status.again


async def test_a_run_that_is_to_go_on_can_be_stopped_before_it_does(of: Federation) -> None:
    line = coordinator(of)
    with serving(of) as first:
        run = await line.submit(Path("summary"), config=PLAN, resume=True)
        first.kill()
    with serving(of):
        assert (await line.status(run)).resumes
        await line.stop(run)
        status = await line.status(run)
        assert (status.state, status.resumes, status.again) == (RunState.INTERRUPTED, False, "")
        assert "stopped before it went on" in status.reason


async def test_a_coordinator_whose_engine_ended_ends_and_says_so(of: Federation) -> None:
    line = coordinator(of)
    with serving(of) as first:
        run = await line.submit(Path("summary"), config=PLAN)
        link = min(processes(str(of.folder), "federated.link"))  # before what it forks
        os.kill(link, signal.SIGKILL)
        assert await asyncio.to_thread(first.wait, SECONDS) != 0
        assert first.stderr is not None
        assert b"The engine ended by itself" in first.stderr.read()
    with serving(of):
        assert (await line.status(run)).state is RunState.INTERRUPTED


def processes(*words: str) -> list[int]:
    """Those whose command line has all of the words."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    )
    lines = [line for line in listed.stdout.splitlines() if all(word in line for word in words)]
    return [int(line.split()[0]) for line in lines]
