"""Calls one node's /access doors as the signed-in person, with a Passport made for that node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from portal.answer import members, text
from portal.calls import Calls, NoReply
from portal.errors import NodeFailed
from portal.registry import Node
from portal.settings import Limits
from portal.visitors import Visitor, Visitors


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
        body: Mapping[str, object] | None = None,
    ) -> object:
        """The document of a 200 or 201; raises `NodeFailed` with the node's own sentence."""
        passport = await self._visitors.passport(visitor, node.url)
        deadline = asyncio.get_running_loop().time() + self._limits.deadline_seconds
        reply = await self._calls.send(
            method, node.url + path, deadline=deadline, token=passport, body=body
        )
        if isinstance(reply, NoReply):
            raise NodeFailed(f"{node.name}: {reply.reason}")
        if reply.status not in (200, 201):
            said = text(members(reply.document).get("message")) or f"HTTP {reply.status}"
            raise NodeFailed(f"{node.name}: {said}", detail=f"{method} {path}: {reply.status}")
        return reply.document
