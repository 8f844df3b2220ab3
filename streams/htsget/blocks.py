"""Body parts: the bytes behind the addresses of a ticket, whole or by Range.

htsget 1.3.0, «Core mechanic»; RFC 9110 section 14. Addresses carry their own right and are never
logged or recorded. What is sent, and on what it rests, is `streams.release`'s. A plain Starlette
route, since here the cost of FastAPI's would be felt.
"""

from __future__ import annotations

import re

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse
from starlette.routing import Route

from schemas.errors import SkerryError
from schemas.wire import canonical_json
from streams.errors import AddressRefused, NoSuchSession, RangeUnsatisfiable
from streams.htsget.browsers import add_preflight, cross_origin
from streams.htsget.desk import TicketDesk
from streams.htsget.ranges import read_range_header
from streams.htsget.tickets import Address, Part, error_body
from streams.in_place import REDIRECT, Accel, asked_range
from streams.release import Releases
from streams.sessions import Session

SHORT_BYTES = 1024 * 1024  # up to so much is read at once and sent at once, and is no stream

_PATH = "/htsget/blocks/{session}/{raw_part}"
_IN_PLACE = _PATH + "/in-place"
_PART = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_SIGNED = re.compile(rb"expires=(\d{1,12})&signature=([0-9a-f]{64})")
_TYPE = "application/octet-stream"


def add_blocks(router: APIRouter, desk: TicketDesk) -> None:
    async def block(request: Request) -> Response:
        try:
            return await _answer(request, desk.releases)
        except SkerryError as error:
            await desk.refused(error, None, door="htsget.blocks", object_id=None)
            raise

    async def in_place(request: Request) -> Response:
        try:
            return await _in_place(request, desk.releases, desk.accel)
        except SkerryError as error:
            await desk.refused(error, None, door="htsget.blocks", object_id=None)
            raise

    add_preflight(router, _PATH)
    router.routes.append(Route(_PATH, block, methods=["GET", "HEAD"]))
    add_preflight(router, _IN_PLACE)
    router.routes.append(Route(_IN_PLACE, in_place, methods=["GET", "HEAD"]))


async def _in_place(request: Request, releases: Releases, accel: Accel | None) -> Response:
    """A range of the body itself, which nginx sends where it asked to."""
    address, signature = _read_address(request)
    part = asked_range(request.headers.getlist("range"), address.part)
    size = part.end0 - part.start0
    if request.method == "HEAD":
        session = await releases.admit(address, signature)
        about = _about(part, session.body.size)[1]
        return Response(None, 206, _headers(request, session) | about, _TYPE)
    claim = await releases.claim(address, signature, start0=part.start0, end0=part.end0)
    headers = _headers(request, claim.session)
    location = None if accel is None else accel.location(claim.session.body)
    if accel is not None and location is not None and accel.hands_over(request.headers):
        await releases.hand_over(claim)
        return Response(None, 200, {**headers, REDIRECT: location}, _TYPE)
    headers |= _about(part, claim.session.body.size)[1]
    if size > SHORT_BYTES:
        return StreamingResponse(releases.send(claim), 206, headers, _TYPE)
    return Response(await releases.read(claim), 206, headers, _TYPE)


async def _answer(request: Request, releases: Releases) -> Response:
    address, signature = _read_address(request)
    size = address.part.end0 - address.part.start0
    raw_range, raw_if = request.headers.get("range"), request.headers.get("if-range")
    if raw_if is not None and raw_if != _etag(await releases.admit(address, signature)):
        raw_range = None
    try:
        part = read_range_header(raw_range, size)
    except RangeUnsatisfiable as error:
        session = await releases.admit(address, signature)
        headers = _headers(request, session) | {"Content-Range": f"bytes */{size}"}
        return Response(canonical_json(error_body(error)), 416, headers, "application/json")
    status, about = _about(part, size)
    part = part or Part(0, size)
    if request.method == "HEAD":
        session = await releases.admit(address, signature)
        return Response(None, status, _headers(request, session) | about, _TYPE)
    at = address.part.start0
    claim = await releases.claim(address, signature, start0=at + part.start0, end0=at + part.end0)
    headers = _headers(request, claim.session) | about
    if part.end0 - part.start0 > SHORT_BYTES:
        return StreamingResponse(releases.send(claim), status, headers, _TYPE)
    return Response(await releases.read(claim), status, headers, _TYPE)


def _about(part: Part | None, size: int) -> tuple[int, dict[str, str]]:
    if part is None:
        return 200, {"Content-Length": str(size)}
    within = f"bytes {part.start0}-{part.end0 - 1}/{size}"
    return 206, {"Content-Length": str(part.end0 - part.start0), "Content-Range": within}


def _headers(request: Request, session: Session) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "ETag": _etag(session),
        **cross_origin(request),
    }


def _etag(session: Session) -> str:
    return f'"{session.body.etag}"'


def _read_address(request: Request) -> tuple[Address, str]:
    """`object_id` and `caller` are the session's own, filled in where it is looked up."""
    session, raw_part = request.path_params["session"], request.path_params["raw_part"]
    matched = _PART.fullmatch(raw_part)
    if matched is None or len(session) > 64:
        raise NoSuchSession
    signed = _SIGNED.fullmatch(request.scope["query_string"])
    if signed is None:
        raise AddressRefused("This address was not given out by this node as it stands.")
    part = Part(int(matched[1]), int(matched[2]))
    address = Address(session, "", caller="", part=part, expires=int(signed[1]))
    return address, signed[2].decode()
