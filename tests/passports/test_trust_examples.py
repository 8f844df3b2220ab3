"""The worked examples of docs/trust.md, against tokens shaped as the systems emit them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from passports import trust
from passports.keys import KeyStore
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from passports.userinfo import Userinfo
from tests.support.broker import BONA_FIDE, NOW, SCOPE, Clock, Network, streamed

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).resolve().parents[2] / "docs" / "trust.md"
NODE = "https://node.example.org"
LS = "https://login.aai.lifescience-ri.eu/oidc/"
SSO = "https://sso.example.org/realms/research"
DAY = 24 * 3600


class Rsa:
    """An RS256 signer with a key set, as Java and Clojure libraries make them."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self) -> dict[str, object]:
        made = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"kty": "RSA", "e": made["e"], "n": made["n"], "kid": "rsa1", "use": "sig"}

    def sign(self, claims: dict[str, Any], **header: str) -> str:
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "rsa1", **header})


def _visa(key: Rsa, iss: str, jku: str, *, sub: str, lasts: int = DAY, **body: object) -> str:
    claims = {"iss": iss, "sub": sub, "iat": NOW, "exp": NOW + lasts}
    return key.sign(claims | {"ga4gh_visa_v1": {"asserted": NOW - DAY} | body}, jku=jku)


def _house(tmp_path: Path, heading: str, network: Network) -> Clearinghouse:
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    path = tmp_path / "trust.yaml"
    path.write_text(found[1], encoding="utf-8")
    table, http = trust.load(path), network.client()
    return Clearinghouse(
        trust=table,
        keys=KeyStore(table, http=http, clock=Clock()),
        userinfo=Userinfo(http=http, clock=Clock()),
        audience=NODE,
        clock=Clock(),
    )


def _says(found: Researcher) -> dict[str, str]:
    return {visa.type.value: visa.value for visa in found.visas}


async def test_ls_login_as_it_emits(tmp_path: Path) -> None:
    network, key = Network(), Rsa()
    jku, sub = f"{LS}jwk", "28f7bc3a@lifescience-ri.eu"
    network.serve_keys(jku, key.jwk())
    elixir = "https://elixir-europe.org/"
    visas = [
        _visa(key, LS, jku, sub=sub, type="AcceptedTermsAndPolicies", value=BONA_FIDE,
              source=elixir, by="self", lasts=100 * 365 * DAY),
        _visa(key, LS, jku, sub=sub, type="ResearcherStatus", value=BONA_FIDE,
              source=elixir, by="peer", lasts=365 * DAY),
        _visa(key, LS, jku, sub=sub, type="AffiliationAndRole",
              value="affiliate@lifescience-ri.eu", source=None, by="system"),
        _visa(key, LS, jku, sub=sub, type="ControlledAccessGrants",
              value=f"{NODE}/datasets/x", source=elixir, by="system"),
    ]  # fmt: skip
    network.serve(f"{LS}userinfo", lambda _: streamed({"sub": sub, "ga4gh_passport_v1": visas}))
    token = key.sign({"iss": LS, "sub": sub, "aud": "YOUR-CLIENT-ID", "iat": NOW, "exp": NOW + 3600,
                      "scope": SCOPE, "jti": "t"})  # fmt: skip
    found = await _house(tmp_path, "LS Login", network).admit(token)
    assert _says(found) == {
        "AcceptedTermsAndPolicies": BONA_FIDE,
        "ResearcherStatus": BONA_FIDE,
        "AffiliationAndRole": "affiliate@lifescience-ri.eu",
    }
    assert found.visas[0].expires == NOW + 364 * DAY
    assert [drop.reason for drop in found.dropped] == ["type_not_allowed"]


async def test_rems_as_it_emits(tmp_path: Path) -> None:
    network, key, broker = Network(), Rsa(), SigningKey.generate()
    jku, login = "https://rems.example.org/api/jwk", "https://login.example.org"
    network.serve_keys(jku, key.jwk())
    network.serve_keys(f"{login}/jwks", broker.public_jwk())
    grant = {"type": "ControlledAccessGrants", "by": "dac"}
    visas = [
        _visa(key, "https://rems.example.org/", jku, sub="elixir-1", value=value,
              source=source, lasts=365 * DAY, **grant)
        for value, source in (
            ("EGAD00001000001", "EGAC00001000001"),
            ("EGAD00001000002", "EGAC00001000001"),
            ("EGAD00001000001", "https://rems.example.org"),
            ("https://node.example.org/datasets/cohort-1", "https://rems.example.org/"),
        )
    ]  # fmt: skip
    claims = {"iss": login, "sub": "elixir-1", "aud": NODE, "iat": NOW, "exp": NOW + 600}
    raw = sign(claims | {"ga4gh_passport_v1": visas}, key=broker, typ=PASSPORT_TYP)
    found = await _house(tmp_path, "REMS", network).admit(raw)
    assert _says(found) == {"ControlledAccessGrants": f"{NODE}/datasets/cohort-1"}
    assert [drop.reason for drop in found.dropped] == [
        "value_not_allowed", "source_not_allowed", "value_not_allowed"
    ]  # fmt: skip


async def test_keycloak_as_it_emits(tmp_path: Path) -> None:
    network, key, issuer = Network(), Rsa(), Rsa()
    certs, jku = f"{SSO}/protocol/openid-connect/certs", "https://visas.example.org/jwks"
    encryption = Rsa().jwk() | {"kid": "enc", "use": "enc", "alg": "RSA-OAEP"}
    network.serve_keys(certs, encryption, key.jwk())
    network.serve_keys(jku, issuer.jwk())
    by: dict[str, Any] = {"source": "https://visas.example.org", "sub": "rosa"}
    visas = [
        _visa(issuer, "https://visas.example.org", jku, type="ResearcherStatus",
              value="researcher", by="so", **by),
        _visa(issuer, "https://visas.example.org", jku, type="AcceptedTermsAndPolicies",
              value=BONA_FIDE, by="self", **by),
        _visa(issuer, "https://visas.example.org", jku, type="ResearcherStatus",
              value="admin", by="so", **by),
    ]  # fmt: skip
    body = {"sub": "rosa", "preferred_username": "rosa", "ga4gh_passport_v1": visas}
    asked: list[str] = []

    def userinfo(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return streamed(body)

    network.serve(f"{SSO}/protocol/openid-connect/userinfo", userinfo)
    claims = {"iss": SSO, "sub": "rosa", "aud": ["beacon", "account"], "azp": "portal", "iat": NOW,
              "exp": NOW + 300, "typ": "Bearer", "scope": SCOPE}  # fmt: skip
    token = key.sign(claims, typ="JWT")
    found = await _house(tmp_path, "Keycloak", network).admit(token)
    assert _says(found) == {"ResearcherStatus": BONA_FIDE, "AcceptedTermsAndPolicies": BONA_FIDE}
    assert [drop.reason for drop in found.dropped] == ["value_not_allowed"]
    assert asked == [f"Bearer {token}"]
