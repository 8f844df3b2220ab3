"""The page of one dataset: its facts, who may use it, and the form that asks for access."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from starlette.responses import Response

from portal.conditions import CONDITIONS, badges
from portal.nodes.node import Node
from portal.questions.prospects import offer
from portal.requests.purpose_form import ORGANISATIONS, PURPOSES
from portal.site import Portal
from portal.visitors import Visitor
from schemas.data_use import VerdictView
from schemas.errors import SkerryError


async def dataset_page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    *,
    slug: str,
    dataset_id: str,
    problem: SkerryError | None = None,
    filled: Mapping[str, object] | None = None,
    verdict: VerdictView | None = None,
) -> Response:
    node, found = portal.dataset(slug, dataset_id)
    seen = await portal.prospects.seen(node, visitor)
    mine = next((one for one in seen if one.id == dataset_id), found if seen else None)
    values: dict[str, object] = {
        "node": node, "dataset": found, "filled": filled or {}, "workspaces": (), "mine": (),
        "problem": problem.public if problem else "", "verdict": verdict,
        "offer": offer(mine, signed_in=visitor.session is not None), "badges": badges(found.raw),
        "purposes": PURPOSES, "organisations": ORGANISATIONS, "duo_names": CONDITIONS,
    }  # fmt: skip
    if visitor.session is not None and not node.foreign:
        values |= await _own(portal, node, visitor, dataset_id=dataset_id)
    status = problem.status if problem else 200
    return portal.page(request, "dataset.html", visitor=visitor, status=status, values=values)


async def _own(
    portal: Portal, node: Node, visitor: Visitor, *, dataset_id: str
) -> dict[str, object]:
    """The person's workspaces and requests at this node; a node that is down leaves a sentence."""
    held = (await portal.applications.all([node], visitor))[0]
    mine = [one for one in held.requests if one.dataset == dataset_id]
    values: dict[str, object] = {"mine": mine, "node_problem": held.problem}
    if not held.problem:
        values["workspaces"] = await portal.applications.workspaces(node, visitor)
        try:
            values["asking"] = await portal.applications.asking(node, dataset_id, visitor)
        except SkerryError as error:  # the form stands; the node decides what it takes
            values["node_problem"] = error.public
    return values
