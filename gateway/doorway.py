"""What every request passes before any route: a body cap, a deadline-free log line, a count.

Pure ASGI, because a streamed release must not be buffered. Paths are logged and counted by their
first segment only: the rest may name a person, an object or a block address.
"""

from __future__ import annotations

import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import TooLarge

_log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 1024 * 1024


class Doorway:
    """Wraps an application; refuses bodies over `MAX_BODY_BYTES`, logs and counts."""

    def __init__(self, app: ASGIApp, *, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "skerry_requests", "Requests answered", ["door", "status"], registry=registry
        )
        self._seconds = Histogram(
            "skerry_request_seconds", "Time to the last byte", ["door"], registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, seen = time.perf_counter(), 500, 0
        door = "/" + scope["path"].lstrip("/").partition("/")[0]
        declared = _declared_length(scope)

        async def counted_receive() -> Message:
            nonlocal seen
            message = {} if declared > MAX_BODY_BYTES else await receive()
            seen += len(message.get("body", b""))
            if max(seen, declared) > MAX_BODY_BYTES:
                raise TooLarge(f"The request body is larger than {MAX_BODY_BYTES} bytes.")
            return message

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-content-type-options", b"nosniff"))
            await send(message)

        try:
            await self._app(scope, counted_receive, watched_send)
        finally:
            seconds = time.perf_counter() - started
            known = door if status != 404 else "/other"
            self._requests.labels(known, str(status)).inc()
            self._seconds.labels(known).observe(seconds)
            _log.info("answered", door=known, method=scope["method"], status=status,
                      ms=round(seconds * 1000, 1))  # fmt: skip


def _declared_length(scope: Scope) -> int:
    stated = dict(scope["headers"]).get(b"content-length", b"")
    return int(stated) if stated.isdigit() else 0
