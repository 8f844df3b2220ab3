"""Faults of a release: the agent is down, the record cannot be written, the reader is slow or gone,
the workspace's disk is full. Nothing leaves that is not on record, and nothing half is kept."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pytest

from access.errors import RecordUnavailable
from streams.bodies import Reader
from streams.htsget.tickets import Part
from streams.keys import SecretKey
from streams.sending import BATCH_BYTES, Claim
from tests.support.release_node import ReleaseNode, bgzf
from tests.support.sealing_node import URL, SealingNode, fetched
from workspaces import keys, openings, settings
from workspaces.errors import PlaceFull
from workspaces.settings import PinnedNode

pytestmark = pytest.mark.anyio
TICKET = "/htsget/reads/sample1"
CONTENT = bgzf(os.urandom(5 * BATCH_BYTES))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(CONTENT)
    made.grant(SecretKey.generate())
    yield made
    made.close()


async def test_while_the_key_agent_is_down_nothing_leaves_and_it_is_said(
    node: ReleaseNode,
) -> None:
    async with node.client() as client:
        answer = await client.get(TICKET)
        assert answer.status_code == 503
        assert answer.json()["htsget"]["error"] == "Unavailable"
    assert node.recorded("release.intent") == []
    async with node.agent_running(), node.client() as client:
        assert (await client.get(TICKET)).status_code == 200


async def test_an_agent_that_dies_while_a_body_is_sent_does_not_stop_it(node: ReleaseNode) -> None:
    """The header left before; the body is ciphertext that needs no key."""
    async with node.client() as client:
        async with node.agent_running():
            urls = (await client.get(TICKET)).json()["htsget"]["urls"]
        answer = await client.get(urls[1]["url"])
    assert answer.status_code == 200
    assert len(answer.content) > len(CONTENT)


async def test_while_the_record_cannot_be_written_no_header_leaves(
    node: ReleaseNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = node.access.record.append

    def full(kind: str, facts: Any, *, durable: bool = False) -> int:
        if kind == "release.intent":
            raise RecordUnavailable("The record cannot be written; nothing leaves.")
        return real(kind, facts, durable=durable)

    monkeypatch.setattr(node.access.record, "append", full)
    async with node.agent_running(), node.client() as client:
        answer = await client.get(TICKET)
    assert answer.status_code == 503
    assert b"data:" not in answer.content
    assert node.releases._sessions.all() == ()


async def _claimed(node: ReleaseNode, client: httpx.AsyncClient) -> Claim:
    assert (await client.get(TICKET)).status_code == 200
    (session,) = node.releases._sessions.all()
    part = Part(0, session.body.size)
    charged = node.releases._sessions.charge(session.session_id, part.end0, now=node.clock())
    return Claim(charged, part.start0, part.end0)


class Counting:
    """A reader that says how much was read of it."""

    def __init__(self, inner: Reader) -> None:
        self.inner = inner
        self.read_bytes = 0

    def read(self, start0: int, end0: int) -> bytes:
        self.read_bytes += end0 - start0
        return self.inner.read(start0, end0)

    def close(self) -> None:
        self.inner.close()


async def test_a_slow_reader_holds_one_batch_and_one_that_leaves_gives_back_the_rest(
    node: ReleaseNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[Counting] = []
    async with node.agent_running(), node.client() as client:
        claim = await _claimed(node, client)
    real = type(claim.session.body).open

    def counted(body: Any) -> Counting:
        readers.append(Counting(real(body)))
        return readers[-1]

    monkeypatch.setattr(type(claim.session.body), "open", counted)
    sending = node.releases.send(claim)
    for number in range(1, 4):
        await anext(sending)
        assert readers[0].read_bytes == number * BATCH_BYTES, "no more than was taken"
    await sending.aclose()
    session = node.releases._sessions.get(claim.session.session_id)
    assert session.charged_bytes == 3 * BATCH_BYTES
    (block,) = node.recorded("release.block")
    assert block["sent"] == 3 * BATCH_BYTES


async def test_revocation_stops_a_stream_within_one_batch(node: ReleaseNode) -> None:
    async with node.agent_running(), node.client() as client:
        claim = await _claimed(node, client)
    sending = node.releases.send(claim)
    await anext(sending)
    node.access.recipients.revoke(node.entitled().workspace.id, by="adam@signin", is_admin=True)
    with pytest.raises(Exception, match="withdrawn"):
        await anext(sending)
    (closed,) = node.recorded("release.close")
    assert closed["end"] == "withdrawn"


def test_a_full_disk_at_the_workspace_leaves_no_plaintext(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = SealingNode(b"x" * 200_000)
    held = keys.init(tmp_path / "lab", "lab")
    pinned = PinnedNode(url=URL, manifest_key=sealing.manifest_key.hex())
    settings.save(held.folder, settings.pin(held.settings, pinned))
    place = openings.file_in_place

    @contextmanager
    def full(target: Path) -> Iterator[BinaryIO]:
        with place(target) as file:
            yield file
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(openings, "file_in_place", full)
    with sealing.client() as http, pytest.raises(PlaceFull, match="No space"):
        fetched(held.folder, http)
    assert list(settings.data_folder(held.folder).iterdir()) == []
    assert not (held.folder / "deliveries").exists()
