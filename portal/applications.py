"""Access requests of the signed-in person, kept at the nodes and shown together.

Calls each node's /access doors with the person's Passport for that node; the life of a request
and who may decide are the node's. Nothing of a request is stored here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from portal.errors import NodeFailed
from portal.node_doors import NodeDoors
from portal.registry import Node
from portal.visitors import Visitor, Visitors
from schemas.errors import InvalidInput, SkerryError
from schemas.grants import NewRequest, RequestList, RequestView, WorkspaceList, WorkspaceView

MAX_MONTHS_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Held:
    """What one node holds for the person, or why it could not say."""

    node: Node
    requests: tuple[RequestView, ...] = ()
    problem: str = ""


class Applications:
    def __init__(self, doors: NodeDoors, visitors: Visitors) -> None:
        self._doors = doors
        self._visitors = visitors

    async def all(self, nodes: Sequence[Node], visitor: Visitor) -> list[Held]:
        return list(await asyncio.gather(*(self._held(node, visitor) for node in nodes)))

    async def _held(self, node: Node, visitor: Visitor) -> Held:
        try:
            document = await self._doors.send("GET", node, "/access/requests", visitor=visitor)
            listed = RequestList.model_validate(document).requests
            # A committee member's list at a node holds other people's requests too.
            person = visitor.session.signed_in.identity if visitor.session else None
            return Held(node, tuple(one for one in listed if one.requester == person))
        except ValidationError:
            return Held(node, problem="The node’s list of requests could not be read.")
        except SkerryError as error:
            return Held(node, problem=error.public)

    async def workspaces(self, node: Node, visitor: Visitor) -> tuple[WorkspaceView, ...]:
        document = await self._doors.send("GET", node, "/access/workspaces", visitor=visitor)
        try:
            return WorkspaceList.model_validate(document).workspaces
        except ValidationError as error:
            raise NodeFailed("The node’s list of workspaces could not be read.") from error

    async def ask(self, node: Node, form: Mapping[str, object], visitor: Visitor) -> RequestView:
        """Creates a request at the node and submits it; the node decides what is complete."""
        new = _new_request(form)
        body = new.model_dump(mode="json")
        draft = await self._doors.send("POST", node, "/access/requests", visitor=visitor, body=body)
        made = _view(draft)
        path = f"/access/requests/{made.id}/submit"
        submitted = await self._doors.send("POST", node, path, visitor=visitor, body={})
        self._visitors.forget(visitor, node.url)
        return _view(submitted)


def _new_request(form: Mapping[str, object]) -> NewRequest:
    named = {name: form.get(name) for name in ("dataset", "project", "purpose", "workspace")}
    months = form.get("months")
    try:
        # Python refuses to read endless digits with an error of its own; two are plenty.
        short = isinstance(months, str) and len(months) <= MAX_MONTHS_DIGITS
        whole = int(str(months)) if short and str(months).isdecimal() else months
        return NewRequest.model_validate(named | {"months": whole})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"Please look at “{field}”: {first['msg']}.") from error


def _view(document: object) -> RequestView:
    try:
        return RequestView.model_validate(document)
    except ValidationError as error:
        raise NodeFailed("The node’s answer to the request could not be read.") from error
