"""Access requests of the signed-in person, kept at the nodes and shown together.

Calls each node's /access doors with the person's Passport for that node; the life of a request
and who may decide are the node's. Nothing of a request is stored here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import ValidationError

from portal.errors import NodeFailed
from portal.node_doors import NodeDoors
from portal.purpose_form import Fields, new_request
from portal.registry import Node
from portal.visitors import Visitor, Visitors
from schemas.data_use import VerdictView
from schemas.errors import SkerryError
from schemas.grants import Asking, PreCheck, RequestList, RequestView, WorkspaceList, WorkspaceView


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

    async def asking(self, node: Node, dataset: str, visitor: Visitor) -> Asking:
        """Where and how the dataset is asked for."""
        path = f"/access/asking?dataset={quote(dataset, safe='')}"
        document = await self._doors.send("GET", node, path, visitor=visitor)
        try:
            return Asking.model_validate(document)
        except ValidationError as error:
            raise NodeFailed("The node’s word on requests could not be read.") from error

    async def ask(self, node: Node, fields: Fields, visitor: Visitor) -> RequestView:
        """Creates a request at the node and submits it; where terms must be accepted first it stays
        a draft, and its requester reads them at the node's own page."""
        body = new_request(fields).model_dump(mode="json")
        draft = await self._doors.send("POST", node, "/access/requests", visitor=visitor, body=body)
        made = _view(draft)
        self._visitors.forget(visitor, node.url)
        if made.terms is not None:
            return made
        path = f"/access/requests/{made.id}/submit"
        submitted = await self._doors.send("POST", node, path, visitor=visitor, body={})
        return _view(submitted)

    async def check(self, node: Node, fields: Fields, visitor: Visitor) -> VerdictView:
        """What the dataset's conditions of data use say to the form as it is now."""
        form = new_request(fields)
        asked = PreCheck(dataset=form.dataset, months=form.months, data_use=form.data_use)
        document = await self._doors.send(
            "POST",
            node,
            "/access/requests/check",
            visitor=visitor,
            body=asked.model_dump(mode="json"),
        )
        try:
            return VerdictView.model_validate(document)
        except ValidationError as error:
            raise NodeFailed("The node’s answer to the check could not be read.") from error


def _view(document: object) -> RequestView:
    try:
        return RequestView.model_validate(document)
    except ValidationError as error:
        raise NodeFailed("The node’s answer to the request could not be read.") from error
