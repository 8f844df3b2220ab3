from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.requests.lifecycle import Step
from passports.errors import BadToken
from passports.identity import Identity, proven
from passports.rotation import announce
from passports.tokens import SigningKey
from tests.support.access_node import BROKER_SECRET, URL, AccessNode, at

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


@pytest.fixture
def http(node: AccessNode) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(node.app()), base_url="http://node")


def by(name: str) -> dict[str, str]:
    return {"x-test-person": name}


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def asked(workspace: str, **changed: object) -> dict[str, object]:
    form: dict[str, object] = {
        "dataset": "ds1",
        "project": "Sight",
        "purpose": "Eyes.",
        "workspace": workspace,
        "months": 6,
    }
    return form | changed


async def test_from_draft_to_visa_and_back(node: AccessNode, http: httpx.AsyncClient) -> None:
    workspace = node.workspace()
    made = await http.post("/access/requests", json=asked(workspace), headers=by("grace"))
    assert made.status_code == 201
    path = f"/access/requests/{made.json()['id']}"
    assert (await http.get(path, headers=by("dora"))).status_code == 404
    await http.post(f"{path}/submit", headers=by("grace"))
    listed = await http.get("/access/requests", headers=by("dora"))
    assert [one["state"] for one in listed.json()["requests"]] == ["submitted"]
    body = {"note": "Good.", "months": 2}
    approved = await http.post(f"{path}/approve", json=body, headers=by("dora"))
    assert approved.json()["grant"]["workspace"] == workspace
    own = (await http.get(path, headers=by("grace"))).json()
    assert [event["by"] for event in own["events"]] == ["requester", "requester", "committee"]
    visas = await http.get("/access/permissions/grace", headers=bearer(BROKER_SECRET))
    assert len(visas.json()["ga4gh_passport_v1"]) == 1
    assert visas.headers["cache-control"] == "no-store"
    mine = await http.get("/access/visas", headers=by("grace"))
    assert len(mine.json()["ga4gh_passport_v1"]) == 1
    await http.post(f"{path}/revoke", headers=by("dora"))
    after = await http.get("/access/permissions/grace", headers=bearer(BROKER_SECRET))
    assert after.json() == {"ga4gh_passport_v1": []}


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(BROKER_SECRET + "x")])
async def test_permissions_are_for_the_broker(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.get("/access/permissions/grace", headers=headers)
    assert answer.status_code == 401


async def test_an_empty_broker_secret_opens_nothing(node: AccessNode) -> None:
    app = node.app(broker_secret="")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://node"
    ) as http:
        assert (await http.get("/access/permissions/grace")).status_code == 401


async def test_an_unknown_subject_has_no_visas(http: httpx.AsyncClient) -> None:
    answer = await http.get("/access/permissions/nobody", headers=bearer(BROKER_SECRET))
    assert answer.json() == {"ga4gh_passport_v1": []}


@pytest.mark.parametrize(
    "path",
    ["/access/requests", "/access/visas", "/access/workspaces", "/access/whoami"],
)
async def test_nobody_is_answered_nothing(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 401


async def test_unknown_and_not_yours_look_alike(node: AccessNode, http: httpx.AsyncClient) -> None:
    request_id = node.submitted(node.workspace())
    for person in ("rosa", "emil", "adam"):
        theirs = await http.get(f"/access/requests/{request_id}", headers=by(person))
        unknown = await http.get("/access/requests/req-unknown", headers=by(person))
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.content == unknown.content
        acted = await http.post(f"/access/requests/{request_id}/approve", headers=by(person))
        assert (acted.status_code, acted.content) == (404, unknown.content)


@pytest.mark.parametrize("dataset", ["nowhere", "hidden"])
async def test_a_dataset_that_may_not_be_known_is_not_requested(
    node: AccessNode, http: httpx.AsyncClient, dataset: str
) -> None:
    form = asked(node.workspace(), dataset=dataset)
    answer = await http.post("/access/requests", json=form, headers=by("grace"))
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": ""},
        {"purpose": "x" * 4097},
        {"purpose": "ü" * 3000},
        {"project": " "},
        {"months": 0},
        {"months": 25},
        {"workspace": "ws-unknown"},
        {"state": "approved"},
    ],
)
async def test_a_malformed_request_is_refused(
    node: AccessNode, http: httpx.AsyncClient, changed: dict[str, object]
) -> None:
    form = asked(node.workspace()) | changed
    answer = await http.post("/access/requests", json=form, headers=by("grace"))
    assert answer.status_code == 400
    assert node.store.requests_of(at("grace")) == ()


async def test_an_unknown_step_and_months_elsewhere_are_refused(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    path = f"/access/requests/{node.submitted(node.workspace())}"
    assert (await http.post(f"{path}/bless", headers=by("dora"))).status_code == 400
    answer = await http.post(f"{path}/reject", json={"months": 3}, headers=by("dora"))
    assert answer.status_code == 400
    twice = await http.post(f"{path}/submit", headers=by("grace"))
    assert twice.status_code == 409


async def test_a_returned_request_comes_back_and_a_rejected_one_does_not(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    path = f"/access/requests/{node.submitted(node.workspace())}"
    for step, person, state in (
        ("return", "dora", "returned"),
        ("submit", "grace", "submitted"),
        ("reject", "dora", "rejected"),
    ):
        answer = await http.post(f"{path}/{step}", headers=by(person))
        assert answer.json()["state"] == state
    assert (await http.post(f"{path}/submit", headers=by("grace"))).status_code == 409


async def test_a_workspace_is_registered_proven_and_confirmed(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    identity, key = Ed25519PrivateKey.generate(), bytes([9]) * 32
    form = {
        "name": "Lab",
        "public_key": key.hex(),
        "identity_key": identity.public_key().public_bytes_raw().hex(),
        "signature": identity.sign(key).hex(),
    }
    made = await http.post("/access/workspaces", json=form, headers=by("grace"))
    path = f"/access/workspaces/{made.json()['id']}"
    assert made.json()["challenge"]
    answer = {"answer": node.secrets[key].hex()}
    assert (await http.post(f"{path}/proof", json=answer, headers=by("rosa"))).status_code == 404
    proven = await http.post(f"{path}/proof", json=answer, headers=by("grace"))
    assert proven.json()["state"] == "proven"
    assert (await http.post(f"{path}/confirm", headers=by("grace"))).status_code == 403
    assert (await http.post(f"{path}/confirm", headers=by("rosa"))).status_code == 404
    confirmed = await http.post(f"{path}/confirm", headers=by("adam"))
    assert confirmed.json()["state"] == "confirmed"
    assert (await http.get(path, headers=by("rosa"))).status_code == 404
    assert (await http.get(path, headers=by("grace"))).json()["state"] == "confirmed"
    assert (await http.get("/access/workspaces", headers=by("rosa"))).json()["workspaces"] == []
    everyone = await http.get("/access/workspaces", headers=by("adam"))
    assert len(everyone.json()["workspaces"]) == 1


@pytest.mark.parametrize("name", ["public_key", "identity_key", "signature"])
async def test_a_key_that_is_not_hex_is_refused(http: httpx.AsyncClient, name: str) -> None:
    form = {
        "name": "Lab",
        "public_key": "0" * 64,
        "identity_key": "0" * 64,
        "signature": "0" * 128,
    }
    answer = await http.post("/access/workspaces", json=form | {name: "x"}, headers=by("grace"))
    assert answer.status_code == 400


async def test_whoami_says_what_part_one_plays(http: httpx.AsyncClient) -> None:
    dora = (await http.get("/access/whoami", headers=by("dora"))).json()
    assert (dora["committee_of"], dora["admin"]) == (["ds1", "hidden"], False)
    adam = (await http.get("/access/whoami", headers=by("adam"))).json()
    assert (adam["committee_of"], adam["admin"]) == ([], True)


async def test_check_tells_hidden_from_unknown_to_nobody(http: httpx.AsyncClient) -> None:
    hidden = await http.get("/access/check", params={"dataset": "hidden"})
    unknown = await http.get("/access/check", params={"dataset": "nowhere"})
    assert hidden.status_code == unknown.status_code == 403
    assert hidden.content == unknown.content


async def test_check_gives_a_reason_for_a_listed_dataset(http: httpx.AsyncClient) -> None:
    listed = await http.get("/access/check", params={"dataset": "ds1", "action": "stream"})
    assert listed.status_code == 403
    assert "grant" in listed.json()["message"]


async def test_visa_keys_are_public_and_only_public(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    (key,) = (await http.get("/.well-known/jwks.json")).json()["keys"]
    assert key["kid"] == node.visa_key.kid
    assert "d" not in key


async def test_a_retired_key_vouches_for_visas_that_are_out_for_a_day(node: AccessNode) -> None:
    old, day = SigningKey.generate(), 24 * 60 * 60
    listed = []
    for ago in (day, day + 1):
        said = announce(
            node.visa_key, old=old, public_url=URL, node="org.node", now=node.clock() - ago
        )
        node.rotations = (said,)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(node.app()), base_url="http://node"
        ) as http:
            keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
            challenge = {"challenge": "a-fresh-challenge-of-ours"}
            proof = (await http.get("/access/identity", params=challenge)).json()
        listed.append([key["kid"] for key in keys])
        assert proven(proof, challenge["challenge"]).unverified_rotations == (said,)
        assert not any("d" in key for key in keys)
    assert listed == [[node.visa_key.kid, old.kid], [node.visa_key.kid]]


async def test_every_step_is_on_record_before_its_answer_and_names_nobody(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora")
    lines = [line for line in node.kinds() if "access.request" in line]
    assert len(lines) == 3
    assert not any("grace" in line or "dora" in line or "Eyes" in line for line in lines)
    node.record.close()
    refused = await http.post(f"/access/requests/{request_id}/revoke", headers=by("dora"))
    assert refused.status_code == 503


async def test_the_node_proves_its_key_to_anyone_who_asks_with_a_challenge_of_their_own(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    first, second = "first-challenge-of-mine-0", "second-challenge-of-mine"
    answer = await http.get("/access/identity", params={"challenge": first})
    assert answer.headers["cache-control"] == "no-store"
    assert proven(answer.json(), first) == Identity(URL, node.visa_key.kid)
    with pytest.raises(BadToken):
        proven(answer.json(), second)


@pytest.mark.parametrize(
    "challenge", ["", "short", "x" * 65, "an.answer.with.three.parts", "é" * 30]
)
async def test_what_is_no_challenge_is_not_signed(http: httpx.AsyncClient, challenge: str) -> None:
    answer = await http.get("/access/identity", params={"challenge": challenge})
    assert answer.status_code in (400, 422)
    assert "proof" not in answer.text
