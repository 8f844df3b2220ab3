"""What every request passes before any route: a body cap, a count, a log line if wanted.

Pure ASGI, because a streamed release must not be buffered. The addresses that carry nearly all
questions are met here (`Application.shortcuts`), before the framework's layers and its routing,
which together cost as much as an answer: what they would do is called as functions.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from access.requests.attachments import MAX_BYTES
from beacon.doors import Json
from gateway.holding import import_folder
from gateway.serving.one_write import send_whole
from gateway.serving.tally import Tally, door_of
from schemas.errors import TooLarge

MAX_BODY_BYTES = 1024 * 1024
MAX_UPLOAD_BYTES = MAX_BYTES + 64 * 1024  # a form carries more than the file
MAX_OUTPUT_BYTES = 32 * 1024 * 1024  # of a run, on its way to the airlock
_UPLOADS = (
    (re.compile(r"(?:/access)?/requests/[^/]+/attachments(?:/[^/]*)?"), MAX_UPLOAD_BYTES),
    (re.compile(r"/access/runs/[^/]+/candidates"), MAX_OUTPUT_BYTES),
    (re.compile(r"/admin/onboarding/[^/]+/upload"), import_folder.MAX_UPLOAD_BYTES + 64 * 1024),
)
_NOSNIFF = (b"x-content-type-options", b"nosniff")

Door = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[Request, Exception], Awaitable[Response]]


class Doorway:
    """Wraps an application; refuses bodies over the door's cap, and counts."""

    def __init__(self, app: ASGIApp, *, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, seen = time.perf_counter(), 500, 0
        declared = _declared_length(scope)
        most = _most(scope["path"])

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
                message.setdefault("headers", []).append(_NOSNIFF)
            await send(message)

        try:
            await self._app(scope, counted_receive, watched_send)
        finally:
            seconds = time.perf_counter() - started
            self._tally.count(door_of(scope["path"]), scope["method"], status, seconds=seconds)


class Application(FastAPI):
    """A FastAPI application with addresses that are met before it is entered.

    A door behind a shortcut reads no more of a body than it may, and makes its whole answer before
    a byte leaves; its errors become answers by the application's own table."""

    _shortcuts: Mapping[str, tuple[Door, str]] = {}
    _streams: Sequence[Route] = ()
    _stream_prefix = ""
    _is_elsewhere: Callable[[Scope], bool]
    _tally: Tally
    _refusal: Refusal

    def shortcuts(self, doors: Mapping[str, Door], *, tally: Tally, refusal: Refusal) -> None:
        """`doors`, by path, take GET and POST; every other method takes the ordinary way."""
        self._shortcuts = {path: (door, door_of(path)) for path, door in doors.items()}
        self._tally, self._refusal = tally, refusal

    def streams(
        self, routes: Sequence[Route], *, prefix: str, is_elsewhere: Callable[[Scope], bool]
    ) -> None:
        """Plain routes below `prefix` that read no body, unless what they are asked for is not in
        this process; counted and refused as the shortcuts are, but sent as their answers send."""
        self._streams, self._stream_prefix = routes, prefix
        self._is_elsewhere = is_elsewhere

    def begins_at_once(self, scope: Scope) -> bool:
        """Behind a shortcut and without a credential, nothing is waited for but what is said to
        be: no body, nobody's keys."""
        if scope["method"] != "GET" or scope["path"] not in self._shortcuts:
            return False
        return b"authorization" not in dict(scope["headers"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_http = scope["type"] == "http"
        met = self._shortcuts.get(scope["path"]) if is_http else None
        if met is not None and scope["method"] in ("GET", "POST"):
            await self._short(*met, scope, receive, send)
            return
        door = self._streaming(scope) if is_http and self._streams else None
        if door is not None:
            await self._stream(door, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _streaming(self, scope: Scope) -> Door | None:
        if not scope["path"].startswith(self._stream_prefix) or self._is_elsewhere(scope):
            return None
        for route in self._streams:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return route.endpoint
        return None

    async def _stream(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 500
        request = Request(scope, receive)
        try:
            try:
                answer = await door(request)
            except Exception as error:  # noqa: BLE001 (as below)
                answer = await self._refusal(request, error)
            answer.raw_headers.append(_NOSNIFF)
            status = answer.status_code
            await answer(scope, receive, send)
        finally:
            seconds = time.perf_counter() - started
            self._tally.count(door_of(scope["path"]), scope["method"], status, seconds=seconds)

    async def _short(
        self, door: Door, counted_as: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        started = time.perf_counter()
        request = Request(scope, receive)
        try:
            answer = await door(request)
        except Exception as error:  # noqa: BLE001 (the table answers each, and logs the unforeseen)
            answer = await self._refusal(request, error)
        if type(answer) is not Json or not send_whole(send, answer.head, answer.body):
            head = {
                "type": "http.response.start",
                "status": answer.status_code,
                "headers": [*answer.raw_headers, _NOSNIFF],
            }
            await send(head)
            await send({"type": "http.response.body", "body": answer.body})
        seconds = time.perf_counter() - started
        self._tally.count(counted_as, scope["method"], answer.status_code, seconds=seconds)


def _most(path: str) -> int:
    return next((cap for door, cap in _UPLOADS if door.fullmatch(path)), MAX_BODY_BYTES)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
