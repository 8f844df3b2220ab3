"""Picks the usable public keys out of an issuer's key set (RFC 7517, RFC 7518 6).

Each key is judged alone: weak, foreign, symmetric or garbled entries are left out and the good
ones kept. Fetching is for `keys`, using for `tokens`.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_KEYS = 100
MAX_KID_CHARS = 255


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and the only algorithm it may be used with."""

    kid: str
    algorithm: str
    key: RSAPublicKey | EllipticCurvePublicKey


def usable_keys(jwks: Mapping[str, object]) -> dict[str, PublicKey]:
    """By `kid`; a `kid` that occurs twice names no key at all."""
    entries = jwks.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        return {}
    kids = Counter(
        entry["kid"]
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str)
    )
    found = (_usable(entry) for entry in entries if isinstance(entry, dict))
    return {key.kid: key for key in found if key is not None and kids[key.kid] == 1}


def _usable(entry: Mapping[str, object]) -> PublicKey | None:
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARS:
        return None
    if entry.get("use", "sig") != "sig" or not _may_verify(entry):
        return None
    try:
        match entry.get("kty"):
            case "RSA":
                return _rsa(kid, entry)
            case "EC":
                return _ec(kid, entry)
            case _:
                return None
    except (ValueError, binascii.Error):
        return None


def _may_verify(entry: Mapping[str, object]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _rsa(kid: str, entry: Mapping[str, object]) -> PublicKey | None:
    if entry.get("alg", "RS256") != "RS256":
        return None
    numbers = RSAPublicNumbers(_number(entry.get("e"), cap=8), _number(entry.get("n"), cap=1024))
    if not MIN_RSA_BITS <= numbers.n.bit_length() <= MAX_RSA_BITS:
        return None
    return PublicKey(kid, "RS256", numbers.public_key())


def _ec(kid: str, entry: Mapping[str, object]) -> PublicKey | None:
    if entry.get("alg", "ES256") != "ES256" or entry.get("crv") != "P-256":
        return None
    x, y = _number(entry.get("x"), cap=32), _number(entry.get("y"), cap=32)
    return PublicKey(kid, "ES256", EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key())


def _number(value: object, *, cap: int) -> int:
    if not isinstance(value, str) or not 0 < len(value) <= cap * 4 // 3 + 4:
        raise ValueError("expected a base64url number")
    data = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    if len(data) > cap + 1:
        raise ValueError("number too long")
    return int.from_bytes(data, "big")
