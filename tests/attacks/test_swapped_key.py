"""A stolen or honest token with somebody else's key: the data goes to the registered key or not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import WorkspaceKeyInvalid
from access.recipients import NewKey
from streams.keys import SecretKey, public_pem
from tests.support.release_node import ReleaseNode, bgzf

pytestmark = pytest.mark.anyio
TICKET = "/htsget/reads/sample1"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ReleaseNode]:
    made = ReleaseNode(tmp_path)
    made.seal(bgzf(b"reads"))
    made.grant(SecretKey.generate())
    yield made
    made.close()


async def ask(node: ReleaseNode, headers: dict[str, str]) -> tuple[int, bytes]:
    async with node.agent_running(), node.client() as client:
        answer = await client.get(TICKET, headers=headers)
        return answer.status_code, answer.content


def file_of(key: bytes) -> str:
    return base64.b64encode(public_pem(key)).decode()


@pytest.mark.parametrize(
    "name", ["Htsget-Context-Public-Key", "X-C4GH-Public-Key", "Client-Public-Key"]
)
async def test_another_key_is_refused_and_recorded(node: ReleaseNode, name: str) -> None:
    status, content = await ask(node, {name: file_of(SecretKey.generate().public)})
    assert (status, b"data:" in content) == (403, False)
    assert node.recorded("release.refused")[0]["reasons"] == ["foreign_key"]
    assert node.recorded("release.intent") == []


async def test_a_raw_foreign_key_is_refused(node: ReleaseNode) -> None:
    raw = base64.b64encode(SecretKey.generate().public).decode()
    assert (await ask(node, {"Client-Public-Key": raw}))[0] == 403


@pytest.mark.parametrize(
    "value",
    [
        base64.b64encode(bytes(32)).decode(),
        file_of(bytes([1]) + bytes(31)),
        base64.b64encode(bytes([9]) * 31).decode(),
        base64.b64encode(b"c4gh-v1" + bytes(40)).decode(),
        "not base64!",
        "",
        "A" * 9000,
    ],
)
async def test_a_weak_or_broken_key_is_refused(node: ReleaseNode, value: str) -> None:
    assert (await ask(node, {"Client-Public-Key": value}))[0] == 400
    assert node.recorded("release.intent") == []


async def test_two_keys_are_one_too_many(node: ReleaseNode) -> None:
    key = file_of(SecretKey.generate().public)
    assert (await ask(node, {"Client-Public-Key": key, "X-C4GH-Public-Key": key}))[0] == 400


async def test_a_workspace_that_is_registered_but_not_the_grants_gets_nothing(
    node: ReleaseNode,
) -> None:
    other = SecretKey.generate()
    made = node.access.register("grace", key=other.public)
    node.access.recipients.prove(
        made.workspace_id,
        node.access.secrets[other.public],
        owner=node.people["grace"].identity,
        now=node.clock(),
    )
    assert (await ask(node, {"Client-Public-Key": file_of(other.public)}))[0] == 403


def test_a_key_must_be_signed_by_the_identity_that_brings_it(node: ReleaseNode) -> None:
    key, identity = SecretKey.generate().public, Ed25519PrivateKey.generate()
    new = NewKey(
        name="x",
        public_key=key,
        identity_key=identity.public_key().public_bytes_raw(),
        signature=identity.sign(SecretKey.generate().public),
    )
    with pytest.raises(WorkspaceKeyInvalid):
        node.access.recipients.register(
            new, owner="grace@x", audience="x", seal=node.access.seal, now=node.clock()
        )
