"""A node assembled whole: its broker's Passport, a bearer for it, and both revoked at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from tests.support.node_folder import URL, node_folder
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio
BROKER = "https://broker.example"
KEY = SigningKey.generate()


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    home = node_folder(tmp_path / "node")
    broker = {"issuer": BROKER, "jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}
    home.trust.write_text(yaml.safe_dump({"brokers": [broker], "revoked": "revoked.txt"}), "utf-8")
    (home.trust.parent / "revoked.txt").write_text("", "utf-8")
    return home


async def test_a_passport_becomes_a_bearer_that_ends_when_the_passport_is_revoked(
    node: NodeHome,
) -> None:
    now = int(time.time())
    claims = {"iss": BROKER, "sub": "rosa", "aud": URL, "iat": now, "exp": now + 600, "jti": "p-1"}
    raw = sign(claims | {"ga4gh_passport_v1": []}, key=KEY, typ=PASSPORT_TYP)
    async with serving(node) as http:
        opened = await http.post("/access/session", json={"passports": [raw]})
        assert opened.status_code == 200
        assert now + 600 - time.time() - 1 <= opened.json()["expires_in"] <= 600
        headers = {"Authorization": f"Bearer {opened.json()['access_token']}"}
        who = await http.get("/access/whoami", headers=headers)
        assert "rosa" in who.text
        revoked = node.trust.parent / "revoked.txt"
        revoked.write_text(f"jti {BROKER} p-1\n", "utf-8")
        assert (await http.get("/access/whoami", headers=headers)).status_code == 401
        assert (await http.get("/beacon/datasets", headers=headers)).status_code == 401
        assert (await http.get("/beacon/datasets")).status_code == 200
