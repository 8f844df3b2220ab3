"""Builds the portal: one application from its settings, with its errors, headers and lifetime.

`create_app(settings)` is the whole of it; the catalogue of errors and HTTP is local because pages
answer people and /beacon answers machines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from passports.sessions import Sessions
from portal import (
    federation_routes,
    language_routes,
    parts,
    people_routes,
    routes,
    search_routes,
    services,
    workspace_routes,
)
from portal.as_beacon import routes as beacon
from portal.as_beacon.description import Network
from portal.as_beacon.openapi import DescribedApi
from portal.asking.calls import Calls
from portal.metrics import Metrics
from portal.nodes import joining_routes
from portal.questions import saved_routes
from portal.requests import basket_routes, enquiry_routes
from portal.requests import routes as request_routes
from portal.results import routes as result_routes
from portal.settings import PortalSettings
from portal.site import Portal
from schemas.beacon import API_VERSION
from schemas.errors import InvalidInput, NotFound, SkerryError
from schemas.messages import Message
from schemas.version import skerry_version

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_KEPT = b"public, max-age=3600"
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def create_app(
    settings: PortalSettings,
    *,
    clock: Callable[[], float] = time.time,
    sessions: Sessions | None = None,
) -> FastAPI:
    """Nothing is contacted before the application starts. Without `sessions` nobody is signed in
    yet."""
    made = parts.build(settings, clock=clock, sessions=sessions)
    portal = made.portal

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(portal.registry.keep_fresh())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await made.close()

    app = DescribedApi(
        title=settings.name,
        version=skerry_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect would be built from the Host header
    )
    app.add_middleware(_Headers, metrics=made.metrics)
    # Of these alone the length tells nothing of anyone's answer, so they may be packed.
    static = GZipMiddleware(StaticFiles(directory=parts.PAGES / "static"), compresslevel=6)
    app.mount("/static", static, name="static")
    app.include_router(
        services.build(settings, portal.registry, made.metrics, clock=clock, issuer=made.issuer)
    )
    network = Network(settings, portal.registry, portal.fanout, portal.liftover, skerry_version())
    app.include_router(beacon.build(network))
    _add_pages(app, portal, made.calls)
    _install_errors(app, portal)
    return app


def _add_pages(app: FastAPI, portal: Portal, calls: Calls) -> None:
    app.include_router(search_routes.build(portal))
    app.include_router(result_routes.build(portal))
    app.include_router(people_routes.build(portal))
    app.include_router(basket_routes.build(portal))
    app.include_router(request_routes.build(portal))
    app.include_router(enquiry_routes.build(portal))
    app.include_router(saved_routes.build(portal))
    app.include_router(workspace_routes.build(portal))
    app.include_router(federation_routes.build(portal))
    app.include_router(joining_routes.build(portal, calls))
    app.include_router(language_routes.build(secure=portal.settings.secure))
    app.include_router(routes.build(portal))


class _Headers:
    """Security headers on every answer, and its status counted; pages are nobody's cache's."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Event) -> None:
            if message["type"] == "http.response.start":
                self._metrics.request(scope["path"], message["status"])
                headers = message.setdefault("headers", [])
                headers.extend(_HEADERS)
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    static = scope["path"].startswith("/static/")
                    headers.append((b"cache-control", _KEPT if static else b"no-store"))
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _install_errors(app: FastAPI, portal: Portal) -> None:
    def answer(request: Request, error: SkerryError, status: int) -> Response:
        path = request.url.path
        if path.startswith("/beacon"):
            return JSONResponse(beacon_error(error, status), status_code=status)
        if path.startswith(services.MACHINE_PATHS):
            body = {"error": error.code, "message": error.public}
            return JSONResponse(body, status_code=status)
        visitor = portal.visitors.of(request)
        values = {"problem": error.public, "status": status, "sign_in": status == 401}
        return portal.page(request, "error.html", visitor=visitor, status=status, values=values)

    async def ours(request: Request, error: Exception) -> Response:
        known = (
            error if isinstance(error, SkerryError) else SkerryError(Message("The portal failed."))
        )
        return answer(request, known, known.status)

    async def framework(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        missing = NotFound(Message("There is nothing at this address."))
        malformed = InvalidInput(
            Message("The request is malformed, or not offered at this address.")
        )
        return answer(request, missing if status == 404 else malformed, status)

    app.add_exception_handler(SkerryError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, framework)


def beacon_error(error: SkerryError, status: int) -> dict[str, object]:
    """Beacon v2.2 `beaconErrorResponse`, with the full meta its schema wants."""
    asked = {
        "apiVersion": API_VERSION,
        "requestedSchemas": [],
        "pagination": {"skip": 0, "limit": 0},
        "requestedGranularity": "boolean",
    }
    meta = {
        "beaconId": "network",
        "apiVersion": API_VERSION,
        "returnedSchemas": [],
        "returnedGranularity": "boolean",
        "receivedRequestSummary": asked,
    }
    return {
        "meta": meta,
        "error": {"errorCode": status, "errorMessage": error.public},
        "info": {"code": error.code},
    }
