"""Sends what asks for another worker's release on to that worker.

A release lives in the process that opened it, so that what it may still send is counted in one
place, and its id begins with that process's number. The body comes back through here as it is
sent; whose it is, and whether it may leave, the owner decides as if it had been asked itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.serving.share import Share

BLOCKS = "/htsget/blocks/"
_METHODS = frozenset({"GET", "HEAD"})
_SECONDS = 60.0
_OF_ONE_CONNECTION = frozenset({"connection", "transfer-encoding", "keep-alive"})  # RFC 9110 7.6.1


class Forwarding:
    """Wraps a worker's application."""

    def __init__(self, app: ASGIApp, *, share: Share) -> None:
        self._app = app
        self._share = share
        self._others: dict[int, httpx.AsyncClient] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        owner = owner_of(scope, self._share)
        if owner is None:
            await self._app(scope, receive, send)
            return
        request = httpx.Request(
            scope["method"],
            httpx.URL(scheme="http", host="worker", raw_path=_raw_path(scope)),
            headers=scope["headers"],
        )
        try:
            answer = await self._client(owner).send(request, stream=True)
        except httpx.TransportError:
            await self._app(scope, receive, send)  # it ended, and its releases with it
            return
        try:
            await _passed_on(answer)(scope, receive, send)
        finally:
            await answer.aclose()

    def _client(self, owner: int) -> httpx.AsyncClient:
        client = self._others.get(owner)
        if client is None:
            transport = httpx.AsyncHTTPTransport(uds=str(self._share.socket(owner)))
            client = httpx.AsyncClient(transport=transport, timeout=_SECONDS, trust_env=False)
            self._others[owner] = client
        return client


def owner_of(scope: Scope, share: Share | None) -> int | None:
    """The other worker that holds the release which is asked for, if one does."""
    if share is None or scope["type"] != "http" or not scope["path"].startswith(BLOCKS):
        return None
    if scope["method"] not in _METHODS:
        return None
    return share.owner(scope["path"].removeprefix(BLOCKS).partition("/")[0])


def _raw_path(scope: Scope) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _passed_on(answer: httpx.Response) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        async for part in answer.aiter_raw():
            yield part

    response = StreamingResponse(body(), answer.status_code)
    response.raw_headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.lower().decode("latin-1") not in _OF_ONE_CONNECTION
    ]
    return response
