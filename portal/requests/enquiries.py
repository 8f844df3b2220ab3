"""Enquiries of the signed-in person to datasets' committees, relayed and kept by their nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from portal.nodes.doors import NodeDoors
from portal.nodes.node import Node
from portal.requests.applications import read_as
from portal.visitors import Visitor
from schemas.enquiries import EnquiryList, EnquiryView, NewEnquiry
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

_DOOR = "/access/enquiries"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person asked at one node, newest first, or why it could not say."""

    node: Node
    enquiries: tuple[EnquiryView, ...] = ()
    problem: str = ""


class Enquiries:
    def __init__(self, doors: NodeDoors) -> None:
        self._doors = doors

    async def all(self, nodes: Sequence[Node], visitor: Visitor) -> list[Asked]:
        return list(await asyncio.gather(*(self._at(node, visitor) for node in nodes)))

    async def _at(self, node: Node, visitor: Visitor) -> Asked:
        try:
            document = await self._doors.send("GET", node, _DOOR, visitor=visitor)
            return Asked(node, read_as(EnquiryList, document, Message("list of enquiries")).own)
        except SkerryError as error:
            return Asked(node, problem=error.public)

    async def ask(self, node: Node, dataset: str, text: str, visitor: Visitor) -> EnquiryView:
        try:
            new = NewEnquiry(dataset=dataset, text=text)
        except ValueError as error:
            raise InvalidInput(
                Message("Write what you want to know, in up to 2,000 characters.")
            ) from error
        document = await self._doors.send(
            "POST", node, _DOOR, visitor=visitor, body=new.model_dump(mode="json")
        )
        return read_as(EnquiryView, document, Message("answer to the enquiry"))
