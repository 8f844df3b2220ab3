"""Turns one JWT and its key into verified claims, and signs ours (RFC 7519; GA4GH AAI 1.2.1).

The only importer of PyJWT, of which only the signatures are used: the form is `compact`'s, and
types, times and audience are checked here, because it takes `exp` as text, an empty `sub` and its
own clock. Leaves to `keys` which key, and to `trust` which algorithms.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from passports.compact import UnverifiedToken, text
from passports.errors import BadToken, Reason
from passports.jwks import PublicKey
from schemas.wire import canonical_json

ALGORITHMS = ("RS256", "ES256")
PASSPORT_TYP = "vnd.ga4gh.passport+jwt"
VISA_TYP = "vnd.ga4gh.visa+jwt"
LEEWAY_SECONDS = 30
_LAST_SECOND = 2**53
_MAX_AUDIENCES = 100
_JWS = jwt.PyJWS(algorithms=list(ALGORITHMS))
_VERIFIERS = {
    "RS256": jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256),
    "ES256": jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256),
}


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """Claims whose signature, issuer, times and audience hold; only `verify` makes them."""

    issuer: str
    subject: str
    issued_at: int
    expires: int
    jti: str | None
    kid: str
    claims: Mapping[str, object]


def verify(
    token: UnverifiedToken,
    key: PublicKey,
    *,
    issuer: str,
    algorithm: str,
    now: int,
    audiences: Collection[str],
    audience_required: bool,
) -> SignedClaims:
    """Raises `BadToken`; `algorithm` comes from the trust table and must be the key's own."""
    if algorithm not in ALGORITHMS or key.algorithm != algorithm:
        raise BadToken(Reason.WRONG_ALGORITHM)
    if not _signature_holds(token, key, algorithm):
        raise BadToken(Reason.BAD_SIGNATURE)
    claims = token.unverified_claims
    if claims.get("iss") != issuer:
        raise BadToken(Reason.UNKNOWN_ISSUER)
    subject = text(claims.get("sub"), reason=Reason.BAD_CLAIM)
    issued_at, expires = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
    not_before = _seconds(claims["nbf"]) if "nbf" in claims else issued_at
    if now >= expires + LEEWAY_SECONDS:
        raise BadToken(Reason.EXPIRED, ended=expires)
    if max(issued_at, not_before) > now + LEEWAY_SECONDS:
        raise BadToken(Reason.NOT_YET)
    if audience_required or "aud" in claims:
        _check_audience(claims.get("aud"), audiences)
    jti = text(claims["jti"], reason=Reason.BAD_CLAIM) if "jti" in claims else None
    return SignedClaims(issuer, subject, issued_at, expires, jti, key.kid, claims)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ES256 key that never prints; `kid` is its RFC 7638 thumbprint."""

    _private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `OSError` or `ValueError` when the file is not a P-256 key in PEM."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(f"{path}: not an unencrypted PEM key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ValueError(f"{path}: expected a P-256 key")
        return cls(key)

    def save(self, path: Path) -> None:
        """Writes a new file that only its owner can read; never overwrites."""
        pem = self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)

    @property
    def kid(self) -> str:
        return _thumbprint(self._private.public_key())

    def public_jwk(self) -> dict[str, str]:
        members = _members(self._private.public_key())
        return {**members, "kid": self.kid, "use": "sig", "alg": "ES256"}

    def jws(self, payload: bytes, *, typ: str, jku: str | None) -> str:
        headers = {"typ": typ, "kid": self.kid, **({"jku": jku} if jku is not None else {})}
        return _JWS.encode(payload, self._private, algorithm="ES256", headers=headers)

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not to be copied")


def sign(claims: Mapping[str, object], *, key: SigningKey, typ: str, jku: str | None = None) -> str:
    """A JWT of ours; `jku` only in visas."""
    return key.jws(canonical_json(dict(claims)), typ=typ, jku=jku)


def thumbprint(key: PublicKey) -> str:
    """RFC 7638 of an ES256 key, whatever it calls itself; raises `BadToken` for another."""
    if not isinstance(key.key, ec.EllipticCurvePublicKey):
        raise BadToken(Reason.WRONG_ALGORITHM)
    return _thumbprint(key.key)


def _thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    return _unpadded(hashlib.sha256(canonical_json(_members(key))).digest())


def _members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The required members of its JWK, which a thumbprint is of."""
    numbers = key.public_numbers()
    x, y = (_unpadded(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _signature_holds(token: UnverifiedToken, key: PublicKey, algorithm: str) -> bool:
    """PyJWT's own decoding is left aside: it looks at every character, three times, in Python."""
    # Each key has its algorithm's type, by `jwks`; PyJWT annotates them one by one.
    verifier: Any = _VERIFIERS[algorithm]
    return verifier.verify(token.signed_part, key.key, token.signature) is True


def _seconds(value: object) -> int:
    """A NumericDate (RFC 7519 2): a number, not text, not a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(Reason.BAD_CLAIM)
    if not 0 <= value < _LAST_SECOND:
        raise BadToken(Reason.BAD_CLAIM)
    return math.floor(value)


def _check_audience(value: object, audiences: Collection[str]) -> None:
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or len(named) > _MAX_AUDIENCES:
        raise BadToken(Reason.WRONG_AUDIENCE)
    if not any(name and name in named for name in audiences):
        raise BadToken(Reason.WRONG_AUDIENCE)


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
