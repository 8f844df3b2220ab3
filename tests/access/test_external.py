"""Workspaces of others: a Crypt4GH key, opened challenge, admin, committee; and never a run."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from access.errors import WorkspaceKeyInvalid
from access.policies.policy import PolicyBook
from access.recipients import NewKey
from schemas.errors import InvalidInput
from schemas.grants import NewRequest, NewWorkspace, WorkspaceKind
from streams import envelope
from streams.keys import parse_public_key, write_pair
from tests.support.access_node import URL, AccessNode, at, policy

CRYPT4GH = Path(sys.executable).with_name("crypt4gh")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def registered(node: AccessNode, public: bytes) -> tuple[str, bytes]:
    made = node.recipients.register(
        NewKey("tre", public, b"", b""),
        owner=at("grace"), audience=URL, seal=lambda key, text: envelope.sealed_whole(text, key),
        now=node.clock(),
    )  # fmt: skip
    return made.workspace_id, made.sealed


def test_the_ordinary_command_answers_the_challenge(node: AccessNode, tmp_path: Path) -> None:
    write_pair(tmp_path / "tre.key", tmp_path / "tre.pub")
    public = parse_public_key((tmp_path / "tre.pub").read_bytes())
    workspace, sealed = registered(node, public)
    opened = subprocess.run(
        [CRYPT4GH, "decrypt", "--sk", tmp_path / "tre.key"],
        input=sealed, capture_output=True, check=True, timeout=600,
    ).stdout  # fmt: skip
    answer = hashlib.sha256(opened).digest()
    node.recipients.prove(workspace, answer, owner=at("grace"), now=node.clock())
    node.recipients.confirm(workspace, admin=at("adam"), now=node.clock())
    found = node.recipients.registration(workspace)
    assert found is not None
    assert found.kind is WorkspaceKind.EXTERNAL
    approved = node.recipients.approved(workspace, now=node.clock())
    assert approved is not None
    assert approved.public_key == public


def test_a_run_cannot_be_asked_for_there(node: AccessNode) -> None:
    workspace, _ = registered(node, bytes([9]) + bytes(31))
    request = {
        "dataset": "ds1", "project": "P", "purpose": "Eyes.", "workspace": workspace, "months": 1,
    }  # fmt: skip
    node.desk.create(NewRequest.model_validate(request), requester=at("grace"), now=node.clock())
    run = {
        "applications": ["a" * 64], "environment": "e" * 64, "roster": [one * 64 for one in "bcd"],
        "outputs": ["table"],
    }  # fmt: skip
    asked = NewRequest.model_validate(request | {"run": run})
    with pytest.raises(InvalidInput, match="external"):
        node.desk.create(asked, requester=at("grace"), now=node.clock())
    ours = asked.model_copy(update={"workspace": node.workspace()})
    node.desk._book = PolicyBook((policy("ds1", "dora", "vera"),), version="two of them")
    assert node.desk.create(ours, requester=at("grace"), now=node.clock())


@pytest.mark.parametrize(
    ("identity", "signature"), [(b"\x07" * 32, b""), (b"", b"\x07" * 64), (b"x", b"y")]
)
def test_half_an_identity_is_none(node: AccessNode, identity: bytes, signature: bytes) -> None:
    with pytest.raises(WorkspaceKeyInvalid):
        node.recipients.register(
            NewKey("tre", bytes([9]) + bytes(31), identity, signature),
            owner=at("grace"), audience=URL, seal=node.seal, now=node.clock(),
        )  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        {}, {"kind": "external", "identity_key": "0" * 64},
        {"kind": "external", "signature": "0" * 128}, {"identity_key": "0" * 64},
        {"kind": "other"}, {"kind": "external", "public_key": "zz"},
    ],
)  # fmt: skip
def test_what_is_sent_is_of_one_kind(said: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        NewWorkspace.model_validate({"name": "tre", "public_key": "0" * 64} | said)


@pytest.mark.anyio
async def test_the_door_takes_a_key_and_says_the_kind(node: AccessNode) -> None:
    transport = httpx.ASGITransport(node.app())
    headers = {"x-test-person": "grace"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
        sent = {"name": "tre", "kind": "external", "public_key": "09" + "00" * 31}
        made = await client.post("/access/workspaces", json=sent)
        assert made.status_code == 201, made.text
        base64.b64decode(made.json()["challenge"], validate=True)
        (seen,) = (await client.get("/access/workspaces")).json()["workspaces"]
        assert (seen["kind"], seen["state"]) == ("external", "registered")
