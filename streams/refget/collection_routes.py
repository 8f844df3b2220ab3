"""The doors of refget Sequence Collections 1.0.0 under /seqcol.

Collections are public, like the sequences they list. Digests and comparison are `seqcol`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from streams.errors import NoSuchSequence, SubsequenceInvalid, TooLong
from streams.refget import seqcol
from streams.refget.collections import MAX_PAGE, Collections, Page
from streams.refget.index import Index
from streams.refget.service import OPEN, ServiceFacts, refuse_strange

MAX_COMPARED_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[A-Za-z0-9_-]{32}")
_WHOLE = re.compile(r"\d{1,9}")


def build(index: Index, facts: ServiceFacts) -> APIRouter:
    router, held = APIRouter(), Collections(index)

    @router.get("/seqcol/service-info", response_model=None)
    async def service_info() -> Response:
        about = facts.record("refget-seqcol", "1.0.0") | {"seqcol": {"schema": SCHEMA}}
        return JSONResponse(about, headers=OPEN)

    @router.get("/seqcol/collection/{digest}", response_model=None)
    def collection(digest: str, level: str = "2") -> Response:
        match level:
            case "1":
                return _json(held.level1(_digest(digest)))
            case "2":
                return _json(held.level2(_digest(digest)))
            case _:
                raise SubsequenceInvalid("level must be 1 or 2.")

    @router.get("/seqcol/attribute/collection/{name}/{digest}", response_model=None)
    def attribute(name: str, digest: str) -> Response:
        return _json(held.attribute(name, _digest(digest)))

    _add_lists(router, held)
    _add_comparison(router, held)
    described = get_openapi(title="Sequence Collections", version="1.0.0", routes=router.routes)

    @router.get("/seqcol/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return _json(described)

    return router


def _add_comparison(router: APIRouter, held: Collections) -> None:
    @router.get("/seqcol/comparison/{first}/{second}", response_model=None)
    def compared(first: str, second: str) -> Response:
        made = seqcol.compare(
            held.level2(_digest(first)),
            held.level2(_digest(second)),
            a_digest=first,
            b_digest=second,
        )
        return _json(made)

    @router.post("/seqcol/comparison/{first}", response_model=None)
    async def compared_with_body(request: Request, first: str) -> Response:
        sent = await _sent(request)
        made = seqcol.compare(
            held.level2(_digest(first)), sent, a_digest=first, b_digest=_digest_of(sent)
        )
        return JSONResponse(made, headers=OPEN)


def _add_lists(router: APIRouter, held: Collections) -> None:
    @router.get("/seqcol/list/collection", response_model=None)
    @router.get("/seqcol/list/collections", response_model=None)
    def listed(request: Request) -> Response:
        asked = request.query_params
        names = {*seqcol.ATTRIBUTES, *seqcol.TRANSIENT}
        refuse_strange(asked.keys(), names | {"page", "page_size"})
        page, size = _paging(asked)
        filters = {name: _digest(asked[name]) for name in names & asked.keys()}
        return _page(held.listed(filters, page=page, size=size), page, size)

    @router.get("/seqcol/list/attributes/{name}", response_model=None)
    def attributes(request: Request, name: str) -> Response:
        if name not in (*seqcol.ATTRIBUTES, *seqcol.TRANSIENT):
            raise NoSuchSequence("There is no such attribute.")
        page, size = _paging(request.query_params)
        return _page(held.attributes(name, page=page, size=size), page, size)


async def _sent(request: Request) -> dict[str, list[object]]:
    """A level-2 collection of the caller's own."""
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAX_COMPARED_BYTES:
            raise TooLong(f"A collection to compare may have {MAX_COMPARED_BYTES} bytes.")
    sent = seqcol.parse(bytes(raw))
    if sent is None:
        raise SubsequenceInvalid("Send a level-2 collection: arrays under known attributes.")
    return sent


def _digest_of(sent: Mapping[str, object]) -> str | None:
    digests = seqcol.level1(sent)
    return seqcol.level0(digests) if all(one in digests for one in seqcol.INHERENT) else None


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise NoSuchSequence("This is not a digest of anything held here.")
    return text


def _paging(asked: Mapping[str, str]) -> tuple[int, int]:
    page, size = asked.get("page", "0"), asked.get("page_size", "100")
    if not all(text.isascii() and _WHOLE.fullmatch(text) for text in (page, size)):
        raise SubsequenceInvalid("page and page_size must be whole numbers.")
    if not 1 <= int(size) <= MAX_PAGE:
        raise SubsequenceInvalid(f"page_size must be from 1 to {MAX_PAGE}.")
    return int(page), int(size)


def _page(found: Page, page: int, size: int) -> Response:
    paging = {"page": page, "page_size": size, "total": found.total}
    return _json({"results": list(found.results), "pagination": paging})


def _json(value: object) -> Response:
    return JSONResponse(value, headers=OPEN)


SCHEMA = {
    "description": "A collection of reference sequences.",
    "type": "object",
    "properties": {
        "lengths": {"type": "array", "collated": True, "items": {"type": "integer"}},
        "names": {"type": "array", "collated": True, "items": {"type": "string"}},
        "sequences": {"type": "array", "collated": True, "items": {"type": "string"}},
        "sorted_sequences": {"type": "array", "collated": False, "items": {"type": "string"}},
        "name_length_pairs": {
            "type": "array",
            "collated": True,
            "items": {
                "type": "object",
                "properties": {"length": {"type": "integer"}, "name": {"type": "string"}},
                "required": ["length", "name"],
            },
        },
        "sorted_name_length_pairs": {
            "type": "array",
            "collated": False,
            "items": {"type": "string"},
        },
    },
    "required": ["names", "lengths", "sequences"],
    "ga4gh": {
        "inherent": list(seqcol.INHERENT),
        "transient": list(seqcol.TRANSIENT),
        "passthru": [],
    },
}
