"""One form for the committees of many datasets: `/basket`.

The basket is the list of datasets in the address, so nothing is kept here. Each committee gets a
request of its own, at its own node; one that cannot be sent does not hold up the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from portal.nodes.node import Dataset, Node
from portal.requests.purpose_form import ORGANISATIONS, PURPOSES, Fields, sent_back
from portal.site import Portal
from portal.visitors import Visitor
from schemas.errors import InvalidInput, SkerryError
from schemas.grants import RequestView, WorkspaceView
from schemas.messages import Message

MAX_DATASETS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One dataset of the basket, and what became of its request once it was sent."""

    node: Node
    dataset: Dataset
    sent: RequestView | None = None
    problem: str = ""

    @property
    def named(self) -> str:
        return f"{self.node.slug}/{self.dataset.id}"


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the basket with the person's workspaces there."""

    node: Node
    workspaces: tuple[WorkspaceView, ...] = ()
    problem: str = ""


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/basket")
    async def basket(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        lines = _lines(portal, request.query_params.getlist("dataset"))
        return await _page(request, portal, visitor, lines)

    @router.post("/basket")
    async def send(request: Request) -> Response:
        visitor, form = await portal.signed_form(request)
        lines = _lines(portal, [str(one) for one in form.getlist("dataset")])
        fields = {name: [str(one) for one in form.getlist(name)] for name in form}
        sent = await asyncio.gather(
            *(_send(portal, visitor, line, _fields_for(line, form, fields)) for line in lines)
        )
        return await _page(request, portal, visitor, sent, fields=fields)

    return router


def _lines(portal: Portal, named: Sequence[str]) -> list[Line]:
    """Raises `NotFound` for a dataset that nobody lists."""
    if len(named) > MAX_DATASETS:
        raise InvalidInput(Message("A basket holds %(most)s datasets.", most=MAX_DATASETS))
    pairs = dict.fromkeys(tuple(one.partition("/")[::2]) for one in named)
    lines = [Line(*portal.dataset(slug, dataset_id)) for slug, dataset_id in pairs]
    if any(line.node.foreign for line in lines):
        raise InvalidInput(Message("A Beacon of others takes no requests through the portal."))
    return lines


def _fields_for(line: Line, form: FormData, fields: Fields) -> Fields:
    workspace = str(form.get(f"workspace-{line.node.slug}", ""))
    units = str(form.get(f"units-{line.named}", ""))
    own = {"dataset": [line.dataset.id], "workspace": [workspace], "units": [units]}
    return {**fields, **own}


async def _send(portal: Portal, visitor: Visitor, line: Line, fields: Fields) -> Line:
    try:
        sent = await portal.applications.ask(line.node, fields, visitor)
    except SkerryError as error:
        return Line(line.node, line.dataset, problem=error.public)
    return Line(line.node, line.dataset, sent)


async def _page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    lines: Sequence[Line],
    *,
    fields: Fields | None = None,
) -> Response:
    """What was sent is told; the form stays for what was not."""
    waiting = [line for line in lines if line.sent is None]
    places: Sequence[Place] = ()
    if visitor.session is not None:
        nodes = {line.node.url: line.node for line in waiting}
        places = await asyncio.gather(*(_place(portal, node, visitor) for node in nodes.values()))
    values = {
        "lines": lines, "waiting": waiting, "places": places, "many": True,
        "filled": sent_back(fields) if fields else {}, "workspaces": (),
        "purposes": PURPOSES, "organisations": ORGANISATIONS,
    }  # fmt: skip
    return portal.page(request, "basket.html", visitor=visitor, values=values)


async def _place(portal: Portal, node: Node, visitor: Visitor) -> Place:
    try:
        return Place(node, await portal.applications.workspaces(node, visitor))
    except SkerryError as error:
        return Place(node, problem=error.public)
