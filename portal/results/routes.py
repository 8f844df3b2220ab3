"""A kept result: shown in part, one node of it asked again, its frequencies, its downloads.

Under the search's unguessable id, for the browser and the sign-in that asked; kept by
`results.kept`.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from portal.asking.aggregate import merge
from portal.results import export
from portal.results.charts import by_population
from portal.results.filtering import Filter
from portal.results.kept import Result
from portal.results.page import shown_values, whole
from portal.site import Portal, is_part


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_filter(router, portal)
    _add_asking(router, portal)
    _add_downloads(router, portal)
    return router


def _add_filter(router: APIRouter, portal: Portal) -> None:
    @router.get("/search/{search_id}/rows")
    async def some(request: Request, search_id: str) -> Response:
        """Some of the rows, or all of them."""
        visitor = portal.visitors.of(request)
        result = portal.results.get(search_id, visitor)
        chosen = Filter.of(request.query_params)
        if is_part(request):
            values = shown_values(search_id, result, chosen)
            return portal.page(request, "_rows.html", visitor=visitor, values=values)
        return whole(request, portal, visitor, search_id, result, chosen=chosen)


def _add_asking(router: APIRouter, portal: Portal) -> None:
    @router.post("/search/{search_id}/retry")
    async def retry(request: Request, search_id: str) -> Response:
        """Asks one node once more; its new row takes the place of the old one."""
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        node = portal.node(str(form.get("node", "")))
        result = portal.results.get(search_id, visitor)
        async for row in portal.answers(result.question, visitor, nodes=[node]):
            result.put(row)
        portal.results.keep(search_id, result)
        if is_part(request):
            values = shown_values(search_id, result) | {"row": result.by_node[node.url]}
            return portal.page(request, "_retried.html", visitor=visitor, values=values)
        return whole(request, portal, visitor, search_id, result)

    @router.post("/search/{search_id}/frequencies")
    async def frequencies(request: Request, search_id: str) -> Response:
        """Asks for records, which fewer nodes give than counts: so only when it is wanted."""
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        question = portal.results.get(search_id, visitor).question
        rows = [row async for row in portal.answers(question, visitor, granularity="record")]
        values = {"question": question, "chart": by_population(rows), "asked": len(rows)}
        name = "_frequencies.html" if is_part(request) else "frequencies.html"
        return portal.page(request, name, visitor=visitor, values=values)


def _add_downloads(router: APIRouter, portal: Portal) -> None:
    @router.get("/search/{search_id}/answers.json")
    async def as_json(request: Request, search_id: str) -> Response:
        made = _document(portal.results.get(search_id, portal.visitors.of(request)))
        return JSONResponse(made, headers=_download("skerry-answers.json"))

    @router.get("/search/{search_id}/answers.csv")
    async def as_csv(request: Request, search_id: str) -> Response:
        made = _document(portal.results.get(search_id, portal.visitors.of(request)))
        headers = _download("skerry-answers.csv")
        return Response(export.as_csv(made), media_type="text/csv", headers=headers)


def _document(result: Result) -> dict[str, object]:
    rows = result.rows
    merged = merge(result.question.kind, rows)
    return export.document(result.question, rows, merged, when=result.when)


def _download(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
