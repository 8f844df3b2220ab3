"""From request to `Researcher`: the FastAPI dependency every room asks "who is this?".

GA4GH AAI 1.2.1: one credential, as `Authorization: Bearer`; never in the query string. A token
that was sent and is not good is always refused, so that clients notice; no token is an anonymous
caller. Leaves verification to `passports.passport`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import unquote_plus

from fastapi import Request

from access.errors import CredentialMisplaced, CredentialUnreadable
from passports.bearers import Bearers
from passports.passport import Clearinghouse, Researcher

Caller = Callable[[Request], Awaitable[Researcher | None]]

# Every spelling under which clients put tokens in addresses, where logs and Referer keep them.
TOKEN_PARAMETERS = frozenset(
    {"access_token", "authorization", "bearer", "id_token", "jwt", "passport", "passports", "token"}
)
_ODD_NAME = re.compile(
    rb"(?:^|&)([^=&]*[%%+][^=&]*|%b)(?==|&|$)" % "|".join(sorted(TOKEN_PARAMETERS)).encode(),
    re.IGNORECASE,
)
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 section 2.1


def caller(clearinghouse: Clearinghouse | Bearers, *, session: Caller | None = None) -> Caller:
    """`session` finds a signed-in person when no bearer token came (pages with cookies)."""

    async def who(request: Request) -> Researcher | None:
        raw_token = bearer(request)
        if raw_token is not None:
            return await clearinghouse.admit(raw_token)
        return await session(request) if session is not None else None

    return who


def bearer(request: Request) -> str | None:
    """The unverified bearer token of the request, None when no credential was sent."""
    if any(name in TOKEN_PARAMETERS for name in _odd_names(request.scope["query_string"])):
        raise CredentialMisplaced("Send the token in the Authorization header, not the address.")
    headers: list[bytes] = [
        value for name, value in request.scope["headers"] if name == b"authorization"
    ]
    if not headers:
        return None
    if len(headers) > 1:
        raise CredentialMisplaced("Send exactly one Authorization header.")
    scheme, _, raw_token = headers[0].decode("latin-1").strip().partition(" ")
    raw_token = raw_token.strip()
    if scheme.lower() != "bearer" or not _BEARER_TOKEN.fullmatch(raw_token):
        raise CredentialUnreadable("The Authorization header must be «Bearer» and one token.")
    return raw_token


def _odd_names(query_string: bytes) -> Iterator[str]:
    """In lower case: the parameters whose names are ours, or are spelled so that they could be."""
    for found in _ODD_NAME.finditer(query_string):
        yield unquote_plus(found[1].decode("latin-1")).lower()
