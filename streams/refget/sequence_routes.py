"""The doors of refget Sequences 2.0.0 under /refget/sequence.

Reference sequences are public: nobody is asked who they are. What a request may ask is
`subsequence`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Request
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streams.refget.index import Index
from streams.refget.sequences import PIECE, Sequences
from streams.refget.service import OPEN, ServiceFacts, refuse_strange
from streams.refget.subsequence import Part, json_type, part_of, plain_type

# What a digest names never changes.
_FOREVER = OPEN | {"Cache-Control": "public, max-age=31536000, immutable"}


def build(index: Index, facts: ServiceFacts) -> APIRouter:
    router, sequences = APIRouter(), Sequences(index)

    @router.get("/refget/sequence/service-info", response_model=None)
    async def service_info(request: Request) -> Response:
        about = facts.record("refget", "2.0.0") | {
            "refget": {
                "circular_supported": True,
                "algorithms": ["md5", "ga4gh", "trunc512"],
                "identifier_types": ["refseq", "insdc"],
                "subsequence_limit": None,
            }
        }
        return JSONResponse(about, headers=OPEN)

    @router.get("/refget/sequence/{identifier}/metadata", response_model=None)
    async def metadata(request: Request, identifier: str) -> Response:
        kind = json_type(request.headers.get("accept", ""))
        about = sequences.metadata(sequences.find(identifier))
        return JSONResponse({"metadata": about}, media_type=kind, headers=OPEN)

    @router.get("/refget/sequence/{identifier}", response_model=None)
    async def sequence(request: Request, identifier: str) -> Response:
        kind = plain_type(request.headers.get("accept", ""))
        held = sequences.find(identifier)
        asked = request.query_params
        refuse_strange(asked.keys(), {"start", "end"})
        part = part_of(
            held.length,
            circular=held.circular,
            start=asked.get("start"),
            end=asked.get("end"),
            byte_range=request.headers.get("range"),
        )
        pieces = (
            piece
            for start0, end0 in part.stretches
            for piece in sequences.letters(held, start0, end0)
        )
        return _letters(pieces, part, kind=kind, whole=held.length)

    async def quickly(request: Request) -> Response:
        return await sequence(request, request.path_params["identifier"])

    # Met before those above, which describe them: what is asked most often costs less this way.
    router.routes.append(Route("/refget/sequence/service-info", service_info))
    router.routes.append(Route("/refget/sequence/{identifier}", quickly))
    return router


def _letters(pieces: Iterator[bytes], part: Part, *, kind: str, whole: int) -> Response:
    headers = _FOREVER | {"Content-Type": kind, "Content-Length": str(part.length)}
    if part.status == 206:
        first, last = part.stretches[0]
        headers["Content-Range"] = f"bytes {first}-{last - 1}/{whole}"
    else:
        headers["Accept-Ranges"] = "none"
    if part.length <= PIECE:
        return Response(b"".join(pieces), status_code=part.status, headers=headers)
    streamed: AsyncIterator[bytes] = iterate_in_threadpool(pieces)
    return StreamingResponse(streamed, status_code=part.status, headers=headers)
