"""Federations: which sites take part, what runs, its rounds, who is missing and why.

For people who signed in. A run under way is followed by events; without script the page is loaded
again. What is told is the coordinators' own; results are not here, they leave by an airlock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response, StreamingResponse

from portal.coordinators import Coordinators, Federation, Run
from portal.languages import asked_for
from portal.site import Portal, event
from schemas.errors import NotFound, SkerryError


@dataclass(frozen=True, slots=True)
class Listed:
    """One federation of the list, or why it could not be told."""

    name: str
    federation: Federation | None = None
    runs: tuple[Run, ...] = ()
    problem: str = ""


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_pages(router, portal, portal.coordinators)
    _add_news(router, portal, portal.coordinators)
    return router


def _add_pages(router: APIRouter, portal: Portal, coordinators: Coordinators) -> None:
    @router.get("/federations")
    async def federations(request: Request) -> Response:
        visitor, listed = portal.visitors.of(request), []
        if visitor.session is not None:
            listed = await asyncio.gather(
                *(_listed(coordinators, name) for name in coordinators.names)
            )
        values = {"listed": listed}
        return portal.page(request, "federations.html", visitor=visitor, values=values)

    @router.get("/federations/{name}")
    async def federation(request: Request, name: str) -> Response:
        visitor = portal.person(request)
        found = await _listed(coordinators, name)
        return portal.page(request, "federation.html", visitor=visitor, values={"found": found})

    @router.get("/federations/{name}/runs/{number}")
    async def run(request: Request, name: str, number: str) -> Response:
        visitor = portal.person(request)
        found = await coordinators.run(name, number)
        values = {"federation": name, "run": found}
        return portal.page(request, "federation_run.html", visitor=visitor, values=values)


def _add_news(router: APIRouter, portal: Portal, coordinators: Coordinators) -> None:
    @router.get("/federations/{name}/runs/{number}/events")
    async def events(request: Request, name: str, number: str) -> Response:
        viewer = portal.person(request).identity
        pages = portal.pages[asked_for(request)]
        stream = _told(portal, request, pages, coordinators.news(name, number, viewer=viewer))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _listed(coordinators: Coordinators, name: str) -> Listed:
    try:
        federation, runs = await asyncio.gather(
            coordinators.federation(name), coordinators.runs(name)
        )
    except NotFound:
        raise
    except SkerryError as error:
        return Listed(name, problem=error.public)
    return Listed(name, federation, runs)


async def _told(
    portal: Portal, request: Request, pages: Jinja2Templates, news: AsyncGenerator[Run, None]
) -> AsyncGenerator[str, None]:
    """A `state` and a `run` for each news, then `done`; a sign-out ends it."""
    state, whole = map(pages.get_template, ("_run_state.html", "_run.html"))
    try:
        async with aclosing(news):
            async for run in news:
                if portal.visitors.of(request).session is None:
                    break
                yield event("state", state.render(run=run, problem=""))
                yield event("run", whole.render(run=run))
    except SkerryError as error:
        yield event("state", state.render(run=None, problem=error.public))
    yield event("done", "<!-- nothing more to follow -->")
