"""Checks an ID token in the order of OpenID Connect Core 3.1.3.7; pure rules, no door.

Signature, issuer, times and audience are `tokens`'; here are the claims that tie the token to this
client, this sign-in and this access token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from passports import compact, tokens
from passports.compact import UnverifiedToken
from passports.errors import BadToken, Reason
from passports.jwks import PublicKey
from passports.tokens import SignedClaims

MAX_ID_TOKEN_CHARS = 16 * 1024


def parse(raw: object) -> UnverifiedToken:
    token = compact.parse(raw if isinstance(raw, str) else "", cap=MAX_ID_TOKEN_CHARS)
    if token.unverified_header.get("typ", "JWT") != "JWT":
        raise BadToken(Reason.WRONG_TYPE)
    return token


def verify(
    token: UnverifiedToken,
    key: PublicKey,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    now: int,
) -> SignedClaims:
    """Raises `BadToken`."""
    signed = tokens.verify(
        token,
        key,
        issuer=issuer,
        algorithm=token.algorithm(tokens.ALGORITHMS),
        now=now,
        audiences=(client_id,),
        audience_required=True,
    )
    claims = signed.claims
    many = isinstance(claims["aud"], list) and claims["aud"] != [client_id]
    if (many or "azp" in claims) and claims.get("azp") != client_id:
        raise BadToken(Reason.WRONG_AUDIENCE)
    if not same(claims.get("nonce"), nonce):
        raise BadToken(Reason.BAD_CLAIM, detail="nonce")
    if "at_hash" in claims and not same(claims["at_hash"], at_hash(access_token)):
        raise BadToken(Reason.BAD_CLAIM, detail="at_hash")
    return signed


def same(sent: object, awaited: str) -> bool:
    """Compared in constant time; what is no text is not the same."""
    return isinstance(sent, str) and hmac.compare_digest(
        sent.encode("utf-8", "replace"), awaited.encode()
    )


def at_hash(access_token: str) -> str:
    """OpenID Connect Core 3.1.3.6; both algorithms we take use SHA-256."""
    half = hashlib.sha256(access_token.encode("utf-8")).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")
