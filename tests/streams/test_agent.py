"""The key agent believes nobody: permit, node, time, object and recipient are checked there."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from anyio.to_thread import run_sync

from schemas.grants import SignedPermit
from streams.agent import main
from streams.agent_client import AgentClient
from streams.errors import AgentRefused, AgentUnavailable
from streams.header import open_header, seal_header
from streams.keys import SecretKey, write_pair
from tests.support.access_node import NOW, URL
from tests.support.release_node import ReleaseNode, granted

pytestmark = pytest.mark.anyio


def permit(node: ReleaseNode, *objects: str, now: int = NOW) -> SignedPermit:
    asked = node.entitled()
    return node.permits.issue(
        researcher=granted("grace", "ds1"),
        decision=asked.decision,
        dataset="ds1",
        objects=objects or ("sample1",),
        workspace=asked.workspace,
        byte_budget=10**9,
        now=now,
    )


async def rewrap(
    node: ReleaseNode, signed: SignedPermit, recipient: bytes, *, object_id: str = "sample1"
) -> bytes:
    async with node.agent_running():
        with closing(AgentClient(node.socket)) as client:
            return await run_sync(client.rewrap, signed, object_id, recipient)


async def test_the_recipient_and_only_the_recipient_opens_the_new_header(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    header = await rewrap(node, permit(node), workspace.public)
    sealed = node.vault.get("sample1")
    assert sealed is not None
    expected = open_header(sealed.header_bytes, [node.node_secret]).data_keys
    assert open_header(header, [workspace]).data_keys == expected
    with pytest.raises(Exception, match="opens"):
        open_header(header, [node.node_secret, SecretKey.generate()])


async def test_only_its_owner_can_reach_the_socket(node: ReleaseNode) -> None:
    async with node.agent_running():
        assert stat.S_IMODE(node.socket.stat().st_mode) == 0o600


async def test_another_object_and_one_that_is_not_there_are_refused(
    node: ReleaseNode, workspace: SecretKey, content: bytes
) -> None:
    node.seal(content, "sample2")
    for object_id in ("sample2", "sample3"):
        with pytest.raises(AgentRefused):
            await rewrap(node, permit(node), workspace.public, object_id=object_id)
    with pytest.raises(AgentRefused):
        await rewrap(node, permit(node, "sample3"), workspace.public, object_id="sample3")


async def test_an_object_the_permit_does_not_name_is_refused(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    with pytest.raises(AgentRefused):
        await rewrap(node, permit(node, "sample2"), workspace.public)


@pytest.mark.parametrize("late", [3600, -31])
async def test_a_permit_counts_only_in_its_time(
    node: ReleaseNode, workspace: SecretKey, late: int
) -> None:
    signed = permit(node)
    node.clock.now += late
    with pytest.raises(AgentRefused):
        await rewrap(node, signed, workspace.public)


async def test_a_header_with_an_edit_list_is_refused(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    header = seal_header([os.urandom(32)], [node.node_secret.public], edit_list=[0, 5])
    node.vault.replace_headers(lambda sealed: sealed.model_copy(update={"header": header.hex()}))
    with pytest.raises(AgentRefused):
        await rewrap(node, permit(node), workspace.public)


async def test_an_agent_that_is_down_is_said_to_be_down(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    with pytest.raises(AgentUnavailable):
        AgentClient(node.socket).rewrap(permit(node), "sample1", workspace.public)


async def test_noise_on_the_socket_is_answered_and_survived(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    async with node.agent_running():
        for noise in (b"\n", b"{}\n", b"\xff\xfe\n", b'{"permit": 1}\n'):
            reader, writer = await asyncio.open_unix_connection(node.socket)
            writer.write(noise)
            assert b'"refused":"' in await reader.readline()
            writer.close()
        with closing(AgentClient(node.socket)) as client:
            assert await run_sync(client.rewrap, permit(node), "sample1", workspace.public)


async def test_a_connection_is_kept_and_made_anew_when_the_agent_was(
    node: ReleaseNode, workspace: SecretKey
) -> None:
    with closing(AgentClient(node.socket)) as client:
        for _ in range(2):  # the second agent has never heard of the first one's caller
            async with node.agent_running():
                for _ in range(3):
                    assert await run_sync(client.rewrap, permit(node), "sample1", workspace.public)
                assert len(client._idle) == 1
                client._idle[0]._socket.shutdown(socket.SHUT_RDWR)
        with pytest.raises(AgentUnavailable):
            await run_sync(client.rewrap, permit(node), "sample1", workspace.public)


async def test_a_caller_that_says_nothing_more_is_dropped(
    node: ReleaseNode, workspace: SecretKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.agent_doors.IDLE_SECONDS", 2)
    async with node.agent_running():
        with closing(AgentClient(node.socket)) as client:
            assert await run_sync(client.rewrap, permit(node), "sample1", workspace.public)
            kept = client._idle[0]._socket
            assert await run_sync(kept.recv, 1) == b""
            assert await run_sync(client.rewrap, permit(node), "sample1", workspace.public)


def test_the_process_starts_says_so_and_stops_on_a_signal(tmp_path: Path) -> None:
    write_pair(tmp_path / "key.sec", tmp_path / "key.pub")
    socket = tmp_path / "agent.sock"
    command = [sys.executable, "-m", "streams.agent", "--key", str(tmp_path / "key.sec")]
    command += ["--socket", str(socket), "--permit-key", "00" * 32, "--audience", URL]
    command += ["--vault", str(tmp_path / "vault")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "key agent ready\n"
        assert socket.is_socket()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=600) == 0
    deadline = time.monotonic() + 600
    while socket.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not socket.exists()


def test_a_key_that_cannot_be_read_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "key.sec").write_text("not a key")
    given = ["--key", str(tmp_path / "key.sec"), "--socket", str(tmp_path / "s")]
    given += ["--vault", str(tmp_path / "vault")]
    assert main([*given, "--permit-key", "00" * 32, "--audience", URL]) == 2
