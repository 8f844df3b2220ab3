"""The one table from errors to HTTP: status, headers, and the body each standard wants.

Under /beacon the body is a Beacon error (Beacon v2.2 `beaconErrorResponse`), under /htsget an
htsget error (htsget 1.3 «Errors»); elsewhere `{"error": code, "message": sentence}`, or a page for
a browser (RFC 9110 12.5.1: whoever accepts `text/html` by name and no JSON). Details go to the log;
nothing unexpected is ever described to the caller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from access.errors import SignInNeeded, TooFast
from passports.errors import ScopeMissing
from schemas.errors import InvalidInput, NotFound, SkerryError, Unauthenticated
from schemas.messages import Message
from streams.htsget.browsers import cross_origin

_log = structlog.get_logger(__name__)


class _MethodNotOffered(InvalidInput):
    status = 405
    code = "method_not_offered"


Body = Callable[[Request, SkerryError], dict[str, object]]
Page = Callable[[Request, SkerryError], Response]
Answers = Callable[[Request, Exception], Awaitable[Response]]


class _Internal(SkerryError):
    """Whatever nobody expected."""


def plain_body(_request: Request, error: SkerryError) -> dict[str, object]:
    return {"error": error.code, "message": error.public}


class ErrorTable:
    """Answers each error of an application; `bodies` maps a path prefix to its standard's body,
    `page` shows a browser what was refused elsewhere."""

    def __init__(self, *, bodies: dict[str, Body], realm: str, page: Page | None = None) -> None:
        self._bodies = bodies
        self._realm = realm
        self._page = page
        self._table: dict[type[Exception], Answers] = {
            SkerryError: self._ours,
            HTTPException: self._framework,
            RequestValidationError: self._invalid,
            ClientDisconnect: _gone,
            Exception: self._unexpected,
        }

    def install(self, app: FastAPI) -> None:
        for kind, answers in self._table.items():
            app.add_exception_handler(kind, answers)

    async def answer(self, request: Request, error: Exception) -> Response:
        """As an application in which this table is installed would."""
        kind = next(kind for kind in self._table if isinstance(error, kind))
        return await self._table[kind](request, error)

    def _answer(self, request: Request, error: SkerryError) -> Response:
        path = request.url.path
        body = next((made for at, made in self._bodies.items() if path.startswith(at)), plain_body)
        headers = {"Cache-Control": "no-store"}
        if (challenge := _challenge(error)) is not None:
            headers["WWW-Authenticate"] = f'Bearer realm="{self._realm}"{challenge}'
        if isinstance(error, TooFast):
            headers["Retry-After"] = str(error.wait_seconds)  # RFC 6585 section 4
        if path.startswith("/htsget"):
            headers |= cross_origin(request)
        if self._page is not None and body is plain_body and _is_browser(request):
            page = self._page(request, error)
            page.headers.update(headers)
            return page
        return JSONResponse(body(request, error), status_code=error.status, headers=headers)

    async def _ours(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, SkerryError):
            return await self._unexpected(request, error)
        _log.info("refused", code=error.code, status=error.status, detail=error.detail)
        return self._answer(request, error)

    async def _framework(self, request: Request, error: Exception) -> Response:
        if isinstance(error.__cause__, SkerryError):  # raised while the framework read a body
            return await self._ours(request, error.__cause__)
        match error:
            case HTTPException(status_code=404):
                nothing = NotFound(Message("There is nothing at this path."))
                return self._answer(request, nothing)
            case HTTPException(status_code=405):
                refusal = _MethodNotOffered(Message("This method is not offered at this path."))
                answer = self._answer(request, refusal)
                answer.headers.update(error.headers or {})  # Allow
                return answer
            case _:
                malformed = InvalidInput(Message("The request is malformed."))
                return self._answer(request, malformed)

    async def _invalid(self, request: Request, error: Exception) -> Response:
        where: str = Message("the request")
        if isinstance(error, RequestValidationError) and error.errors():
            where = ".".join(str(part)[:60] for part in error.errors()[0]["loc"])
        words = Message("Malformed or unknown: %(where)s.", where=where)
        return self._answer(request, InvalidInput(words))

    async def _unexpected(self, request: Request, error: Exception) -> Response:
        _log.error("unexpected", kind=type(error).__name__, exc_info=error)
        failed = _Internal(Message("The server failed; this was logged."))
        return self._answer(request, failed)


def _is_browser(request: Request) -> bool:
    """A program that takes anything, or JSON too, gets JSON."""
    accepted = request.headers.get("accept", "").lower()
    return "text/html" in accepted and "json" not in accepted


async def _gone(_request: Request, _error: Exception) -> Response:
    """Who asked went away before the question was whole: nobody reads this and nothing failed."""
    return Response(status_code=400)


def _challenge(error: SkerryError) -> str | None:
    """RFC 6750 3.1: no error where nothing was sent, and the scope where that was missing."""
    match error:
        case SignInNeeded():
            return ""
        case Unauthenticated():
            return ', error="invalid_token"'
        case ScopeMissing():
            return ', error="insufficient_scope", scope="openid ga4gh_passport_v1"'
        case _:
            return None
