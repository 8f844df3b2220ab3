"""Exchanges an access token for a Passport of one node (RFC 8693, GA4GH AAI 1.2.1)."""

from __future__ import annotations

from passports.compact import MAX_PASSPORT_CHARS
from passports.errors import ProviderFailed
from passports.provider import Provider
from schemas.messages import Message

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, not a secret
PASSPORT = "urn:ga4gh:params:oauth:token-type:passport"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


async def exchange(provider: Provider, access_token: str, audience: str) -> str:
    """A Passport for `audience` alone, so that its reader can't use it elsewhere."""
    answer = await provider.post(
        (await provider.endpoints()).token,
        {
            "grant_type": EXCHANGE,
            "requested_token_type": PASSPORT,
            "subject_token": access_token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": audience,
        },
    )
    passport = answer.get("access_token")
    if answer.get("issued_token_type") != PASSPORT or not isinstance(passport, str):
        raise ProviderFailed(Message("the sign-in provider did not answer with a passport"))
    if len(passport) > MAX_PASSPORT_CHARS:
        raise ProviderFailed(Message("the sign-in provider's passport is too large"))
    return passport
