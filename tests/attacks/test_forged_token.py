"""Tokens whose signature or form is not what it says (RFC 8725)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from passports.errors import BadToken, Reason
from passports.tokens import PASSPORT_TYP, SigningKey
from tests.support.broker import Federation

pytestmark = pytest.mark.anyio
EVIL = "https://evil.example"


def _part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def _refused(federation: Federation, raw: str) -> Reason:
    with pytest.raises(BadToken) as refusal:
        await federation.clearinghouse().admit(raw)
    return refusal.value.reason


def _header(federation: Federation, **changes: object) -> dict[str, object]:
    return {"alg": "ES256", "typ": PASSPORT_TYP, "kid": federation.broker.key.kid} | changes


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 7, ["ES256"]])
async def test_no_algorithm_is_no_signature(algorithm: object) -> None:
    federation = Federation()
    payload = federation.passport().split(".")[1]
    header = _part(_header(federation, alg=algorithm))
    assert await _refused(federation, f"{header}.{payload}.AAAA") is Reason.WRONG_ALGORITHM
    assert await _refused(federation, f"{header}.{payload}.") is Reason.MALFORMED


def _pem(federation: Federation) -> bytes:
    return federation.broker.key._private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize("form", ["jwk", "pem"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_not_a_shared_secret(form: str, algorithm: str) -> None:
    federation = Federation()
    payload = federation.passport().split(".")[1]
    signed = f"{_part(_header(federation, alg=algorithm))}.{payload}"
    jwk = json.dumps(federation.broker.key.public_jwk()).encode()
    secret = jwk if form == "jwk" else _pem(federation)
    mac = _part(hmac.digest(secret, signed.encode(), f"sha{algorithm[2:]}"))
    assert await _refused(federation, f"{signed}.{mac}") is Reason.WRONG_ALGORITHM


async def test_a_shared_secret_in_a_key_set_is_no_key() -> None:
    federation = Federation()
    shared = {"kty": "oct", "kid": "shared", "alg": "HS256", "k": _part(b"secret" * 6)}
    federation.network.serve_keys(federation.broker.jku, shared)
    payload = federation.passport().split(".")[1]
    for algorithm in ("HS256", "ES256"):
        signed = f"{_part(_header(federation, alg=algorithm, kid='shared'))}.{payload}"
        mac = _part(hmac.digest(b"secret" * 6, signed.encode(), hashlib.sha256))
        refused = await _refused(federation, f"{signed}.{mac}")
        assert refused in {Reason.WRONG_ALGORITHM, Reason.UNKNOWN_KEY}


async def test_the_algorithm_must_be_the_keys_own() -> None:
    federation = Federation()
    payload, signature = federation.passport().split(".")[1:]
    header = _part(_header(federation, alg="RS256"))
    refused = await _refused(federation, f"{header}.{payload}.{signature}")
    assert refused is Reason.WRONG_ALGORITHM


async def test_a_key_carried_in_the_token_is_not_looked_at() -> None:
    federation = Federation()
    mine = SigningKey.generate()
    payload = federation.passport().split(".")[1]
    header = _header(federation, jwk=mine.public_jwk(), x5u=f"{EVIL}/x", x5c=["MIIB"])
    forged = mine.jws(base64.urlsafe_b64decode(payload + "=="), typ=PASSPORT_TYP, jku=None)
    raw = f"{_part(header)}.{payload}.{forged.split('.')[2]}"
    assert await _refused(federation, raw) is Reason.BAD_SIGNATURE
    assert federation.network.asked == [federation.broker.jku]


async def test_a_passports_jku_is_never_fetched() -> None:
    federation = Federation()
    mine = SigningKey.generate()
    raw = federation.passport(key=mine, jku=f"{EVIL}/jwks")
    assert await _refused(federation, raw) is Reason.UNKNOWN_KEY
    assert federation.network.asked == [federation.broker.jku]


async def test_a_changed_payload_breaks_the_signature() -> None:
    federation = Federation()
    header, _, signature = federation.passport().split(".")
    payload = federation.passport(sub="dora").split(".")[1]
    assert await _refused(federation, f"{header}.{payload}.{signature}") is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("extension", ["crit", "b64", "zip", "enc"])
async def test_headers_that_change_the_meaning_are_refused(extension: str) -> None:
    federation = Federation()
    payload, signature = federation.passport().split(".")[1:]
    header = _part(_header(federation, **{extension: ["exp"]}))
    assert await _refused(federation, f"{header}.{payload}.{signature}") is Reason.MALFORMED


async def test_duplicate_members_are_refused() -> None:
    federation = Federation()
    header, payload, signature = federation.passport().split(".")
    twice = _part(b'{"alg":"ES256","alg":"ES256"}')
    assert await _refused(federation, f"{twice}.{payload}.{signature}") is Reason.MALFORMED
    twice = _part(b'{"sub":"rosa","sub":"dora"}')
    assert await _refused(federation, f"{header}.{twice}.{signature}") is Reason.MALFORMED


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", Reason.MALFORMED),
        ("a.b", Reason.MALFORMED),
        ("a.b.c.d.e", Reason.MALFORMED),
        ("é.b.c", Reason.MALFORMED),
        ("e30=.e30.e30", Reason.MALFORMED),
        ("e31.e30.e30", Reason.MALFORMED),
        ("x" * 1_000_000, Reason.TOO_LARGE),
        (f"{'x' * 9_000}.e30.e30", Reason.TOO_LARGE),
        (f"e30.{_part(b'[' * 20_000)}.e30", Reason.MALFORMED),
        (f"e30.{_part(b'NaN')}.e30", Reason.MALFORMED),
        (f"e30.{_part(b'[]')}.e30", Reason.MALFORMED),
        (f"e30.{_part(bytes([255]))}.e30", Reason.MALFORMED),
        (f"e30.{_part(b'9' * 9_000)}.e30", Reason.MALFORMED),
    ],
)
async def test_what_is_no_token_is_refused_without_asking_anybody(raw: str, reason: Reason) -> None:
    federation = Federation()
    assert await _refused(federation, raw) is reason
    assert federation.network.asked == []
