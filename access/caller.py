"""From request to `Researcher`: the FastAPI dependency every room asks "who is this?".

GA4GH AAI 1.2.1: one credential, as `Authorization: Bearer`; never in the query string. A token
that was sent and is not good is always refused, so that clients notice; no token is an anonymous
caller. Leaves verification to `passports.passport`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_plus

from fastapi import Request

from access.errors import CredentialMisplaced, CredentialUnreadable
from passports.bearers import Bearers
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from schemas.messages import Message

Caller = Callable[[Request], Awaitable[Researcher | None]]
Step = Callable[[Researcher], Awaitable[Researcher]]

# Every spelling under which clients put tokens in addresses, where logs and Referer keep them.
TOKEN_PARAMETERS = frozenset(
    {"access_token", "authorization", "bearer", "id_token", "jwt", "passport", "passports", "token"}
)
_PLAIN_NAMES = frozenset(name.encode() for name in TOKEN_PARAMETERS)
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 section 2.1


def caller(clearinghouse: Clearinghouse | Bearers, *steps: Step) -> Caller:
    """Whoever comes with a token passes all `steps` before anything is done with them."""

    async def who(request: Request) -> Researcher | None:
        raw_token = bearer(request)
        if raw_token is None:
            return None
        researcher = await clearinghouse.admit(raw_token)
        for step in steps:
            researcher = await step(researcher)
        return researcher

    return who


def bearer(request: Request) -> str | None:
    """The unverified bearer token of the request, None when no credential was sent."""
    if _names_a_token(request.scope["query_string"]):
        raise CredentialMisplaced(
            Message("Send the token in the Authorization header, not the address.")
        )
    headers: list[bytes] = [
        value for name, value in request.scope["headers"] if name == b"authorization"
    ]
    if not headers:
        return None
    if len(headers) > 1:
        raise CredentialMisplaced(Message("Send exactly one Authorization header."))
    scheme, _, raw_token = headers[0].decode("latin-1").strip().partition(" ")
    raw_token = raw_token.strip()
    if scheme.lower() != "bearer" or not _BEARER_TOKEN.fullmatch(raw_token):
        raise CredentialUnreadable(
            Message("The Authorization header must be «Bearer» and one token.")
        )
    return raw_token


def _names_a_token(query_string: bytes) -> bool:
    # A plain look for a part of each name: nearly every address holds none of them. In text, since
    # `in` of bytes asks first whether it is a number, which takes five times as long.
    text = query_string.decode("latin-1").lower()
    if not (
        "token" in text or "authorization" in text or "bearer" in text or "jwt" in text
        or "passport" in text or "%" in text or "+" in text
    ):  # fmt: skip
        return False
    for part in query_string.split(b"&"):
        name = part.partition(b"=")[0].lower()
        if name in _PLAIN_NAMES:
            return True
        # Spelled so that it could be one of ours.
        spelled = b"%" in name or b"+" in name
        if spelled and unquote_plus(name.decode("latin-1")).lower() in TOKEN_PARAMETERS:
            return True
    return False
