"""The coordinator's door for those who look on: federations, runs, one run, and its news.

A portal's token opens this and nothing else; a token to submit with opens it too. Results are not
here: what a run gave is for an airlock to judge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from schemas.errors import Forbidden, TooMany, Unauthenticated
from schemas.wire import canonical_json
from workspaces.engine import federation
from workspaces.engine.federation import Federation, Role
from workspaces.engine.port import RunStatus
from workspaces.engine.superlink import Superlink

MAX_LISTENING = 100  # who follow runs by events at a time
MAX_LISTENING_SECONDS = 3_600.0
BEAT_SECONDS = 15.0  # of silence, after which a listener is told that we live


def build(link: Superlink, of: Federation) -> APIRouter:
    allowed = holder(of, Role.VIEW, Role.SUBMIT)
    router = APIRouter(dependencies=[Depends(allowed)])
    listening: set[object] = set()

    @router.get("/federations")
    async def federations() -> dict[str, object]:
        sites = await link.sites()
        return {"federations": [await asyncio.to_thread(_described, of, sites)]}

    @router.get("/sites")
    async def sites() -> dict[str, dict[str, bool]]:
        return {"sites": await link.sites()}

    @router.get("/runs")
    async def runs() -> dict[str, object]:
        return {"runs": [one.document() for one in await link.runs()]}

    @router.get("/runs/{run}")
    async def status(run: str) -> dict[str, object]:
        return (await link.status(run)).document()

    @router.get("/runs/{run}/events")
    async def events(run: str, request: Request) -> Response:
        """Server-sent events (WHATWG HTML): `status` whenever there is news, until the end."""
        await link.status(run)
        _refuse_too_many(listening)
        news = _news(link, run, listening, still_allowed=lambda: allowed(request))
        return StreamingResponse(news, media_type="text/event-stream")

    return router


async def _news(
    link: Superlink, run: str, listening: set[object], *, still_allowed: Callable[[], object]
) -> AsyncGenerator[bytes, None]:
    me, end = object(), time.monotonic() + MAX_LISTENING_SECONDS
    seen: RunStatus | None = None
    try:
        _refuse_too_many(listening)  # many may have been let in before the first of them listens
        listening.add(me)
        while time.monotonic() < end:
            found = await link.following.changed(run, seen, seconds=BEAT_SECONDS)
            still_allowed()
            if found is None:
                yield b": still there\n\n"
                continue
            seen = found
            yield b"event: status\ndata: " + canonical_json(found.document()) + b"\n\n"
            if found.state.ended:
                return
    except (Unauthenticated, TooMany):
        return  # the token ended meanwhile, or others were quicker
    finally:
        listening.discard(me)


def _refuse_too_many(listening: set[object]) -> None:
    if len(listening) >= MAX_LISTENING:
        raise TooMany(f"{MAX_LISTENING} listen already: ask for the run itself instead.")


def holder(of: Federation, *roles: Role) -> Callable[[Request], str]:
    """Whoever holds a token of one of these roles; 403 where it is of another."""

    def found_in(request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = {
            role: name
            for role in (Role if scheme.lower() == "bearer" else ())
            if (name := federation.person_of(of, token, role=role)) is not None
        }
        if not found:
            raise Unauthenticated("Send the token that the coordinator gave you, as a Bearer.")
        for role in roles:
            if role in found:
                return found[role]
        raise Forbidden("This token is to look on with: runs are submitted with another.")

    return found_in


def _described(of: Federation, sites: Mapping[str, bool]) -> dict[str, object]:
    return {
        "name": of.described.name,
        "least_sites": of.described.least_sites,
        "sites": dict(sites),
        "applications": [
            {"name": one.name, "version": one.version, "digest": one.digest,
             "outputs": list(one.outputs), "discloses": one.discloses}
            for one in federation.applications(of)
        ],
    }  # fmt: skip
