"""The search pages: ask, see each node's row arrive, keep the result, take the question along.

A search is a POST; with script its rows come as server-sent events, without script the same POST
answers with the whole table. Reading is `question`'s, merging `aggregate`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from portal import export
from portal.aggregate import Merged, merge
from portal.answer import NodeAnswer
from portal.question import Question, parse
from portal.searches import Search, new_id
from portal.site import Portal
from portal.snippets import snippets
from portal.visitors import Visitor
from schemas.errors import SkerryError


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        values = {
            "examples": portal.examples,
            "nodes": portal.registry.nodes,
            "q": "",
            "assembly": "",
        }
        return portal.page(request, "home.html", visitor=visitor, values=values)

    @router.get("/search")
    async def shared(request: Request, q: str = "", assembly: str = "") -> Response:
        """A shared link fills in the form; asking stays the visitor's own step."""
        visitor = portal.visitors.of(request)
        values = {"examples": portal.examples, "q": q[:500], "assembly": assembly[:10]}
        return portal.page(request, "search.html", visitor=visitor, values=values)

    @router.post("/search")
    async def search(request: Request) -> Response:
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        typed, assembly = str(form.get("q", "")), str(form.get("assembly", ""))
        live = request.headers.get("hx-request") == "true"
        values: dict[str, object] = {
            "examples": portal.examples,
            "q": typed[:500],
            "assembly": assembly,
        }
        try:
            question = parse(typed, assembly=assembly)
        except SkerryError as error:
            values["problem"] = error.public
            name = "_problem.html" if live else "search.html"
            return portal.page(request, name, visitor=visitor, status=error.status, values=values)
        values["question"] = question
        values["snippets"] = snippets(question, beacon_url=f"{portal.settings.public_url}/beacon")
        if live:
            values["search"] = portal.searches.begin(question, visitor)
            values["asked"] = len(portal.registry.nodes)
            return portal.page(request, "_live.html", visitor=visitor, values=values)
        rows = [row async for row in portal.answers(question, visitor)]
        merged, search_id = merge(question.kind, rows), new_id()
        _keep(portal, search_id, visitor, question, rows, merged=merged)
        values |= {"rows": rows, "merged": merged, "slugs": _slugs(portal), "kept": search_id}
        return portal.page(request, "search.html", visitor=visitor, values=values)

    @router.get("/search/{search_id}/events")
    async def events(request: Request, search_id: str) -> Response:
        visitor = portal.visitors.of(request)
        begun = portal.searches.take(search_id, visitor)
        stream = _events(portal, begun, visitor)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    @router.get("/search/{search_id}/answers.json")
    async def as_json(request: Request, search_id: str) -> Response:
        made = portal.results.get(search_id, portal.visitors.of(request))
        return JSONResponse(made, headers=_download("skerry-answers.json"))

    @router.get("/search/{search_id}/answers.csv")
    async def as_csv(request: Request, search_id: str) -> Response:
        made = portal.results.get(search_id, portal.visitors.of(request))
        headers = _download("skerry-answers.csv")
        return Response(export.as_csv(made), media_type="text/csv", headers=headers)

    return router


def _download(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }


def _keep(
    portal: Portal,
    search_id: str,
    visitor: Visitor,
    question: Question,
    rows: Sequence[NodeAnswer],
    *,
    merged: Merged,
) -> None:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    portal.results.keep(search_id, visitor, export.document(question, rows, merged, when=when))


async def _events(portal: Portal, search: Search, visitor: Visitor) -> AsyncGenerator[str, None]:
    """One `row` and one `total` per node, then `done`; a browser that leaves ends the asking."""
    rows: list[NodeAnswer] = []
    slugs, asked = _slugs(portal), len(portal.registry.nodes)
    answers = portal.answers(search.question, visitor)
    try:
        async for row in answers:
            rows.append(row)
            merged = merge(search.question.kind, rows)
            values = {
                "row": row, "merged": merged, "question": search.question, "slugs": slugs,
                "waiting": asked - len(rows), "asked": asked, "kept": search.id,
            }  # fmt: skip
            if len(rows) == asked:
                _keep(portal, search.id, visitor, search.question, rows, merged=merged)
            yield _event("row", portal.pages.get_template("_row.html").render(values))
            yield _event("total", portal.pages.get_template("_total.html").render(values))
    finally:
        await answers.aclose()
    yield _event("done", "done")


def _event(name: str, html: str) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: {name}\n{lines}\n"


def _slugs(portal: Portal) -> dict[str, str]:
    return {node.url: node.slug for node in portal.registry.nodes}
