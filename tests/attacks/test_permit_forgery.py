"""A web process gone bad asks the key agent with permits it made, changed or kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.grants import SignedPermit
from streams.agent_client import AgentClient
from streams.errors import AgentRefused
from streams.keys import SecretKey
from streams.release import byte_budget
from tests.support.release_node import ReleaseNode, bgzf

pytestmark = pytest.mark.anyio
ATTACKER = SecretKey.generate()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(bgzf(b"reads"))
    made.seal(bgzf(b"other reads"), "sample2")
    made.grant(SecretKey.generate())
    yield made
    made.close()


def good(node: ReleaseNode) -> SignedPermit:
    asked = node.entitled()
    return node.permits.issue(
        researcher=asked.researcher,
        decision=asked.decision,
        dataset="ds1",
        objects=("sample1",),
        workspace=asked.workspace,
        byte_budget=byte_budget(asked.sealed),
        now=node.clock(),
    )


async def refused(
    node: ReleaseNode, signed: SignedPermit, *, recipient: bytes, object_id: str = "sample1"
) -> None:
    async with node.agent_running():
        with closing(AgentClient(node.socket)) as client, pytest.raises(AgentRefused):
            await run_sync(client.rewrap, signed, object_id, recipient)


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "ab" * 32},
        {"objects": ("sample2",)},
        {"objects": ()},
        {"dataset": "ds2"},
        {"audience": "http://another.example"},
        {"expires": 1_900_000_000},
        {"byte_budget": 2**49},
        {"workspace": "another"},
        {"subject": "p-another"},
    ],
)
async def test_a_changed_permit_is_not_signed(node: ReleaseNode, change: dict[str, Any]) -> None:
    signed = good(node)
    permit = signed.permit.model_copy(update=change)
    workspace = node.entitled().workspace
    forged = SignedPermit(permit=permit, signature=signed.signature)
    await refused(node, forged, recipient=workspace.public_key)


async def test_a_permit_of_ones_own_making_is_refused(node: ReleaseNode) -> None:
    permit = good(node).permit
    signature = Ed25519PrivateKey.generate().sign(permit.signed_bytes()).hex()
    own = SignedPermit(permit=permit, signature=signature)
    await refused(node, own, recipient=node.entitled().workspace.public_key)


@pytest.mark.parametrize("signature", ["", "zz", "00" * 64, "00" * 5000])
async def test_a_signature_that_is_none_is_refused(node: ReleaseNode, signature: str) -> None:
    own = SignedPermit(permit=good(node).permit, signature=signature)
    await refused(node, own, recipient=node.entitled().workspace.public_key)


async def test_a_good_permit_does_not_serve_another_key(node: ReleaseNode) -> None:
    await refused(node, good(node), recipient=ATTACKER.public)


@pytest.mark.parametrize("recipient", [b"", bytes(32), bytes([1]) + bytes(31), b"x" * 33])
async def test_a_good_permit_does_not_serve_a_weak_key(node: ReleaseNode, recipient: bytes) -> None:
    await refused(node, good(node), recipient=recipient)


async def test_a_good_permit_does_not_serve_another_object(node: ReleaseNode) -> None:
    workspace = node.entitled().workspace
    await refused(node, good(node), recipient=workspace.public_key, object_id="sample2")


async def test_a_permit_kept_past_its_hour_is_refused(node: ReleaseNode) -> None:
    signed, workspace = good(node), node.entitled().workspace
    node.clock.now += 3600
    await refused(node, signed, recipient=workspace.public_key)
