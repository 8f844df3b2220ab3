"""Slicers of a user of their own: answered at the door by who they are, and asked in turn."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from access.errors import RecordUnavailable
from schemas.errors import SkerryError
from schemas.grants import Permit
from streams.agent_doors import AgentServer, KeyDoor
from streams.agent_wire import RewrapRequest
from streams.errors import AgentUnavailable
from streams.slicer import Slicer, SlicerServer, ask_at
from streams.slicer_client import Slicers
from streams.slicer_wire import PlanRequest
from streams.slices.chart import Region
from tests.support import slice_files
from tests.support.release_node import ReleaseNode

pytestmark = pytest.mark.anyio
ASKED = Region("chr1", 0, 200_000_000)


@pytest.fixture
def sliced(node: ReleaseNode, tmp_path: Path) -> ReleaseNode:
    reads = slice_files.write(tmp_path, "BAM", records=200)
    assert node.seal(reads.read_bytes(), "made-BAM").sliceable
    return node


def plan(node: ReleaseNode) -> PlanRequest:
    asked = node.entitled("made-BAM")
    permit = node.permits.issue(
        researcher=asked.researcher, decision=asked.decision, dataset="ds1",
        objects=("made-BAM",), workspace=asked.workspace, byte_budget=10**9, now=node.clock(),
    )  # fmt: skip
    return PlanRequest(
        permit=permit,
        object_id="made-BAM",
        recipient=base64.b64encode(asked.workspace.public_key).decode(),
        regions=((ASKED.name, ASKED.start0, ASKED.end0),),
    )


async def test_a_slicer_of_the_named_user_gets_keys(sliced: ReleaseNode, tmp_path: Path) -> None:
    door = KeyDoor(tmp_path / "k.sock", os.getuid())
    server = await door.open(sliced.agent(), clock=sliced.clock)
    async with server:
        slicer = Slicer(sliced.vault, ask_at(door.path), clock=sliced.clock)
        for _ in range(2):
            made = await anyio.to_thread.run_sync(slicer.plan, plan(sliced))
            assert made.size > 0


async def test_any_other_user_gets_none(sliced: ReleaseNode, tmp_path: Path) -> None:
    door = KeyDoor(tmp_path / "k.sock", os.getuid() + 1)
    server = await door.open(sliced.agent(), clock=sliced.clock)
    async with server:
        slicer = Slicer(sliced.vault, ask_at(door.path), clock=sliced.clock)
        with pytest.raises(AgentUnavailable):
            await anyio.to_thread.run_sync(slicer.plan, plan(sliced))


async def test_without_an_agent_there_are_no_slices(sliced: ReleaseNode, tmp_path: Path) -> None:
    slicer = Slicer(sliced.vault, ask_at(tmp_path / "absent.sock"), clock=sliced.clock)
    with pytest.raises(AgentUnavailable):
        slicer.plan(plan(sliced))


@pytest.mark.parametrize(("for_group", "mode"), [(False, 0o600), (True, 0o660)])
async def test_a_socket_opens_to_its_owner_or_to_the_group_and_to_nobody_else(
    node: ReleaseNode, tmp_path: Path, for_group: bool, mode: int
) -> None:
    path = tmp_path / "a.sock"
    async with await AgentServer(node.agent()).start(path, for_group=for_group):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode  # noqa: PTH116 - at once


async def test_several_slicers_are_asked_in_turn_and_keep_what_they_made(
    sliced: ReleaseNode, tmp_path: Path
) -> None:
    paths = [tmp_path / f"s{number}.sock" for number in range(2)]
    servers = [await SlicerServer(sliced.slicer()).start(path) for path in paths]
    try:
        slicers, asked = Slicers(paths), plan(sliced)
        bodies = [
            await slicers.plan(
                asked.permit, "made-BAM", base64.b64decode(asked.recipient), regions=[ASKED]
            )
            for _ in range(3)
        ]
        assert [body.client.socket for body in bodies] == [paths[0], paths[1], paths[0]]
        for body in bodies:
            reader = await anyio.to_thread.run_sync(body.open)
            content = await anyio.to_thread.run_sync(partial(reader.read, 0, body.size))
            assert len(content) == body.size
            reader.close()
    finally:
        for server in servers:
            server.close()


def test_what_the_agent_gives_is_on_record_before_it_is_given(sliced: ReleaseNode) -> None:
    asked, noted = plan(sliced), list[tuple[str, str]]()
    request = RewrapRequest.model_validate(asked.model_dump(exclude={"regions", "columns"}))

    def note(kind: str, permit: Permit) -> None:
        noted.append((kind, permit.permit_id))

    agent = replace(sliced.agent(), note=note)
    assert agent.rewrap(request, now=sliced.clock())
    assert noted == [("agent.header", asked.permit.permit.permit_id)]

    def full(_kind: str, _permit: Permit) -> None:
        raise RecordUnavailable("The record can't be written.")

    with pytest.raises(SkerryError, match="record"):
        replace(agent, note=full).rewrap(request, now=sliced.clock())
