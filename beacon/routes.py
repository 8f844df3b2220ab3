"""Where the doors of a Beacon v2.2 stand: one list of addresses, `info.ENDPOINT_SETS`.

Everything is an ordinary FastAPI route. The two addresses that carry nearly all questions are met
before FastAPI's routing and dependency solving, which cost as much as an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from starlette.routing import Route

from beacon import info
from beacon.doors import Door, Doors
from schemas.entries import ENTRY_TYPES, EntryTypeId

SHORTCUTS: tuple[EntryTypeId, ...] = ("genomicVariant", "individual")


def install(app: FastAPI, doors: Doors, *, prefix: str = "/beacon") -> None:
    """Adds every address to `app`, described in its OpenAPI document."""
    for path, door in _framework(doors):
        _describe(app, prefix + path, door, methods=("GET",))
    for path, door in _entries(doors):
        _describe(app, prefix + path, door, methods=("GET", "POST"))
    app.router.routes[:0] = [
        Route(f"{prefix}/{ENTRY_TYPES[entry].path}", doors.entries(entry), methods=["GET", "POST"])
        for entry in SHORTCUTS
    ]


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
    # The doors read the request whole, so that unknown parameters are seen: no signature to infer.
    for method in methods:
        app.add_api_route(
            path,
            door,
            methods=[method],
            response_model=None,
            operation_id=f"beacon {method} {path}",
            name=path.strip("/"),
            tags=["beacon"],
        )
