"""The receiving side against the node's own releasing side: vault, key agent, grant, htsget."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import anyio.from_thread
import anyio.to_thread
import httpx
import pytest

from schemas.grants import Extent, GrantedRegion
from streams.envelope import SEGMENT
from streams.slices.chart import Region
from tests.support import slice_files
from tests.support.access_node import URL
from tests.support.release_node import ReleaseNode, bgzf
from tests.support.sealing_node import client_of
from tests.support.slice_files import overlapping, read_all
from workspaces import inbox, keys, settings
from workspaces.deliveries import Delivery
from workspaces.errors import NodeRefused
from workspaces.keys import WorkspaceKeys
from workspaces.settings import PinnedNode

CONTENT = bgzf(os.urandom(3 * SEGMENT))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    (tmp_path / "node").mkdir()
    made = ReleaseNode(tmp_path / "node")
    made.seal(CONTENT)
    yield made
    made.close()


def workspace(folder: Path, node: ReleaseNode) -> WorkspaceKeys:
    held = keys.init(folder, "lab")
    manifest_key = node.node_key.public_key().public_bytes_raw().hex()
    settings.save(
        folder, settings.pin(held.settings, PinnedNode(url=URL, manifest_key=manifest_key))
    )
    return held


async def fetch(folder: Path, node: ReleaseNode, person: str = "grace") -> Delivery:
    """`inbox.fetch` in a thread of its own, its requests answered by the node's application."""
    async with node.agent_running(), node.client(person) as served:

        async def ask(request: httpx.Request) -> httpx.Response:
            answer = await served.request(
                request.method,
                str(request.url),
                headers=dict(request.headers),
                content=request.content,
            )
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )

        def run() -> Delivery:
            with client_of(lambda request: anyio.from_thread.run(ask, request)) as http:
                return inbox.fetch(
                    folder=folder,
                    node_url=URL,
                    object_id="sample1",
                    kind="reads",
                    token="who asks is told by x-test-person",
                    http=http,
                    clock=lambda: float(node.clock()),
                )

        return await anyio.to_thread.run_sync(run)


@pytest.mark.anyio
async def test_what_the_node_sealed_is_what_the_workspace_opens(
    tmp_path: Path, node: ReleaseNode
) -> None:
    held = workspace(tmp_path / "lab", node)
    node.grant(held.secret)
    delivery = await fetch(held.folder, node)
    assert (settings.data_folder(held.folder) / delivery.path).read_bytes() == CONTENT


@pytest.mark.anyio
async def test_a_grant_of_regions_brings_their_records_and_the_delivery_says_so(
    tmp_path: Path, node: ReleaseNode
) -> None:
    held = workspace(tmp_path / "lab", node)
    reads = slice_files.write(tmp_path, "BAM", records=400)
    node.seal(reads.read_bytes())
    region = GrantedRegion(reference="chr1", start0=124_478_000, end0=124_483_000)
    node.grant(held.secret, extent=Extent(regions=(region,)))
    delivery = await fetch(held.folder, node)
    part = settings.data_folder(held.folder) / delivery.path
    expected = overlapping(read_all(reads, "BAM"), [Region("chr1", region.start0, region.end0)])
    assert [text for *_, text in read_all(part, "BAM")] == expected
    assert delivery.regions == (("chr1", region.start0, region.end0),)


@pytest.mark.anyio
async def test_another_workspaces_key_is_refused(tmp_path: Path, node: ReleaseNode) -> None:
    granted, other = (workspace(tmp_path / name, node) for name in ("lab", "other"))
    node.grant(granted.secret)
    with pytest.raises(NodeRefused):
        await fetch(other.folder, node)
    assert not list(settings.data_folder(other.folder).iterdir())


@pytest.mark.anyio
async def test_a_person_without_a_grant_is_refused(tmp_path: Path, node: ReleaseNode) -> None:
    held = workspace(tmp_path / "lab", node)
    node.grant(held.secret)
    with pytest.raises(NodeRefused):
        await fetch(held.folder, node, person="mallory")


@pytest.mark.anyio
async def test_what_may_hold_somebody_who_withdrew_is_refused_in_words(
    tmp_path: Path, node: ReleaseNode
) -> None:
    held = workspace(tmp_path / "lab", node)
    node.grant(held.secret)
    node.gone["ds1"] = 1
    with pytest.raises(NodeRefused, match="withdrew"):
        await fetch(held.folder, node)
    assert not list(settings.data_folder(held.folder).iterdir())
