"""My workspaces: what each holds and runs, and the results that left it for this person."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from portal.nodes.node import Node
from portal.site import Portal
from portal.visitors import Visitor
from portal.workspaces import Rooms
from schemas.errors import InvalidInput, NotFound, SkerryError
from schemas.messages import Message


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_reading(router, portal)
    _add_sending(router, portal)
    return router


def _add_reading(router: APIRouter, portal: Portal) -> None:
    @router.get("/workspaces")
    async def workspaces(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        rooms: Sequence[Rooms] = ()
        if visitor.session is not None:
            rooms = await portal.workspaces.all(portal.registry.own, visitor)
        return portal.page(request, "workspaces.html", visitor=visitor, values={"rooms": rooms})

    @router.get("/workspaces/{slug}/{workspace_id}")
    async def workspace(request: Request, slug: str, workspace_id: str) -> Response:
        visitor, node = portal.person(request), portal.own_node(slug)
        return await _page(request, portal, visitor, node=node, workspace_id=workspace_id)

    @router.get("/workspaces/{slug}/{workspace_id}/results/{output}")
    async def result(request: Request, slug: str, workspace_id: str, output: str) -> Response:
        """Sealed as it is: the portal cannot open it either."""
        visitor, node = portal.person(request), portal.own_node(slug)
        room = await portal.workspaces.one(node, workspace_id, visitor)
        if all(one.id != output for run in room.runs for one in run.outputs):
            raise NotFound(Message("There is no such output of this workspace."))
        sealed = await portal.workspaces.result(node, output, visitor)
        headers = {
            "Content-Disposition": 'attachment; filename="result.c4gh"',
            "Cache-Control": "no-store",
        }
        return Response(sealed, media_type="application/octet-stream", headers=headers)


def _add_sending(router: APIRouter, portal: Portal) -> None:
    @router.post("/workspaces/{slug}/{workspace_id}")
    async def send(request: Request, slug: str, workspace_id: str) -> Response:
        visitor, form = await portal.signed_form(request)
        node, text = portal.own_node(slug), str(form.get("text", ""))
        try:
            match form.get("do"):
                case "key":
                    await portal.workspaces.register_key(node, text, visitor)
                case "contest":
                    output = str(form.get("output", ""))
                    await portal.workspaces.contest(node, output, text, visitor)
                case _:
                    raise InvalidInput(Message("Choose what to do."))
        except SkerryError as error:
            return await _page(
                request, portal, visitor, node=node, workspace_id=workspace_id, error=error
            )
        return RedirectResponse(f"/workspaces/{node.slug}/{workspace_id}", status_code=303)


async def _page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    *,
    node: Node,
    workspace_id: str,
    error: SkerryError | None = None,
) -> Response:
    room = await portal.workspaces.one(node, workspace_id, visitor)
    values = {"room": room, "node": node, "problem": error.public if error else ""}
    status = error.status if error else 200
    return portal.page(request, "workspace.html", visitor=visitor, status=status, values=values)
