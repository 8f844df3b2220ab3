"""A node that runs: it takes up policies and revocations without being started again."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path

import httpx
import pytest
import yaml
from sqlalchemy import text

from access.grants import JWKS_PATH, mint
from access.policies.file import load_policies
from access.requests.lifecycle import Step
from access.store import Store
from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from tests.support.access_node import ISSUER, AccessNode, Clock, at
from tests.support.command import skerry
from tests.support.node_folder import URL, node_folder
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio

PUBLIC = {"id": "ds1", "level": "public"}
CLOSED = {"id": "ds1", "level": "controlled", "profile": "controlled"}
CHECK = "/access/check?dataset=ds1"


def write(home: NodeHome, *datasets: object) -> None:
    home.policies.write_text(yaml.safe_dump({"datasets": list(datasets)}))


async def becomes(http: httpx.AsyncClient, status: int) -> None:
    """Raises `TimeoutError`."""
    async with asyncio.timeout(600):
        while (await http.get(CHECK)).status_code != status:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.01)


async def test_a_running_node_takes_up_what_is_activated_and_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.app._REFRESH_SECONDS", 0.01)
    home = node_folder(tmp_path / "node", policies=[PUBLIC])
    why = ("--reason", "tested", "--author", "adam@signin.example")
    async with serving(home) as http:
        assert (await http.get(CHECK)).status_code == 200
        write(home, CLOSED)
        await asyncio.sleep(0.05)
        assert (await http.get(CHECK)).status_code == 200  # a draft is only a draft
        assert skerry("policy", "activate", home.root, *why).code == 0
        await becomes(http, 403)
        write(home, PUBLIC)
        assert skerry("policy", "activate", home.root, *why).code == 0
        await becomes(http, 200)
        assert skerry("policy", "rollback", home.root, *why).code == 0
        await becomes(http, 403)
    entries = [json.loads(line) for line in home.record.read_text().splitlines()]
    noted = [one["facts"] for one in entries if one["kind"] == "policy.activated"]
    assert [(one["cause"], one.get("number")) for one in noted] == [
        ("start", None),
        ("activate", 1),
        ("activate", 2),
        ("rollback", 1),
    ]
    assert skerry("verify-audit", home.root).code == 0


async def test_what_was_decided_on_is_kept_for_trying_policies_on(tmp_path: Path) -> None:
    home = node_folder(tmp_path / "node", policies=[PUBLIC])
    async with serving(home) as http:
        for _ in range(3):
            await http.get(CHECK)
    write(home, CLOSED)
    (tmp_path / "was.yaml").write_text(yaml.safe_dump({"datasets": [PUBLIC]}))
    ran = skerry("policy", "diff", home.root, tmp_path / "was.yaml", "draft")
    assert "ds1: discover: 3 times: permit, boolean, public -> deny, needs_grant" in ran.out


async def test_a_running_node_stops_honouring_a_revoked_grant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.own_grants.KEPT_SECONDS", 0)
    home, broker = node_folder(tmp_path / "node", policies=[CLOSED]), SigningKey.generate()
    visa_key = SigningKey.load(home.visa_key)
    home.trust.write_text(yaml.safe_dump(_trust(broker, visa_key)))
    request_id = _approved(tmp_path, home)
    store = Store(home.control_url)
    now = int(time.time())
    visas = mint(
        store.active_grants(at("grace"), now=now),
        subject="grace",
        book=load_policies(home.policies, public_url=URL),
        public_url=URL,
        key=visa_key,
        now=now,
    )
    claims = {"iss": ISSUER, "sub": "grace", "aud": URL, "iat": now, "exp": now + 600}
    passport = sign(claims | {"ga4gh_passport_v1": list(visas)}, key=broker, typ=PASSPORT_TYP)
    bearer = {"authorization": f"Bearer {passport}"}
    async with serving(home) as http:
        before = await http.get(CHECK, headers=bearer)
        with store.writing() as session:
            session.connection().execute(
                text("UPDATE access_grant SET revoked = :now WHERE request_id = :id"),
                {"now": now, "id": request_id},
            )
        after = await http.get(CHECK, headers=bearer)
        whoami = await http.get("/access/whoami", headers=bearer)
    store.close()
    assert (before.status_code, after.status_code) == (200, 403)
    assert [one["reason"] for one in whoami.json()["dropped"]] == ["revoked"]


def _trust(broker: SigningKey, visa_key: SigningKey) -> dict[str, object]:
    jwks = f"{ISSUER}/jwks"
    assertion = {"type": "ControlledAccessGrants", "sources": [URL], "by": ["dac"]}
    return {
        "brokers": [
            {
                "issuer": ISSUER,
                "jwks_url": jwks,
                "keys": [broker.public_jwk()],
                "algorithms": ["ES256"],
            }
        ],
        "visa_issuers": [
            {
                "issuer": URL,
                "jku": f"{URL}{JWKS_PATH}",
                "keys": [visa_key.public_jwk()],
                "subject_namespace": ISSUER,
                "may_assert": [assertion | {"values": [f"{URL}/datasets/*"]}],
            }
        ],
    }


def _approved(folder: Path, home: NodeHome) -> str:
    """A control database in which grace's request for ds1 was approved."""
    (folder / "desk").mkdir()
    desk = AccessNode(folder / "desk", clock=Clock(int(time.time())))
    request_id = desk.submitted(desk.workspace())
    desk.take(request_id, Step.APPROVE, by="dora")
    desk.close()
    shutil.copy(folder / "desk" / "control.db", home.root / "control.db")
    return request_id
