"""The page that draws a dataset's people, whole or as a part of the dataset's own page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from portal.people import charts
from portal.site import Portal, is_part


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/people/{slug}/{dataset_id:path}")
    async def people(request: Request, slug: str, dataset_id: str) -> Response:
        visitor = portal.visitors.of(request)
        node, dataset = portal.dataset(slug, dataset_id)
        drawn = [] if node.foreign else await charts(portal.fanout, node, dataset.id)
        part = is_part(request)
        values = {"node": node, "dataset": dataset, "charts": drawn, "level": 3 if part else 2}
        name = "_charts.html" if part else "people.html"
        return portal.page(request, name, visitor=visitor, values=values)

    return router
