"""Access requests of the signed-in person, kept at the nodes and followed from here.

Calls each node's /access doors with the person's Passport for that node; the life of a request
and who may decide are the node's. Nothing of a request is stored here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from portal.asking.foreign import items, members, text
from portal.errors import NodeFailed
from portal.nodes.doors import NodeDoors
from portal.nodes.node import Node
from portal.requests.purpose_form import Fields, new_request
from portal.visitors import Visitor, Visitors
from schemas.data_use import VerdictView
from schemas.errors import SkerryError
from schemas.grants import (
    Asking,
    AttachmentView,
    PreCheck,
    RequestList,
    RequestView,
    StepBody,
    WorkspaceList,
    WorkspaceView,
)
from schemas.messages import Message

REQUESTS = "/access/requests"
FILE_KINDS = {"reads": "reads", "variants": "variants", "files": "file"}
MAX_FILES = 100

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Held:
    """What one node holds for the person, or why it could not say."""

    node: Node
    requests: tuple[RequestView, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ReleasableFile:
    """A file that the node says this person may have; `kind` is what `skerry fetch` calls it."""

    object_id: str
    kind: str


class Applications:
    def __init__(self, doors: NodeDoors, visitors: Visitors) -> None:
        self._doors = doors
        self._visitors = visitors

    async def all(self, nodes: Sequence[Node], visitor: Visitor) -> list[Held]:
        return list(await asyncio.gather(*(self._held(node, visitor) for node in nodes)))

    async def _held(self, node: Node, visitor: Visitor) -> Held:
        try:
            document = await self._doors.send("GET", node, REQUESTS, visitor=visitor)
            listed = read_as(RequestList, document, Message("list of requests")).requests
        except SkerryError as error:
            return Held(node, problem=error.public)
        # A committee member's list at a node holds other people's requests too.
        return Held(node, tuple(one for one in listed if is_for(visitor.identity, one)))

    async def one(self, node: Node, request_id: str, visitor: Visitor) -> RequestView:
        """Raises `NotFound` where the node has none that this person may see."""
        document = await self._doors.send("GET", node, _at(request_id), visitor=visitor)
        return read_as(RequestView, document, Message("word on the request"))

    async def workspaces(self, node: Node, visitor: Visitor) -> tuple[WorkspaceView, ...]:
        document = await self._doors.send("GET", node, "/access/workspaces", visitor=visitor)
        return read_as(WorkspaceList, document, Message("list of workspaces")).workspaces

    async def asking(self, node: Node, dataset: str, visitor: Visitor) -> Asking:
        """Where and how the dataset is asked for."""
        path = f"/access/asking?dataset={quote(dataset, safe='')}"
        document = await self._doors.send("GET", node, path, visitor=visitor)
        return read_as(Asking, document, Message("word on requests"))

    async def ask(self, node: Node, fields: Fields, visitor: Visitor) -> RequestView:
        """Creates a request at the node and submits it; where terms must be accepted first it stays
        a draft."""
        body = new_request(fields).model_dump(mode="json")
        draft = await self._doors.send("POST", node, REQUESTS, visitor=visitor, body=body)
        made = read_as(RequestView, draft, Message("answer to the request"))
        if made.terms is not None:
            return made
        return await self.take(node, made.id, "submit", StepBody(), visitor=visitor)

    async def take(
        self, node: Node, request_id: str, step: str, body: StepBody, *, visitor: Visitor
    ) -> RequestView:
        """One step of the person's own: submit, accept or close."""
        document = await self._doors.send(
            "POST",
            node,
            f"{_at(request_id)}/{quote(step, safe='')}",
            visitor=visitor,
            body=body.model_dump(mode="json", exclude_defaults=True),
        )
        # What a grant opens may have changed: the next question fetches a new Passport.
        self._visitors.forget(visitor, node.url)
        return read_as(RequestView, document, Message("answer to the step"))

    async def edit(
        self, node: Node, request: RequestView, fields: Fields, *, visitor: Visitor
    ) -> RequestView:
        """What the form does not ask for stays as it was stated before."""
        form = new_request({**fields, "dataset": [request.dataset]}, before=request.data_use)
        body = form.model_copy(update={"run": request.run}).model_dump(mode="json")
        document = await self._doors.send("PUT", node, _at(request.id), visitor=visitor, body=body)
        return read_as(RequestView, document, Message("answer to the change"))

    async def check(self, node: Node, fields: Fields, visitor: Visitor) -> VerdictView:
        """What the dataset's conditions of data use say to the form as it is now."""
        form = new_request(fields)
        asked = PreCheck(dataset=form.dataset, months=form.months, data_use=form.data_use)
        body = asked.model_dump(mode="json")
        path = f"{REQUESTS}/check"
        document = await self._doors.send("POST", node, path, visitor=visitor, body=body)
        return read_as(VerdictView, document, Message("answer to the check"))

    async def attach(
        self, node: Node, request_id: str, name: str, body: bytes, *, visitor: Visitor
    ) -> AttachmentView:
        path = f"{_at(request_id)}/attachments/{quote(name, safe='')}"
        document = await self._doors.send("PUT", node, path, visitor=visitor, body=body)
        return read_as(AttachmentView, document, Message("answer to the file"))

    async def attachment(
        self, node: Node, request_id: str, attachment_id: str, *, visitor: Visitor
    ) -> bytes:
        path = _attachment(request_id, attachment_id)
        return (await self._doors.exchange("GET", node, path, visitor=visitor)).body

    async def detach(
        self, node: Node, request_id: str, attachment_id: str, *, visitor: Visitor
    ) -> None:
        path = _attachment(request_id, attachment_id)
        await self._doors.exchange("DELETE", node, path, visitor=visitor)

    async def files(self, node: Node, dataset: str, visitor: Visitor) -> list[ReleasableFile]:
        """By the tickets that the dataset's own Beacon hands over to who may have them."""
        self._visitors.forget(visitor, node.url)
        path = f"/beacon/datasets/{quote(dataset, safe='')}?requestedGranularity=record"
        document = await self._doors.send("GET", node, path, visitor=visitor)
        sets = items(members(members(document).get("response")).get("resultSets"))
        handed = [one for found in sets for one in items(members(found).get("resultsHandovers"))]
        urls = [text(members(one).get("url")) for one in handed[:MAX_FILES]]
        return [found for url in urls if (found := _file(node, url)) is not None]


def is_for(person: str, request: RequestView) -> bool:
    """Whether they asked or are named in it; its committee only decides."""
    return person in (request.requester, *(member.identity for member in request.members))


def _file(node: Node, url: str) -> ReleasableFile | None:
    door, _, object_id = url.removeprefix(f"{node.url}/htsget/").partition("/")
    if not url.startswith(f"{node.url}/htsget/") or door not in FILE_KINDS or not object_id:
        return None
    return ReleasableFile(object_id, FILE_KINDS[door])


def _at(request_id: str) -> str:
    return f"{REQUESTS}/{quote(request_id, safe='')}"


def _attachment(request_id: str, attachment_id: str) -> str:
    return f"{_at(request_id)}/attachments/{quote(attachment_id, safe='')}"


def read_as(model: type[Model], document: object, what: Message) -> Model:
    if not isinstance(document, Mapping):
        raise NodeFailed(_unreadable(what))
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise NodeFailed(_unreadable(what)) from error


def _unreadable(what: Message) -> Message:
    return Message("The node’s answer could not be read: %(what)s.", what=what)
