"""Lets pages of other origins ask for tickets and blocks.

htsget 1.3.0, «CORS»; no cookie is ever a credential here, so any page may ask.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

CORS_SECONDS = 30 * 24 * 3600
EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag"


def add_preflight(router: APIRouter, path: str) -> None:
    router.add_api_route(path, _preflight, methods=["OPTIONS"], include_in_schema=False)


def cross_origin(request: Request) -> dict[str, str]:
    """The headers of an answer."""
    origin = request.headers.get("origin")
    if origin is None:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


async def _preflight(request: Request) -> Response:
    asked = request.headers.get("access-control-request-headers", "")
    answer = Response(status_code=204, headers=cross_origin(request))
    answer.headers["Access-Control-Allow-Methods"] = "GET, POST, HEAD, OPTIONS"
    answer.headers["Access-Control-Max-Age"] = str(CORS_SECONDS)
    if asked:
        answer.headers["Access-Control-Allow-Headers"] = asked
    return answer
