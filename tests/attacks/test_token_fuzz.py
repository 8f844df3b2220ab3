"""Anything at all in a token's place: a clear refusal or a right answer, and no stray fetch.

Random text, real tokens bent character by character, and signed tokens whose claims are arbitrary.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.caller import caller
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from passports.tokens import PASSPORT_TYP, VISA_TYP
from schemas.errors import SkerryError
from schemas.wire import canonical_json
from tests.support.broker import NODE, USERINFO, Federation

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([NODE, "dac", "rosa", "const:x", "pattern:*", "split_pattern:*;?", "", "*"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "value", "source", "by", "conditions", "asserted", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
CLAIMS = st.dictionaries(
    st.sampled_from(
        ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope", "azp", "ga4gh_passport_v1",
         "ga4gh_visa_v1"]
    ),
    JSON,
    max_size=4,
)  # fmt: skip
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
FEDERATION = Federation()
FEDERATION.take_access_tokens(FEDERATION.node.visa())
HOUSE = FEDERATION.clearinghouse()
KNOWN = {FEDERATION.broker.jku, FEDERATION.node.jku, USERINFO}


def _admitted(raw_token: str) -> Researcher | None:
    """None when it was refused in words; anything else that is raised fails the test."""
    try:
        return asyncio.run(HOUSE.admit(raw_token))
    except SkerryError as refused:
        if not 400 <= refused.status < 500:
            raise
        return None
    finally:
        assert set(FEDERATION.network.asked) <= KNOWN


@FEW
@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]{1,80}(\.[A-Za-z0-9_-]{0,80}){0,4}"))
def test_text_is_never_a_token(raw_token: str) -> None:
    assert _admitted(raw_token) is None


@FEW
@given(
    st.sampled_from(["passport", "access"]),
    st.integers(0, 4000),
    st.sampled_from(["", "A", ".", "=", "\x00", "é", "-", "eyJhbGciOiJub25lIn0"]),
    st.integers(0, 3),
)
def test_a_real_token_bent_anywhere_is_refused(kind: str, at: int, put: str, cut: int) -> None:
    raw = (
        FEDERATION.passport([FEDERATION.node.visa()])
        if kind == "passport"
        else FEDERATION.access_token()
    )
    at %= len(raw)
    bent = raw[:at] + put + raw[at + cut :]
    assert bent == raw or _admitted(bent) is None


@FEW
@given(st.sampled_from([PASSPORT_TYP, "at+jwt", VISA_TYP, "JWT"]), CLAIMS)
def test_signed_claims_of_any_shape_are_judged(typ: str, changes: dict[str, Any]) -> None:
    make = FEDERATION.passport if typ == PASSPORT_TYP else FEDERATION.access_token
    found = _admitted(make(typ=typ, **changes))
    assert found is None or (found.subject and found.issuer == FEDERATION.broker.issuer)


@FEW
@given(JSON, CLAIMS)
def test_signed_visas_of_any_shape_never_spoil_the_passport(
    body: Any, changes: dict[str, Any]
) -> None:
    claims = FEDERATION.node.claims() | changes
    if isinstance(body, dict):
        good: Any = FEDERATION.node.claims()["ga4gh_visa_v1"]
        body = good | body
    odd = FEDERATION.node.key.jws(
        json.dumps(claims | {"ga4gh_visa_v1": body}).encode(), typ=VISA_TYP, jku=FEDERATION.node.jku
    )
    found = _admitted(FEDERATION.passport([odd, FEDERATION.node.visa(sub="rosa", jti="good")]))
    assert found is not None
    assert "good" in {visa.jti for visa in found.visas}
    assert all(visa.value.startswith(f"{NODE}/datasets/") for visa in found.visas)


@FEW
@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "jku", "jwk", "crit"]), JSON))
def test_headers_of_any_shape_fetch_nothing_of_their_own(header: dict[str, Any]) -> None:
    raw = FEDERATION.passport()
    given_header = {"alg": "ES256", "typ": PASSPORT_TYP, "kid": FEDERATION.broker.key.kid} | header
    first = base64.urlsafe_b64encode(canonical_json(given_header)).rstrip(b"=").decode()
    _admitted(".".join([first, *raw.split(".")[1:]]))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "header",
    [b"", b"Bearer", b"Bearer ", b"Bearer a b", b"Basic eA==", b"bearer \xff", b"Bearer a.b.c",
     b"Bearer " + b"x" * 300_000, b"Bearer eyJhbGciOiJub25lIn0.e30.", b"Bearer null"],
)  # fmt: skip
async def test_at_the_door_every_odd_credential_is_a_clear_4xx(header: bytes) -> None:
    app = FastAPI()
    who = caller(HOUSE)

    @app.get("/")
    async def route(request: Request) -> bool:
        return await who(request) is None

    ErrorTable(bodies={}, realm="test").install(app)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=NODE) as http:
        answer = await http.get("/", headers=[(b"Authorization", header)])
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 1000
