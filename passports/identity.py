"""How a node proves whose it is: it signs a fresh challenge with the key that signs its visas.

A JWT of a type of its own (RFC 8725 3.11) about the node itself: `iss` and `sub` are its public
address, for which Passports are made, `nonce` is the challenge. A key is named by its RFC 7638
thumbprint. TLS is still what leads to the node: whoever can ask the real one can relay its proof.
How it came to its key (`rotation`) is answered beside the proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passports.compact import parse
from passports.errors import BadToken, Reason
from passports.jwks import usable_keys
from passports.tokens import SigningKey, sign, thumbprint, verify

IDENTITY_PATH = "/access/identity"
IDENTITY_TYP = "skerry-node-identity+jwt"
CHALLENGE = r"^[0-9A-Za-z_-]{22,64}$"
_PROOF_SECONDS = 60
_MAX_PROOF_CHARS = 4 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Proven: the address for which the node takes Passports, and its key's thumbprint. Of
    `unverified_rotations` nothing is; `rotation.follow` reads them."""

    audience: str
    key: str
    unverified_rotations: tuple[object, ...] = ()


def prove(
    challenge: str,
    *,
    key: SigningKey,
    public_url: str,
    now: int,
    rotations: Sequence[str] = (),
) -> dict[str, object]:
    """The node's answer to a `challenge` of the form of `CHALLENGE`."""
    claims = {
        "iss": public_url,
        "sub": public_url,
        "iat": now,
        "exp": now + _PROOF_SECONDS,
        "nonce": challenge,
    }
    proof = sign(claims, key=key, typ=IDENTITY_TYP)
    return {"key": key.public_jwk(), "proof": proof, "rotations": list(rotations)}


def proven(answer: Mapping[str, object], challenge: str) -> Identity:
    """Raises `BadToken`. Asks nothing of the node's clock: the challenge is what makes it fresh."""
    raw_proof, jwk = answer.get("proof"), answer.get("key")
    if not isinstance(raw_proof, str) or not isinstance(jwk, dict):
        raise BadToken(Reason.MALFORMED)
    token = parse(raw_proof, cap=_MAX_PROOF_CHARS)
    if token.unverified_header.get("typ") != IDENTITY_TYP:
        raise BadToken(Reason.WRONG_TYPE)
    key = usable_keys({"keys": [jwk]}).get(token.kid)
    if key is None:
        raise BadToken(Reason.UNKNOWN_KEY)
    claims = token.unverified_claims
    issuer, issued = claims.get("iss"), claims.get("iat")
    if not isinstance(issuer, str) or not isinstance(issued, int) or isinstance(issued, bool):
        raise BadToken(Reason.BAD_CLAIM)
    if claims.get("nonce") != challenge:
        raise BadToken(Reason.BAD_CLAIM)
    signed = verify(
        token, key, issuer=issuer, algorithm="ES256", now=issued, audiences=(),
        audience_required=False,
    )  # fmt: skip
    if signed.subject != issuer:
        raise BadToken(Reason.BAD_CLAIM)
    rotations = answer.get("rotations")
    said = tuple(rotations) if isinstance(rotations, list) else ()
    return Identity(issuer, thumbprint(key), said)
