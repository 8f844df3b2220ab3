"""The search pages: ask, see each node's row arrive, ask one again, keep the result.

A search is a POST; with script its rows come as server-sent events, without script the same POST
answers with the whole table. Reading is `questions.question`'s, merging `asking.aggregate`'s, who
can answer `questions.prospects`'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import JSONResponse, Response, StreamingResponse

from portal.catalogues import say
from portal.languages import asked_for
from portal.nodes.node import slug_of
from portal.questions.question import Question
from portal.results.kept import Result
from portal.results.page import Typed, asked_values, drawn_values, form_values, shown_values, whole
from portal.searches import Search, new_id
from portal.site import Portal, event, is_part
from portal.visitors import Visitor
from schemas.errors import SkerryError

TOTAL_SECONDS = 0.2  # between two totals, each of which is made of all rows


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_form(router, portal)
    _add_asking(router, portal)
    _add_running(router, portal)
    return router


def _add_form(router: APIRouter, portal: Portal) -> None:
    @router.get("/")
    async def home(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        values = {
            "nodes": portal.registry.nodes,
            "vocabulary": portal.vocabulary.entries,
            **form_values(portal, Typed("", "", "")),
        }
        return portal.page(request, "home.html", visitor=visitor, values=values)

    @router.get("/search")
    async def shared(
        request: Request, q: str = "", terms: str = "", assembly: str = ""
    ) -> Response:
        """A shared link fills in the form; asking stays the visitor's own step."""
        visitor = portal.visitors.of(request)
        values = form_values(portal, Typed(q, terms, assembly))
        return portal.page(request, "search.html", visitor=visitor, values=values)

    @router.post("/search/terms")
    async def suggest(request: Request) -> Response:
        """By POST: what somebody types about people belongs in no address."""
        form = await portal.form(request)
        found = portal.vocabulary.find(str(form.get("typed", "")))
        code = asked_for(request)
        return JSONResponse(
            [{"typed": one.typed, "label": one.label, "note": say(code, one.note)} for one in found]
        )


def _add_asking(router: APIRouter, portal: Portal) -> None:
    @router.post("/search/preview")
    async def preview(request: Request) -> Response:
        """What is understood, and who can answer it; nothing is sent yet."""
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        typed = Typed.of(form)
        if is_part(request) and not (typed.q.strip() or typed.terms.strip(",; ")):
            return Response("", media_type="text/html")
        try:
            question = typed.question()
        except SkerryError as error:
            return _refused(request, portal, visitor, typed, error)
        nodes = portal.registry.nodes
        counterparts = portal.liftover.counterparts(question)
        prospects = await portal.prospects.all(question, nodes, visitor, counterparts=counterparts)
        values = form_values(portal, typed) | {
            "question": question, "prospects": prospects, "counterparts": counterparts,
            "listed": portal.vocabulary.listed(question.terms),
        }  # fmt: skip
        name = "_preview.html" if is_part(request) else "search.html"
        return portal.page(request, name, visitor=visitor, values=values)

    @router.post("/search")
    async def search(request: Request) -> Response:
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        typed = Typed.of(form)
        try:
            question = typed.question()
        except SkerryError as error:
            return _refused(request, portal, visitor, typed, error)
        if is_part(request):
            values = form_values(portal, typed) | asked_values(portal, question)
            values["search"] = portal.searches.begin(question, visitor)
            return portal.page(request, "_live.html", visitor=visitor, values=values)
        search_id = new_id()
        result = _open(portal, search_id, question, visitor)
        async for row in portal.answers(question, visitor):
            result.put(row)
        portal.results.keep(search_id, result)
        return whole(request, portal, visitor, search_id, result, typed=typed)


def _add_running(router: APIRouter, portal: Portal) -> None:
    @router.get("/search/{search_id}/events")
    async def events(request: Request, search_id: str) -> Response:
        visitor = portal.visitors.of(request)
        begun = portal.searches.take(search_id, visitor)
        pages = portal.pages[asked_for(request)]
        stream = _events(portal, begun, visitor, pages=pages)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    @router.post("/search/{search_id}/stop")
    async def stop(request: Request, search_id: str) -> Response:
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        portal.searches.stop(search_id, visitor)
        return Response(status_code=204)


async def _events(
    portal: Portal, search: Search, visitor: Visitor, *, pages: Jinja2Templates
) -> AsyncGenerator[str, None]:
    """One `row` per node, a `total` now and then and after the last, then `done`; a browser that
    leaves ends the asking."""
    result = _open(portal, search.id, search.question, visitor)
    answers = portal.answers(search.question, visitor, stopped=search.stopped)
    row_page, total_page = map(pages.get_template, ("_row.html", "_total.html"))
    clock, due = asyncio.get_running_loop().time, 0.0
    with portal.searches.running(search):
        try:
            async for row in answers:
                result.put(row)
                slugs = {row.url: slug_of(row.url)}
                values = {"row": row, "slugs": slugs, "kept": search.id, "csrf": visitor.csrf}
                yield event("row", row_page.render(values))
                waiting = result.asked - len(result.by_node)
                if waiting and clock() >= due:
                    due = clock() + TOTAL_SECONDS
                    of_all = shown_values(search.id, result) | {"waiting": waiting}
                    yield event("total", total_page.render(of_all))
        finally:
            await answers.aclose()
    portal.results.keep(search.id, result)
    of_all = shown_values(search.id, result) | {"waiting": result.asked - len(result.by_node)}
    yield event("total", total_page.render(of_all))
    drawn, filters = map(pages.get_template, ("_drawn.html", "_filter.html"))
    yield event("filter", filters.render(of_all))
    yield event("drawn", drawn.render({**drawn_values(search.id, result), "csrf": visitor.csrf}))
    yield event("done", "<!-- nothing left to stop -->")


def _refused(
    request: Request, portal: Portal, visitor: Visitor, typed: Typed, error: SkerryError
) -> Response:
    unread, instead = portal.vocabulary.instead(typed.terms)
    values = form_values(portal, typed) | {
        "problem": error.public, "unread": unread, "instead": instead,
    }  # fmt: skip
    name = "_problem.html" if is_part(request) else "search.html"
    return portal.page(request, name, visitor=visitor, status=error.status, values=values)


def _open(portal: Portal, search_id: str, question: Question, visitor: Visitor) -> Result:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    asked = len(portal.registry.nodes)
    return portal.results.open(search_id, question, visitor, asked=asked, when=when)
