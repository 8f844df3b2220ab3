"""The page that draws a dataset's people: `/people/{node}/{dataset}`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from portal.people import charts
from portal.site import Portal


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/people/{slug}/{dataset_id:path}")
    async def people(request: Request, slug: str, dataset_id: str) -> Response:
        visitor = portal.visitors.of(request)
        node, dataset = portal.dataset(slug, dataset_id)
        drawn = [] if node.foreign else await charts(portal.fanout, node, dataset.id)
        values = {"node": node, "dataset": dataset, "charts": drawn}
        return portal.page(request, "people.html", visitor=visitor, values=values)

    return router
