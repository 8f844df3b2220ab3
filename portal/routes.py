"""The portal's other pages: browse datasets and nodes, ask for access, sign in.

Handlers parse, call and shape. Searching is `search_routes`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from portal.conditions import badges
from portal.errors import SignInNeeded
from portal.prospects import offer
from portal.purpose_form import CONDITIONS, ORGANISATIONS, PURPOSES, sent_back
from portal.registry import Node
from portal.site import Portal
from portal.visitors import Visitor
from schemas.data_use import VerdictView
from schemas.errors import SkerryError


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_catalogue(router, portal)
    _add_requests(router, portal)
    _add_sign_in(router, portal)
    return router


def _add_catalogue(router: APIRouter, portal: Portal) -> None:
    @router.get("/datasets")
    async def datasets(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        values = {"nodes": portal.registry.nodes}
        return portal.page(request, "datasets.html", visitor=visitor, values=values)

    @router.get("/datasets/{slug}/{dataset_id:path}")
    async def dataset(request: Request, slug: str, dataset_id: str) -> Response:
        visitor = portal.visitors.of(request)
        return await _dataset_page(request, portal, visitor, slug=slug, dataset_id=dataset_id)

    @router.get("/network")
    async def network(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        values = {
            "nodes": portal.registry.nodes,
            "settings": portal.settings,
            "health": await portal.registry.health(),
        }
        return portal.page(request, "network.html", visitor=visitor, values=values)

    @router.get("/network/{slug}")
    async def node(request: Request, slug: str) -> Response:
        visitor = portal.visitors.of(request)
        values = {"node": portal.node(slug)}
        return portal.page(request, "node.html", visitor=visitor, values=values)

    @router.get("/me")
    async def me(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        standings: Sequence[object] = ()
        if visitor.session is not None:
            standings = await portal.standings.all(portal.registry.own, visitor)
        return portal.page(request, "me.html", visitor=visitor, values={"standings": standings})


async def _dataset_page(
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
    mine = next((one for one in seen if one.id == dataset_id), found)
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


def _add_requests(router: APIRouter, portal: Portal) -> None:
    @router.get("/requests")
    async def requests(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        held: Sequence[object] = ()
        if visitor.session is not None:
            held = await portal.applications.all(portal.registry.own, visitor)
        return portal.page(request, "requests.html", visitor=visitor, values={"held": held})

    @router.post("/requests")
    async def ask(request: Request) -> Response:
        visitor, form = portal.visitors.of(request), await portal.form(request)
        if visitor.session is None:
            raise SignInNeeded("Sign in to ask for access.")
        portal.visitors.check_form(visitor, form.get("csrf"))
        node = portal.node(str(form.get("node", "")))
        fields = {name: [str(one) for one in form.getlist(name)] for name in form}
        shown_again = partial(
            _dataset_page, request, portal, visitor,
            slug=node.slug, dataset_id=str(form.get("dataset", "")), filled=sent_back(fields),
        )  # fmt: skip
        try:
            if form.get("do") == "check":
                verdict = await portal.applications.check(node, fields, visitor)
                return await shown_again(verdict=verdict)
            await portal.applications.ask(node, fields, visitor)
        except SkerryError as error:
            return await shown_again(problem=error)
        return RedirectResponse("/requests", status_code=303)


def _add_sign_in(router: APIRouter, portal: Portal) -> None:
    visitors = portal.visitors

    @router.get("/auth/login")
    async def login(next: str = "/") -> Response:  # noqa: A002 - the usual name in addresses
        url, pending_id = await visitors.begin(next)
        response = RedirectResponse(url, status_code=303)
        visitors.await_return(response, pending_id)
        return response

    @router.get("/auth/callback")
    async def callback(request: Request) -> Response:
        session_id, path = await visitors.finish(request, visitors.of(request))
        response = RedirectResponse(path, status_code=303)
        visitors.sign_in(response, session_id)
        return response

    @router.post("/auth/logout")
    async def logout(request: Request) -> Response:
        visitor, form = visitors.of(request), await portal.form(request)
        visitors.check_form(visitor, form.get("csrf"))
        response = RedirectResponse("/", status_code=303)
        visitors.sign_out(visitor, response)
        return response
