"""`/access/session`: a passport sent once, in a body, for an opaque bearer that fits into headers.

GA4GH AAI 1.2.1 lets passports travel as `{"passports": [...]}`; RFC 6749 5.1 is the answer's form.
The bearer lasts an hour at most and `DELETE` ends it. What it may do is what the passport may.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from access.caller import bearer
from access.errors import CredentialMisplaced, SignInNeeded
from passports.bearers import Bearers
from passports.compact import MAX_PASSPORT_CHARS, strict_object
from passports.errors import BadToken
from schemas.errors import TooLarge

MAX_BODY_BYTES = MAX_PASSPORT_CHARS + 1024
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def sent_token(request: Request) -> str:
    """The one credential of the request, in the header or in the body, never in both."""
    in_header = bearer(request)
    body = await _capped(request)
    if not body:
        if in_header is None:
            raise SignInNeeded("Send a passport: as a bearer, or in the body as `passports`.")
        return in_header
    in_body = _passport(body)
    if in_header is not None:
        raise CredentialMisplaced("Send the passport in the header or in the body, not in both.")
    return in_body


def build(*, bearers: Bearers, clock: Callable[[], int]) -> APIRouter:
    router = APIRouter()

    @router.post("/access/session")
    async def open_session(raw_token: Annotated[str, Depends(sent_token)]) -> JSONResponse:
        opened = await bearers.open(raw_token)
        answer = {
            "access_token": opened.bearer,
            "token_type": "Bearer",
            "expires_in": opened.expires - clock(),
        }
        return JSONResponse(answer, headers=_NO_STORE)

    @router.delete("/access/session", status_code=204)
    async def close_session(request: Request) -> Response:
        """Ends the bearer it is sent with; one that is not known here is told so."""
        raw_bearer = bearer(request)
        if raw_bearer is None or not bearers.close(raw_bearer):
            raise SignInNeeded("There is no such session here.")
        return Response(status_code=204, headers=_NO_STORE)

    return router


async def _capped(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return bytes(body)


def _passport(body: bytes) -> str:
    try:
        sent = strict_object(body)
    except BadToken as error:
        raise CredentialMisplaced("The body must be a JSON object.") from error
    passports = sent.get("passports")
    if sent.keys() != {"passports"} or not isinstance(passports, list) or len(passports) != 1:
        raise CredentialMisplaced('Send exactly one passport: {"passports": [PASSPORT]}.')
    if not isinstance(passports[0], str):
        raise CredentialMisplaced("A passport is a string.")
    return passports[0]
