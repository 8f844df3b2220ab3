"""The record's doors: admins alone see it, and every proof holds against a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request

import access.record.routes
from access.record import checkpoints, merkle
from access.record.audit import RecordFile
from access.record.tree import RecordTree
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from tests.support.access_node import URL, at, researcher

pytestmark = pytest.mark.anyio

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ADMIN = {"x-test-person": "adam"}


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordFile]:
    made = RecordFile(tmp_path / "record.jsonl", pseudonym_key=b"p" * 32, signing_key=KEY)
    for number in range(11):
        made.append("answer.sent", {"n": number})
    yield made
    made.close()


@pytest.fixture
def node(tmp_path: Path, record: RecordFile) -> httpx.AsyncClient:
    async def who(request: Request) -> Researcher | None:
        name = request.headers.get("x-test-person")
        return None if name is None else researcher(name)

    app = FastAPI()
    app.include_router(
        access.record.routes.build(
            tree=RecordTree(tmp_path / "record.jsonl", tmp_path / "tree"),
            signing_key=KEY,
            public_url=URL,
            caller=who,
            admins=(at("adam"),),
        )
    )
    ErrorTable(bodies={}, realm="test").install(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=URL)


DOORS = (
    "/access/record/checkpoint",
    "/access/record/entries?start=1",
    "/access/record/proof/inclusion?entry=1&size=2",
    "/access/record/proof/consistency?first=1&size=2",
)


@pytest.mark.parametrize("door", DOORS)
async def test_nobody_but_an_admin_sees_the_record(node: httpx.AsyncClient, door: str) -> None:
    assert (await node.get(door)).status_code == 401
    assert (await node.get(door, headers={"x-test-person": "grace"})).status_code == 403
    assert (await node.get(door, headers=ADMIN)).status_code == 200


async def test_a_kept_checkpoint_holds_the_node_to_its_record(
    node: httpx.AsyncClient, record: RecordFile
) -> None:
    kept = checkpoints.read((await node.get(DOORS[0], headers=ADMIN)).text, KEY.public_key())
    assert kept.size == 11
    for _ in range(6):
        record.append("answer.sent", {"n": 0})
    asked = await node.get(
        "/access/record/proof/consistency", params={"first": 11, "size": 17}, headers=ADMIN
    )
    proof = asked.json()
    path = [bytes.fromhex(step) for step in proof["path"]]
    new = (17, bytes.fromhex(proof["root"]))
    assert merkle.extends((kept.size, kept.root), new, path=path)
    assert not merkle.extends((kept.size, b"x" * 32), new, path=path)


async def test_an_entry_is_shown_to_stand_in_the_record(node: httpx.AsyncClient) -> None:
    kept = checkpoints.read((await node.get(DOORS[0], headers=ADMIN)).text, KEY.public_key())
    asked = await node.get(
        "/access/record/proof/inclusion", params={"entry": 4, "size": 11}, headers=ADMIN
    )
    proof = asked.json()
    assert merkle.includes(
        kept.root,
        kept.size,
        index=3,
        leaf=bytes.fromhex(proof["leaf"]),
        path=[bytes.fromhex(step) for step in proof["path"]],
    )


async def test_entries_come_as_written_page_by_page(node: httpx.AsyncClient) -> None:
    first = (await node.get("/access/record/entries?start=1&count=4", headers=ADMIN)).json()
    rest = (await node.get("/access/record/entries?start=5&count=100", headers=ADMIN)).json()
    assert [entry["seq"] for entry in first["entries"] + rest["entries"]] == list(range(1, 12))
    assert (await node.get("/access/record/entries?start=12", headers=ADMIN)).json()[
        "entries"
    ] == []


@pytest.mark.parametrize(
    ("door", "status"),
    [
        ("/access/record/proof/inclusion?entry=12&size=12", 404),
        ("/access/record/proof/inclusion?entry=3&size=2", 404),
        ("/access/record/proof/consistency?first=5&size=4", 404),
        ("/access/record/proof/consistency?first=0&size=4", 400),
        ("/access/record/proof/inclusion?entry=x&size=2", 400),
        ("/access/record/entries?start=1&count=1001", 400),
        ("/access/record/entries?start=99999999999999999999", 400),
    ],
)
async def test_what_is_not_there_or_not_a_number_is_refused(
    node: httpx.AsyncClient, door: str, status: int
) -> None:
    assert (await node.get(door, headers=ADMIN)).status_code == status
