"""A portal whose visitor is signed in, over a real access room on loopback.

The provider here does one thing, token exchange: who asks for a Passport gets one that the node
below reads as that person. What real Passports are worth is tested where they are read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from passports.exchange import PASSPORT
from passports.login import SignedIn
from passports.sessions import Sessions, cookie_name
from portal.app import create_app
from portal.settings import PortalSettings
from tests.support.access_node import ISSUER, NOW, AccessNode
from tests.support.loopback import served
from tests.support.readiness import ready

PORTAL = "http://127.0.0.1:8080"


class AsPerson:
    """Reads `Bearer passport-of-NAME` as the access room's tests name people."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization", b"")
        if given.startswith(b"Bearer passport-of-"):
            name = given.removeprefix(b"Bearer passport-of-")
            scope = {**scope, "headers": [*scope["headers"], (b"x-test-person", name)]}
        await self._app(scope, receive, send)


@dataclass
class SmallNode:
    """An access room with the least of a Beacon before it; `files` are handed over to anyone."""

    room: AccessNode
    datasets: tuple[str, ...] = ("ds1", "ds2")
    files: list[str] = field(default_factory=list)
    url: str = ""
    more: Callable[[FastAPI], object] | None = None  # adds further doors of the node

    def app(self) -> ASGIApp:
        app: FastAPI = self.room.app()
        for path, made in {
            "/beacon/info": self._info,
            "/beacon/datasets": self._datasets,
            "/beacon/datasets/{name}": self._dataset,
            "/beacon/filtering_terms": self._nothing,
        }.items():
            app.router.routes.append(Route(path, made))
        if self.more is not None:
            self.more(app)
        return AsPerson(app)

    async def _info(self, _request: Request) -> Response:
        return JSONResponse({"response": {"id": "org.isle", "name": "Isle"}})

    async def _datasets(self, _request: Request) -> Response:
        listed = [{"id": name, "name": f"Cohort {name}"} for name in self.datasets]
        return JSONResponse({"response": {"collections": listed}})

    async def _dataset(self, request: Request) -> Response:
        handed = [
            {"handoverType": {"id": "CUSTOM:000003"}, "url": f"{self.url}/htsget/{path}"}
            for path in self.files
        ]
        one = {"id": request.path_params["name"], "resultsHandovers": handed}
        return JSONResponse({"response": {"resultSets": [one]}})

    async def _nothing(self, _request: Request) -> Response:
        return JSONResponse({"response": {}})


def _provider(url: list[str]) -> Starlette:
    async def discovery(_request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": url[0],
                "authorization_endpoint": f"{url[0]}/authorize",
                "token_endpoint": f"{url[0]}/token",
                "jwks_uri": f"{url[0]}/jwks",
                "response_types_supported": ["code"],
            }
        )

    async def token(request: Request) -> Response:
        name = str((await request.form())["subject_token"])
        return JSONResponse(
            {"access_token": f"passport-of-{name}", "issued_token_type": PASSPORT,
             "token_type": "Bearer"}
        )  # fmt: skip

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/token", token, methods=["POST"]),
        ]
    )


@dataclass(frozen=True, slots=True)
class Signed:
    """One person's browser at the portal."""

    browser: httpx.AsyncClient
    csrf: str
    slug: str
    app: FastAPI

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.browser.post(path, data={"csrf": self.csrf, **fields})


@asynccontextmanager
async def signed_in(
    node: SmallNode,
    *names: str,
    more: dict[str, Any] | None = None,  # settings
) -> AsyncGenerator[tuple[Signed, ...], None]:
    """A browser for each name, all at one portal that asks `node` alone."""
    issuer = [""]
    async with served(_provider(issuer)) as provider, served(node.app()) as url:
        issuer[0], node.url = provider, url
        given: dict[str, Any] = {"nodes": (url,)} | (more or {})
        settings = PortalSettings(
            public_url=PORTAL, signin_issuer=provider, client_secret=None, deadline_seconds=60,
            **given,
        )  # fmt: skip
        sessions = Sessions(lambda: float(NOW))
        app = create_app(settings, clock=lambda: float(NOW), sessions=sessions)
        transport = httpx.ASGITransport(app=app)
        async with app.router.lifespan_context(app):
            people = []
            for name in names:
                session_id = sessions.create(SignedIn(name, ISSUER, name, name, NOW + 3600))
                session = sessions.get(session_id)
                assert session is not None
                browser = httpx.AsyncClient(
                    transport=transport, base_url=PORTAL,
                    cookies={cookie_name("portal", PORTAL): session_id},
                )  # fmt: skip
                slug = url.partition("://")[2].replace(".", "-").replace(":", "-")
                people.append(Signed(browser, session.csrf_token, slug, app))
            await ready(people[0].browser)
            try:
                yield tuple(people)
            finally:
                for one in people:
                    await one.browser.aclose()
