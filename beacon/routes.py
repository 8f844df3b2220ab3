"""Where the doors of a Beacon v2.2 stand: one list of addresses, `info.ENDPOINT_SETS`.

Everything is an ordinary FastAPI route. The two addresses that carry nearly all questions are named
apart (`shortcuts`): the way to a route costs as much as an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path

from beacon import info, openapi
from beacon.doors import Door, Doors
from schemas.entries import ENTRY_TYPES, EntryTypeId

_METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"]
SHORTCUTS: tuple[EntryTypeId, ...] = ("genomicVariant", "individual")


def install(app: FastAPI, doors: Doors, *, prefix: str = "/beacon") -> None:
    """Adds every address to `app`, described in its OpenAPI document."""
    offered: list[Offered] = []
    for methods, addresses in ((("GET",), _framework(doors)), (("GET", "POST"), _entries(doors))):
        for path, door in addresses:
            _describe(app, prefix + path, door, methods=methods)
            offered.append(Offered(compile_path(prefix + path)[0], door, methods))
    for path in (prefix, prefix + "/{rest:path}"):
        app.router.routes.append(Route(path, _otherwise(offered), methods=_METHODS))


def shortcuts(doors: Doors, *, prefix: str = "/beacon") -> dict[str, Door]:
    """The doors that answer nearly all questions, by path, for whoever can meet them sooner."""
    return {f"{prefix}/{ENTRY_TYPES[entry].path}": doors.entries(entry) for entry in SHORTCUTS}


@dataclass(frozen=True, slots=True)
class Offered:
    """An address and what may be done there."""

    pattern: re.Pattern[str]
    door: Door
    methods: tuple[str, ...]


def _otherwise(offered: Sequence[Offered]) -> Door:
    """What no address above took: HEAD is a GET without its body, OPTIONS says what there is, and
    an address may end in a slash, as some clients write it."""

    async def door(request: Request) -> Response:
        path = request.scope["path"].removesuffix("/")
        for one in offered:
            if found := one.pattern.match(path):
                allow = {"Allow": ", ".join((*one.methods, "HEAD", "OPTIONS"))}
                if request.method == "OPTIONS":
                    return Response(status_code=204, headers=allow)
                if request.method not in (*one.methods, "HEAD"):
                    raise HTTPException(405, headers=allow)
                request.scope["path_params"] = found.groupdict()
                answer = await one.door(request)
                if request.method == "HEAD":
                    answer.body = b""  # its length stays in the headers
                return answer
        raise HTTPException(404)

    return door


def _framework(doors: Doors) -> Iterator[tuple[str, Door]]:
    yield "", doors.info
    yield "/", doors.info
    yield "/info", doors.info
    yield "/service-info", doors.service_info
    yield "/configuration", doors.configuration
    yield "/entry_types", doors.entry_types
    yield "/map", doors.map
    yield "/filtering_terms", doors.filtering_terms
    for path, entry in info.FILTERING_TERMS:
        yield path, doors.terms_of(entry)


def _entries(doors: Doors) -> Iterator[tuple[str, Door]]:
    for one in info.ENDPOINT_SETS:
        root = f"/{ENTRY_TYPES[one.entry].path}"
        yield root, doors.entries(one.entry)
        yield root + "/{id}", doors.single(one.entry)
        for entry in one.nested:
            yield f"{root}/{{id}}/{ENTRY_TYPES[entry].path}", doors.nested(entry, one.entry)


def _describe(app: FastAPI, path: str, door: Door, *, methods: tuple[str, ...]) -> None:
    for method in methods:
        app.add_api_route(
            path,
            door,
            methods=[method],
            response_model=None,
            operation_id=f"beacon {method} {path}",
            name=path.strip("/"),
            tags=["beacon"],
            openapi_extra=openapi.operation(method, path, asks="POST" in methods),
        )
