"""Contact: a form to a dataset's committee, and what the person asked with the answers."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from portal.requests.enquiries import Asked
from portal.site import Portal
from schemas.errors import SkerryError


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/enquiries")
    async def listed(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        asked: Sequence[Asked] = ()
        if visitor.session is not None:
            asked = await portal.enquiries.all(portal.registry.own, visitor)
        return portal.page(request, "enquiries.html", visitor=visitor, values={"asked": asked})

    @router.get("/contact/{slug}")
    async def choose(request: Request, slug: str) -> Response:
        values = {"node": portal.node(slug), "dataset": ""}
        visitor = portal.visitors.of(request)
        return portal.page(request, "contact.html", visitor=visitor, values=values)

    @router.get("/contact/{slug}/{dataset_id:path}")
    async def form(request: Request, slug: str, dataset_id: str) -> Response:
        values = {"node": portal.node(slug), "dataset": dataset_id}
        visitor = portal.visitors.of(request)
        return portal.page(request, "contact.html", visitor=visitor, values=values)

    @router.post("/contact/{slug}/{dataset_id:path}")
    async def ask(request: Request, slug: str, dataset_id: str) -> Response:
        """Of a dataset that is not listed the node knows whether this person may ask."""
        visitor, form = await portal.signed_form(request)
        node, text = portal.own_node(slug), str(form.get("text", ""))
        try:
            await portal.enquiries.ask(node, dataset_id, text, visitor)
        except SkerryError as error:
            values = {"node": node, "dataset": dataset_id, "text": text, "problem": error.public}
            return portal.page(
                request, "contact.html", visitor=visitor, status=error.status, values=values
            )
        return RedirectResponse("/enquiries", status_code=303)

    return router
