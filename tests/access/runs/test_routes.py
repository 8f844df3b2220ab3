"""The doors of runs: signed by the workspace, once and now; and those of a person's key."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas import challenge
from schemas.grants import SignedPermit
from streams.keys import SecretKey
from tests.support.access_node import NOW, at
from tests.support.run_node import RunNode, Site, opened

pytestmark = pytest.mark.anyio

GRACE = {"x-test-person": "grace"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunNode]:
    made = RunNode(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(node: RunNode) -> AsyncIterator[httpx.AsyncClient]:
    async with node.client() as made:
        yield made


async def signed(
    client: httpx.AsyncClient,
    site: Site,
    path: str,
    body: bytes,
    *,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    sent = {"Content-Type": "application/json"} | (
        headers or site.headers("POST", path, body, now=NOW)
    )
    return await client.post(path, content=body, headers=sent | GRACE)


async def started(client: httpx.AsyncClient, node: RunNode, key: SecretKey) -> str:
    node.approved()
    body = node.asked(key).model_dump_json().encode()
    answer = await signed(client, node.site, "/access/runs", body)
    assert answer.status_code == 201
    run = answer.json()["run"]
    sealed = base64.b64decode(answer.json()["challenge"])
    proof = json.dumps({"answer": challenge.answer(opened(sealed, key)).hex()}).encode()
    answer = await signed(client, node.site, f"/access/runs/{run}/proof", proof)
    assert answer.status_code == 200
    assert SignedPermit.model_validate_json(answer.content).permit.run is not None
    return str(run)


async def test_a_start_is_asked_for_proven_and_polled(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    run = await started(client, node, SecretKey.generate())
    path = f"/access/runs/{run}/standing"
    answer = await signed(client, node.site, path, b'{"phase":"running"}')
    assert answer.json() == {"run": run, "expires": NOW + 3600}
    listed = await client.get("/access/runs", headers=GRACE)
    assert [(one["id"], one["phase"]) for one in listed.json()["runs"]] == [(run, "running")]
    others = await client.get("/access/runs", headers={"x-test-person": "mallory"})
    assert others.json() == {"runs": [], "budgets": []}


TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}


def offered(node: RunNode, run: str, document: dict[str, Any]) -> None:
    raw = json.dumps(document).encode()
    node.airlock.offer(run, raw, workspace=node.workspace(), now=NOW)


async def told(client: httpx.AsyncClient, person: str) -> list[dict[str, Any]]:
    answer = await client.get("/access/runs", headers={"x-test-person": person})
    return list(answer.json()["budgets"])


async def test_what_a_request_has_spent_is_told_to_those_who_see_its_runs(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    terms = node.terms(privacy={"epsilon": 1.0, "per_table": 0.25}, releases=7, release_bytes=900)
    request = node.approved(terms)
    for n in range(2):  # starts, with one budget
        # Far above the floor: no noise that can be drawn reaches it.
        table = TABLE | {"cells": [[90_000 + n, 90_000], [90_000, 90_000]]}
        offered(node, node.started()[0], table)
    spent = node.airlock.spent(request, viewer=at("grace"))
    assert spent.epsilon == 0.5
    assert await told(client, "grace") == [
        {
            "request": request,
            "releases": {"spent": spent.releases, "of": 7},
            "bytes": {"spent": spent.bytes, "of": 900},
            "privacy": {"spent": 0.5, "of": 1.0, "delta": 0.0, "tables": 2},
        }
    ]
    assert await told(client, "dora") == await told(client, "grace")


async def test_what_was_spent_is_no_business_of_others(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    await started(client, node, SecretKey.generate())
    assert await told(client, "mallory") == await told(client, "ada") == []
    assert (await client.get("/access/runs")).status_code == 401
    signed_alone = node.site.headers("GET", "/access/runs", b"", now=NOW)
    assert (await client.get("/access/runs", headers=signed_alone)).status_code == 401


async def test_where_a_permit_sets_no_privacy_budget_none_is_told(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    run = await started(client, node, SecretKey.generate())
    (before,) = await told(client, "grace")
    offered(node, run, TABLE)
    (after,) = await told(client, "grace")
    assert before["privacy"] is after["privacy"] is None
    assert (before["releases"]["spent"], after["releases"]["spent"]) == (0, 1)
    assert 0 == before["bytes"]["spent"] < after["bytes"]["spent"] < after["bytes"]["of"]


async def test_a_start_needs_the_passport_too(node: RunNode, client: httpx.AsyncClient) -> None:
    node.approved()
    body = node.asked(SecretKey.generate()).model_dump_json().encode()
    headers = node.site.headers("POST", "/access/runs", body, now=NOW)
    answer = await client.post(
        "/access/runs", content=body, headers=headers | {"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_needed")


async def test_the_same_request_is_not_taken_twice(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    run = await started(client, node, SecretKey.generate())
    path, body = f"/access/runs/{run}/standing", b'{"phase":"running"}'
    headers = node.site.headers("POST", path, body, now=NOW)
    assert (await signed(client, node.site, path, body, headers=headers)).status_code == 200
    again = await signed(client, node.site, path, body, headers=headers)
    assert (again.status_code, again.json()["error"]) == (401, "signature_refused")


@pytest.mark.parametrize("late", [-31, 61])
async def test_a_request_of_another_time_is_refused(
    node: RunNode, client: httpx.AsyncClient, late: int
) -> None:
    run = await started(client, node, SecretKey.generate())
    path, body = f"/access/runs/{run}/standing", b'{"phase":"running"}'
    headers = node.site.headers("POST", path, body, now=NOW - late)
    assert (await signed(client, node.site, path, body, headers=headers)).status_code == 401


@pytest.mark.parametrize("forge", ["body", "path", "keyid", "signature", "profile", "nothing"])
async def test_a_forged_request_is_refused_and_all_of_them_alike(
    node: RunNode, client: httpx.AsyncClient, forge: str
) -> None:
    run = await started(client, node, SecretKey.generate())
    path, body = f"/access/runs/{run}/standing", b'{"phase":"running"}'
    site = node.site
    if forge == "keyid":
        site = Site(workspace_id="ws-unknown")
    headers: dict[str, Any] = site.headers("POST", path, body, now=NOW)
    if forge == "body":
        body = b'{"phase":"wiped"}'
    if forge == "path":
        headers = site.headers("POST", path + "/x", body, now=NOW)
    if forge == "signature":
        headers["Signature"] = f"skerry=:{base64.b64encode(bytes(64)).decode()}:"
    if forge == "profile":
        headers["Signature-Input"] = headers["Signature-Input"].replace(' "content-digest"', "")
    if forge == "nothing":
        headers = {"Content-Type": "application/json"}
    answer = await signed(client, node.site, path, body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "signature_refused")
    assert answer.json()["message"] == "This request is not signed by a workspace known here."


async def test_the_identity_of_another_workspace_signs_for_its_own_only(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    run = await started(client, node, SecretKey.generate())
    other = node.registered(owner="mallory")
    path = f"/access/runs/{run}/standing"
    answer = await signed(client, other, path, b'{"phase":"running"}')
    assert answer.status_code == 404
    posing = Site(identity=other.identity, workspace_id=node.site.workspace_id)
    assert (await signed(client, posing, path, b'{"phase":"running"}')).status_code == 401


async def test_after_its_revocation_a_workspace_can_only_say_that_all_is_wiped(
    node: RunNode, client: httpx.AsyncClient
) -> None:
    run = await started(client, node, SecretKey.generate())
    node.access.recipients.revoke(node.site.workspace_id, by=at("adam"), is_admin=True)
    path = f"/access/runs/{run}/standing"
    assert (await signed(client, node.site, path, b'{"phase":"running"}')).status_code == 401
    from tests.access.runs.test_starts import _receipt

    receipt = _receipt(node, run).model_dump_json().encode()
    answer = await signed(client, node.site, "/access/runs/receipts", receipt)
    assert answer.status_code == 204
    assert node.recorded("access.run")[-1]["step"] == "wiped"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"phase":1}', b"\xff", b'{"phase":"x","y":1}']
)
async def test_a_malformed_body_is_refused_in_a_sentence(
    node: RunNode, client: httpx.AsyncClient, body: bytes
) -> None:
    run = await started(client, node, SecretKey.generate())
    answer = await signed(client, node.site, f"/access/runs/{run}/standing", body)
    assert answer.status_code == 400


async def test_one_registers_replaces_and_forgets_a_key(client: httpx.AsyncClient) -> None:
    assert (await client.get("/access/keys", headers=GRACE)).status_code == 404
    for _ in range(2):
        key = SecretKey.generate().public.hex()
        made = await client.post("/access/keys", json={"public_key": key}, headers=GRACE)
        assert made.status_code == 200
        held = await client.get("/access/keys", headers=GRACE)
        assert held.json()["public_key"] == key
    other = await client.get("/access/keys", headers={"x-test-person": "mallory"})
    assert other.status_code == 404
    assert (await client.delete("/access/keys", headers=GRACE)).status_code == 204
    assert (await client.delete("/access/keys", headers=GRACE)).status_code == 404


@pytest.mark.parametrize("key", ["00" * 32, "01" + "00" * 31, "zz" * 32, "ab", "ff" * 32])
async def test_a_weak_or_malformed_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/access/keys", json={"public_key": key}, headers=GRACE)
    assert answer.status_code == 400


async def test_nobody_registers_a_key_without_signing_in(client: httpx.AsyncClient) -> None:
    key = SecretKey.generate().public.hex()
    assert (await client.post("/access/keys", json={"public_key": key})).status_code == 401
