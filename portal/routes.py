"""The portal's other pages: browse datasets and nodes, one's rights, sign in.

Handlers parse, call and shape. Searching is `search_routes`', requests are `requests.routes`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from portal.dataset_page import dataset_page
from portal.nodes.map import node_map
from portal.requests.following import login_line
from portal.site import Portal


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_catalogue(router, portal)
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
        return await dataset_page(request, portal, visitor, slug=slug, dataset_id=dataset_id)

    @router.get("/network")
    async def network(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        values = {
            "nodes": portal.registry.nodes,
            "settings": portal.settings,
            "health": await portal.registry.health(),
            "map": node_map(portal.registry.nodes, portal.settings.places),
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
        lines = [
            (node, login_line(node, portal.settings, token_file=f"passport-{node.slug}.txt"))
            for node in portal.registry.own
        ]
        values = {"standings": standings, "logins": [one for one in lines if one[1]]}
        return portal.page(request, "me.html", visitor=visitor, values=values)


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
