"""The htsget endpoints: tickets for reads and variants, their service-info, and body parts.

htsget 1.3.0; `/htsget/files/{id}` is ours, for objects that are neither. Body
addresses carry their own right and are never logged or recorded. Steps are `htsget.desk`'s and
`release`'s; errors become answers in the gateway's table (`htsget.tickets.error_body`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from access.audit import Record
from access.permits import PermitOffice
from access.policy import PolicyBook
from access.recipients import Recipients
from access.store import Store
from passports.passport import Researcher
from schemas.errors import InvalidInput, SkerryError
from schemas.service_info import ServiceInfo
from schemas.wire import canonical_json
from streams.clear import ClearDoor
from streams.entitlement import Entitlements
from streams.errors import AddressRefused, NoSuchSession, RangeUnsatisfiable, TooLong
from streams.htsget.desk import TicketDesk, Wanted, read_client_key
from streams.htsget.questions import MAX_QUERY_BYTES, Query, read_parameters, read_posted
from streams.htsget.ranges import read_range_header
from streams.htsget.tickets import (
    MEDIA_TYPE,
    Address,
    Part,
    error_body,
)
from streams.release import Releases
from streams.shelf import Shelf
from streams.sources import FORMATS, Kind
from streams.vault import Vault

CORS_SECONDS = 30 * 24 * 3600
EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag"

_PATHS = {Kind.READS: "reads", Kind.VARIANTS: "variants", Kind.FILE: "files"}
_PART = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}", re.ASCII)
_OBJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}", re.ASCII)

Caller = Callable[[Request], Awaitable[Researcher | None]]


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What service-info says of the node."""

    id: str
    name: str
    organization_name: str
    organization_url: str
    version: str
    environment: Literal["prod", "test", "dev", "staging"] = "dev"


def build(
    *,
    vault: Vault,
    shelf: Shelf,
    releases: Releases,
    book: PolicyBook,
    store: Store,
    recipients: Recipients,
    permits: PermitOffice,
    record: Record,
    caller: Caller,
    public_url: str,
    clock: Callable[[], float],
    service: ServiceFacts | None = None,
) -> APIRouter:
    """Full paths, to be mounted without a prefix; `public_url` has no trailing slash."""
    desk = TicketDesk(
        entitlements=Entitlements(vault, book, store, recipients),
        clear=ClearDoor(shelf, book),
        releases=releases,
        permits=permits,
        record=record,
        public_url=public_url,
        clock=clock,
    )
    service = service or _unnamed(public_url)
    router = APIRouter(tags=["htsget"])
    for kind in (Kind.READS, Kind.VARIANTS):
        _add_service_info(router, kind, service)
    for kind in Kind:
        _add_tickets(router, kind, desk, caller=caller)
    _add_blocks(router, desk)

    return router


async def _preflight(request: Request) -> Response:
    asked = request.headers.get("access-control-request-headers", "")
    answer = Response(status_code=204, headers=cross_origin(request))
    answer.headers["Access-Control-Allow-Methods"] = "GET, POST, HEAD, OPTIONS"
    answer.headers["Access-Control-Max-Age"] = str(CORS_SECONDS)
    if asked:
        answer.headers["Access-Control-Allow-Headers"] = asked
    return answer


def _add_preflight(router: APIRouter, path: str) -> None:
    router.add_api_route(path, _preflight, methods=["OPTIONS"], include_in_schema=False)


def cross_origin(request: Request) -> dict[str, str]:
    """Any page may ask; no cookie is ever a credential here."""
    origin = request.headers.get("origin")
    if origin is None:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


# Tickets


def _add_tickets(router: APIRouter, kind: Kind, desk: TicketDesk, *, caller: Caller) -> None:
    path = f"/htsget/{_PATHS[kind]}/{{object_id:path}}"
    _add_preflight(router, path)

    @router.api_route(
        path,
        methods=["GET", "POST"],
        name=f"htsget {kind}",
    )
    async def ticket(request: Request, object_id: str) -> Response:
        researcher: Researcher | None = None
        try:
            researcher = await caller(request)
            wanted = Wanted(
                kind=kind,
                object_id=_object_id(object_id),
                query=await _read_query(request, kind),
                client_key=read_client_key(request.headers),
            )
            answer = await desk.ticket(researcher, wanted)
        except SkerryError as error:
            await desk.refused(error, researcher, door=f"htsget.{kind}", object_id=object_id)
            raise
        headers = {"Cache-Control": "no-store", **cross_origin(request)}
        content = answer.model_dump_json(exclude_none=True)
        return Response(content, media_type=MEDIA_TYPE, headers=headers)


async def _read_query(request: Request, kind: Kind) -> Query:
    parameters = request.query_params.multi_items()
    if request.method == "GET":
        return read_parameters(kind, parameters)
    if parameters:
        raise InvalidInput("A POST must not have parameters in its address.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_QUERY_BYTES:
            raise TooLong(f"A request body has at most {MAX_QUERY_BYTES} bytes.")
    return read_posted(kind, body)


def _object_id(raw_id: str) -> str:
    # An id that no object can have is refused later, as any unknown one.
    return raw_id if _OBJECT_ID.fullmatch(raw_id) else ""


# Body parts


def _add_blocks(router: APIRouter, desk: TicketDesk) -> None:
    releases, path = desk.releases, "/htsget/blocks/{session}/{raw_part}"
    _add_preflight(router, path)

    @router.api_route(path, methods=["GET", "HEAD"])
    async def block(request: Request, session: str, raw_part: str) -> Response:
        try:
            address, signature = _read_address(request, session, raw_part)
            return await _answer_block(request, releases, address, signature=signature)
        except RangeUnsatisfiable:
            raise
        except SkerryError as error:
            await desk.refused(error, None, door="htsget.blocks", object_id=None)
            raise


async def _answer_block(
    request: Request, releases: Releases, address: Address, *, signature: str
) -> Response:
    session = await releases.admit(address, signature)
    etag = f'"{session.body.etag}"'
    size = address.part.end0 - address.part.start0
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "ETag": etag,
        **cross_origin(request),
    }
    may_range = request.headers.get("if-range", etag) == etag
    try:
        wanted = read_range_header(request.headers.get("range") if may_range else None, size)
    except RangeUnsatisfiable as error:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(
            canonical_json(error_body(error)), 416, headers, media_type="application/json"
        )
    part = wanted or Part(0, size)
    headers["Content-Length"] = str(part.end0 - part.start0)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.start0}-{part.end0 - 1}/{size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, media_type="application/octet-stream")
    offset = address.part.start0
    claim = await releases.claim(
        address, signature, start0=offset + part.start0, end0=offset + part.end0
    )
    body: AsyncIterator[bytes] = releases.send(claim)
    return StreamingResponse(body, status, headers, media_type="application/octet-stream")


def _read_address(request: Request, session: str, raw_part: str) -> tuple[Address, str]:
    """`object_id` and `caller` are the session's own, filled in where it is looked up."""
    matched = _PART.fullmatch(raw_part)
    raw_expires = request.query_params.get("expires", "")
    if matched is None or len(session) > 64:
        raise NoSuchSession
    if _NUMBER.fullmatch(raw_expires) is None:
        raise AddressRefused("This address was not given out by this node as it stands.")
    part = Part(int(matched[1]), int(matched[2]))
    address = Address(session, "", caller="", part=part, expires=int(raw_expires))
    return address, request.query_params.get("signature", "")


# Service info


def _unnamed(public_url: str) -> ServiceFacts:
    host = public_url.partition("://")[2]
    return ServiceFacts(
        id=f"htsget.{host.replace(':', '-')}",
        name=f"htsget at {host}",
        organization_name=host,
        organization_url=public_url,
        version="0.1.0",
    )


def _add_service_info(router: APIRouter, kind: Kind, service: ServiceFacts) -> None:
    described: ServiceInfo = {
        "id": f"{service.id}.{kind}",
        "name": f"{service.name}: {kind}",
        "type": {"group": "org.ga4gh", "artifact": "htsget", "version": "1.3.0"},
        "organization": {"name": service.organization_name, "url": service.organization_url},
        "version": service.version,
        "environment": service.environment,
    }
    htsget = {
        "datatype": str(kind),
        "formats": list(FORMATS[kind]),
        "fieldsParameterEffective": False,
        "tagsParametersEffective": False,
    }
    body = canonical_json({**described, "htsget": htsget})

    @router.get(f"/htsget/{kind}/service-info", name=f"htsget {kind} service-info")
    async def service_info(request: Request) -> Response:
        return Response(body, media_type="application/json", headers=cross_origin(request))
