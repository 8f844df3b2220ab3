"""Calls one node's doors as the signed-in person, with a Passport made for that node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from portal.asking.calls import Calls, NoReply, Raw
from portal.asking.foreign import members, text
from portal.catalogues import Quoted
from portal.errors import NodeFailed, NodeRefused, NotYours
from portal.nodes.node import Node
from portal.settings import Limits
from portal.visitors import Visitor, Visitors
from schemas.errors import NotFound, SkerryError
from schemas.messages import Message

_TAKEN = (200, 201, 204)


class NodeDoors:
    def __init__(self, calls: Calls, visitors: Visitors, *, limits: Limits) -> None:
        self._calls = calls
        self._visitors = visitors
        self._limits = limits

    async def send(
        self,
        method: str,
        node: Node,
        path: str,
        *,
        visitor: Visitor,
        body: Mapping[str, object] | bytes | None = None,
    ) -> object:
        """The document of an answer; raises `NodeFailed` or a refusal with the node's own sentence.
        `bytes` are sent as a file."""
        raw = await self.exchange(method, node, path, visitor=visitor, body=body)
        return _document(raw)

    async def exchange(
        self,
        method: str,
        node: Node,
        path: str,
        *,
        visitor: Visitor,
        body: Mapping[str, object] | bytes | None = None,
    ) -> Raw:
        if node.barred:
            raise NodeFailed(node.barred)
        passport = await self._visitors.passport(visitor, node.url)
        deadline = asyncio.get_running_loop().time() + self._limits.deadline_seconds
        is_file = isinstance(body, bytes)
        reply = await self._calls.exchange(
            method, node.url + path, deadline=deadline, token=passport, body=body,
            extra={"Content-Type": "application/octet-stream"} if is_file else None,
        )  # fmt: skip
        if isinstance(reply, NoReply):
            raise NodeFailed(reply.reason)
        if reply.status not in _TAKEN:
            raise _refusal(reply, f"{method} {path}: {reply.status}")
        return reply


def _document(raw: Raw) -> object:
    try:
        return json.loads(raw.body) if raw.body else None
    except (ValueError, RecursionError) as error:
        raise NodeFailed(Message("The node’s answer is not JSON.")) from error


def _refusal(raw: Raw, detail: str) -> SkerryError:
    try:
        said = text(members(json.loads(raw.body)).get("message"))
    except (ValueError, RecursionError):
        said = ""
    words = (
        Quoted(said)
        if said
        else Message("The node answered HTTP %(status)s.", status=str(raw.status))
    )
    match raw.status:
        case 404:
            return NotFound(words, detail=detail)
        case 401 | 403:
            return NotYours(words, detail=detail)
        case status if 400 <= status < 500:
            return NodeRefused(words, detail=detail)
        case _:
            return NodeFailed(words, detail=detail)
