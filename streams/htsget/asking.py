"""Reads one ticket request off the wire: which object, what of it, and the key a client names.

htsget 1.3.0. Reads only; nothing is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fastapi import Request

from passports.researcher import Researcher
from schemas.errors import InvalidInput
from streams.errors import TooLong
from streams.htsget.desk import Wanted, read_client_key
from streams.htsget.questions import MAX_QUERY_BYTES, Query, read_parameters, read_posted
from streams.sources import Kind

Caller = Callable[[Request], Awaitable[Researcher | None]]

_OBJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}", re.ASCII)


async def read_wanted(request: Request, kind: Kind, raw_id: str) -> Wanted:
    """Raises InvalidInput, UnsupportedFormat, InvalidRange, KeyInvalid, TooLong."""
    return Wanted(
        kind=kind,
        # An id that no object can have is refused later, as any unknown one.
        object_id=raw_id if _OBJECT_ID.fullmatch(raw_id) else "",
        query=await _read_query(request, kind),
        client_key=read_client_key(request.headers),
    )


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
