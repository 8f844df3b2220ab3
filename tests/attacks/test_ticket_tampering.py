"""Body addresses: changed in any place, shared beyond their time, or guessed, they give nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from streams.keys import SecretKey
from tests.support.release_node import ReleaseNode, bgzf

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(bgzf(b"reads"))
    made.seal(bgzf(b"other reads"), "sample2")
    made.grant(SecretKey.generate())
    yield made
    made.close()


async def address(node: ReleaseNode, object_id: str = "sample1") -> httpx.URL:
    async with node.agent_running(), node.client() as client:
        answer = await client.get(f"/htsget/reads/{object_id}")
        return httpx.URL(answer.json()["htsget"]["urls"][1]["url"])


async def status(node: ReleaseNode, url: httpx.URL | str) -> int:
    async with node.client(None) as client:
        answer = await client.get(url)
        assert answer.status_code == 200 or set(answer.json()) == {"htsget"}
        return answer.status_code


async def test_an_untouched_address_works(node: ReleaseNode) -> None:
    assert await status(node, await address(node)) == 200


async def test_no_part_of_an_address_can_be_changed(node: ReleaseNode) -> None:
    url = await address(node)
    signature, expires = url.params["signature"], int(url.params["expires"])
    session, part = url.path.split("/")[-2:]
    end0 = int(part.partition("-")[2])
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    changed = {
        url.copy_set_param("signature", flipped): 403,
        url.copy_remove_param("signature"): 403,
        url.copy_set_param("expires", str(expires + 1)): 403,
        url.copy_set_param("expires", "-1"): 403,
        url.copy_remove_param("expires"): 403,
        url.copy_with(path=f"/htsget/blocks/{session}/0-{end0 + 1}"): 403,
        url.copy_with(path=f"/htsget/blocks/{session}/1-{end0}"): 403,
        url.copy_with(path=f"/htsget/blocks/{session}/all"): 404,
        url.copy_with(path=f"/htsget/blocks/{session[:-1]}/{part}"): 404,
        url.copy_with(path=f"/htsget/blocks/{'x' * 32}/{part}"): 404,
        url.copy_with(path=f"/htsget/blocks/{'x' * 3000}/{part}"): 404,
    }
    for tampered, expected in changed.items():
        assert await status(node, tampered) == expected, tampered
    assert all(refused["door"] == "htsget.blocks" for refused in node.recorded("release.refused"))
    assert node.recorded("release.block") == []


async def test_one_release_does_not_open_another(node: ReleaseNode) -> None:
    first, second = await address(node), await address(node, "sample2")
    mixed = first.copy_with(path=second.path)
    assert await status(node, mixed) == 403


async def test_an_address_dies_with_its_session(node: ReleaseNode) -> None:
    url = await address(node)
    node.clock.now += 24 * 3600
    assert await status(node, url) in (403, 404)


async def test_a_workspace_key_that_is_revoked_ends_its_releases(node: ReleaseNode) -> None:
    url = await address(node)
    (workspace,) = node.access.recipients.listed(owner=None)
    node.clock.now = workspace.expires
    assert await status(node, url) in (403, 404)
