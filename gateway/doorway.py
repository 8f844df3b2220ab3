"""What every request passes before any route: a body cap, a count, a log line if wanted.

Pure ASGI, because a streamed release must not be buffered. Paths are logged and counted by their
first segment only: the rest may name a person, an object or a block address.
"""

from __future__ import annotations

import re
import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from access.attachments import MAX_BYTES
from schemas.errors import TooLarge

_log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 1024 * 1024
MAX_UPLOAD_BYTES = MAX_BYTES + 64 * 1024  # a form carries more than the file
_UPLOAD = re.compile(r"(?:/access)?/requests/[^/]+/attachments(?:/[^/]*)?")


class Doorway:
    """Wraps an application; refuses bodies over the door's cap, counts, and writes a line per
    request where `log_requests` says so (it costs more than most answers)."""

    def __init__(
        self, app: ASGIApp, *, registry: CollectorRegistry, log_requests: bool = False
    ) -> None:
        self._app = app
        self._log_requests = log_requests
        self._requests = Counter(
            "skerry_requests", "Requests answered", ["door", "status"], registry=registry
        )
        self._seconds = Histogram(
            "skerry_request_seconds", "Time to the last byte", ["door"], registry=registry
        )
        # Doors and statuses are few, and finding a label set's counters costs more than counting.
        self._counters: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, seen = time.perf_counter(), 500, 0
        door = "/" + scope["path"].lstrip("/").partition("/")[0]
        declared = _declared_length(scope)
        most = MAX_UPLOAD_BYTES if _UPLOAD.fullmatch(scope["path"]) else MAX_BODY_BYTES

        async def counted_receive() -> Message:
            nonlocal seen
            message = {} if declared > most else await receive()
            seen += len(message.get("body", b""))
            if max(seen, declared) > most:
                raise TooLarge(f"The request body is larger than {most} bytes.")
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
            self._count(known, status, seconds=seconds)
            if self._log_requests:
                _log.info("answered", door=known, method=scope["method"], status=status,
                          ms=round(seconds * 1000, 1))  # fmt: skip

    def _count(self, door: str, status: int, *, seconds: float) -> None:
        counter = self._counters.get((door, status))
        if counter is None:
            counter = self._counters[door, status] = (
                self._requests.labels(door, str(status)),
                self._seconds.labels(door),
            )
        counter[0].inc()
        counter[1].observe(seconds)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
