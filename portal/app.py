"""Builds the portal: one application from its settings, with its errors, headers and lifetime.

`create_app(settings)` is the whole of it; the catalogue of errors and HTTP is local because pages
answer people and /beacon answers machines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from passports.login import Login
from passports.sessions import Sessions
from passports.tokens import SigningKey
from portal import (
    federation_routes,
    language_routes,
    languages,
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
from portal.asking.fanout import Fanout
from portal.coordinators import Coordinators
from portal.errors import SettingsError
from portal.metrics import Metrics
from portal.nodes import joining_routes
from portal.nodes.doors import NodeDoors
from portal.nodes.health import HealthBook
from portal.nodes.joining import JoinBook
from portal.nodes.registry import Registry
from portal.passport_issuer import PassportIssuer
from portal.questions import saved_routes
from portal.questions.liftover import Liftover
from portal.questions.prospects import Prospects
from portal.questions.saved import SavedSearches
from portal.questions.vocabulary import Vocabulary
from portal.requests import basket_routes, enquiry_routes
from portal.requests import routes as request_routes
from portal.requests.applications import Applications
from portal.requests.enquiries import Enquiries
from portal.results import routes as result_routes
from portal.results.kept import Results
from portal.searches import Searches
from portal.settings import PortalSettings
from portal.site import Portal
from portal.standing import Standings
from portal.visitors import Visitors
from portal.workspaces import Workspaces
from schemas.beacon import API_VERSION
from schemas.errors import InvalidInput, NotFound, SkerryError
from schemas.messages import Message
from schemas.version import skerry_version

PAGES = Path(__file__).parent / "pages"
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
    limits = settings.limits
    calls = Calls(limits)
    joining = JoinBook(settings.nodes_file, clock=clock) if settings.nodes_file else None
    registry = Registry(
        settings.nodes, calls, limits=limits, clock=clock, beacons=settings.beacons,
        own_id=settings.network_id,
        book=HealthBook(settings.health_file) if settings.health_file is not None else None,
        joining=joining, held=joining.keys if joining is not None else None,
        named=settings.node_keys,
    )  # fmt: skip
    metrics = Metrics()
    fanout = Fanout(calls, limits, metrics)
    issuer = _issuer(settings, clock)
    http = httpx.AsyncClient(timeout=limits.deadline_seconds, follow_redirects=False)
    visitors = Visitors(
        settings,
        _login(settings, http),
        sessions=sessions or Sessions(clock),
        clock=clock,
        limits=limits,
        issuer=issuer,
    )
    doors = NodeDoors(calls, visitors, limits=limits)
    applications = Applications(doors, visitors)
    liftover = Liftover(settings.chain_files)
    coordinators = Coordinators(settings.coordinators, limits=limits)
    portal = Portal(
        settings=settings,
        registry=registry,
        fanout=fanout,
        visitors=visitors,
        searches=Searches(limits=limits, clock=clock),
        results=Results(limits=limits, clock=clock),
        applications=applications,
        standings=Standings(doors),
        workspaces=Workspaces(doors, applications),
        enquiries=Enquiries(doors),
        coordinators=coordinators,
        prospects=Prospects(doors),
        vocabulary=Vocabulary(registry),
        liftover=liftover,
        saved=(
            SavedSearches(settings.searches_file, clock=clock) if settings.searches_file else None
        ),
        joining=joining,
        pages={
            code: Jinja2Templates(env=made) for code, made in languages.templates(PAGES).items()
        },
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(registry.keep_fresh())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await calls.close()
            await coordinators.close()
            await http.aclose()

    app = DescribedApi(
        title=settings.name,
        version=skerry_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect would be built from the Host header
    )
    app.add_middleware(_Headers, metrics=metrics)
    # Of these alone the length tells nothing of anyone's answer, so they may be packed.
    static = GZipMiddleware(StaticFiles(directory=PAGES / "static"), compresslevel=6)
    app.mount("/static", static, name="static")
    app.include_router(services.build(settings, registry, metrics, clock=clock, issuer=issuer))
    app.include_router(
        beacon.build(Network(settings, registry, fanout, liftover, skerry_version()))
    )
    _add_pages(app, portal, calls)
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


def _login(settings: PortalSettings, http: httpx.AsyncClient) -> Login | None:
    if settings.signin_issuer is None:
        return None
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    callback = f"{settings.public_url}/auth/callback"
    return Login(settings.signin_issuer, settings.client_id, secret, callback, http)


def _issuer(settings: PortalSettings, clock: Callable[[], float]) -> PassportIssuer | None:
    if settings.passport_key is None:
        return None
    try:
        key = SigningKey.load(settings.passport_key)
    except (OSError, ValueError) as error:
        raise SettingsError("passport_key: expected the file of a P-256 key in PEM") from error
    return PassportIssuer(settings.public_url, key, clock)


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
