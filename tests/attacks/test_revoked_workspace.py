"""Attack: a workspace whose key was revoked goes on with what it was given before: permit, ticket,
body address. The grant lives; the workspace is no recipient any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.keys import SecretKey
from tests.support.access_node import at
from tests.support.release_node import ReleaseNode, bgzf

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(bgzf(b"reads " * 20_000))
    made.grant(SecretKey.generate())
    yield made
    made.close()


def revoke(node: ReleaseNode) -> None:
    (workspace,) = node.access.recipients.listed(owner=at("grace"))
    node.access.recipients.revoke(workspace.id, by=at("grace"), is_admin=False)


async def test_it_gets_no_ticket_and_nothing_is_intended(node: ReleaseNode) -> None:
    revoke(node)
    async with node.agent_running(), node.client() as client:
        answer = await client.get("/htsget/reads/sample1")
    assert answer.status_code == 403
    assert node.recorded("access.permit") == []
    assert node.recorded("release.intent") == []
    assert node.recorded("release.refused")


async def test_the_body_addresses_of_its_permit_give_nothing_more(node: ReleaseNode) -> None:
    async with node.agent_running(), node.client() as client:
        ticket = (await client.get("/htsget/reads/sample1")).json()
    part = ticket["htsget"]["urls"][1]["url"]
    async with node.client(None) as client:
        assert (await client.get(part)).status_code == 200
        revoke(node)
        node.clock.now += 2  # a grant that was seen holds for a second
        assert (await client.get(part)).status_code == 403
    assert node.recorded("release.close")[0]["end"] == "withdrawn"
