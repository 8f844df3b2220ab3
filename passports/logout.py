"""A provider's word that somebody signed out there (OpenID Connect Back-Channel Logout 1.0).

Rules only: the token must be signed for this client, be about an event and not about a sign-in, and
name the person. One that names a session alone is refused: no session of the provider's is kept.
"""

from __future__ import annotations

from passports import compact, tokens
from passports.compact import UnverifiedToken
from passports.errors import BadToken, Reason
from passports.jwks import PublicKey

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_TOKEN_CHARS = 16 * 1024
_TYPS = frozenset({"logout+jwt", "JWT"})


def parse(raw: str) -> UnverifiedToken:
    token = compact.parse(raw, cap=MAX_TOKEN_CHARS)
    typ = token.unverified_header.get("typ", "JWT")
    if not isinstance(typ, str) or typ not in _TYPS:
        raise BadToken(Reason.WRONG_TYPE)
    return token


def verify(token: UnverifiedToken, key: PublicKey, *, issuer: str, client_id: str, now: int) -> str:
    """The subject who signed out; raises `BadToken` (section 2.6, in its order)."""
    signed = tokens.verify(
        token,
        key,
        issuer=issuer,
        algorithm=token.algorithm(tokens.ALGORITHMS),
        now=now,
        audiences=(client_id,),
        audience_required=True,
    )
    events = signed.claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise BadToken(Reason.BAD_CLAIM, detail="events")
    if "nonce" in signed.claims:  # an ID token is no logout token
        raise BadToken(Reason.WRONG_TYPE, detail="nonce")
    if signed.jti is None:
        raise BadToken(Reason.BAD_CLAIM, detail="jti")
    return signed.subject
