"""A Beacon on one assembly that says no to everything, and a browser at a portal that knows it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.app import create_app
from portal.settings import PortalSettings
from tests.support.readiness import ready


@dataclass
class AssemblyNode:
    """`asked` are the variants it was asked about."""

    assembly: str
    asked: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/beacon/info", self._info),
                Route("/beacon/g_variants", self._ask, methods=["POST"]),
            ]
        )

    async def _info(self, _request: Request) -> Response:
        info = {"assemblies": [self.assembly]}
        said = {"id": self.assembly, "name": self.assembly, "info": info}
        return JSONResponse({"response": said})

    async def _ask(self, request: Request) -> Response:
        self.asked.append((await request.json())["query"]["requestParameters"]["g_variant"])
        return JSONResponse({"responseSummary": {"exists": False}})


@asynccontextmanager
async def browser(settings: PortalSettings) -> AsyncGenerator[httpx.AsyncClient]:
    """At a portal that has looked at each of its nodes."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.public_url) as made,
    ):
        await ready(made)
        yield made
