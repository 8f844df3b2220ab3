"""The search pages: ask, see each node's row arrive, ask one again, keep the result.

A search is a POST; with script its rows come as server-sent events, without script the same POST
answers with the whole table. Reading is `question`'s, merging `aggregate`'s, who can answer
`prospects`'.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.responses import JSONResponse, Response, StreamingResponse

from portal import export
from portal.aggregate import merge
from portal.charts import by_dataset, by_population
from portal.languages import asked_for
from portal.node import slug_of
from portal.parts import joined
from portal.question import Kind, Question, parse
from portal.results import Result
from portal.searches import Search, new_id
from portal.site import Portal, event, is_part
from portal.snippets import snippets
from portal.visitors import Visitor
from schemas.errors import SkerryError


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_form(router, portal)
    _add_asking(router, portal)
    _add_running(router, portal)
    _add_results(router, portal)
    return router


@dataclass(frozen=True, slots=True)
class _Typed:
    """The form as it was filled in."""

    q: str
    terms: str
    assembly: str

    @classmethod
    def of(cls, given: Mapping[str, object]) -> _Typed:
        q = joined(given) if "chrom" in given else str(given.get("q", ""))
        return cls(q, str(given.get("terms", "")), str(given.get("assembly", "")))

    def question(self) -> Question:
        return parse(self.q, terms=self.terms, assembly=self.assembly)

    @property
    def shown(self) -> dict[str, object]:
        return {"q": self.q[:500], "terms": self.terms[:500], "assembly": self.assembly[:10]}


def _add_form(router: APIRouter, portal: Portal) -> None:
    @router.get("/")
    async def home(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        values = {
            "nodes": portal.registry.nodes,
            "vocabulary": portal.vocabulary.entries,
            **_form(portal, _Typed("", "", "")),
        }
        return portal.page(request, "home.html", visitor=visitor, values=values)

    @router.get("/search")
    async def shared(
        request: Request, q: str = "", terms: str = "", assembly: str = ""
    ) -> Response:
        """A shared link fills in the form; asking stays the visitor's own step."""
        visitor = portal.visitors.of(request)
        values = _form(portal, _Typed(q, terms, assembly))
        return portal.page(request, "search.html", visitor=visitor, values=values)

    @router.post("/search/terms")
    async def suggest(request: Request) -> Response:
        """By POST: what somebody types about people belongs in no address."""
        form = await portal.form(request)
        found = portal.vocabulary.find(str(form.get("typed", "")))
        return JSONResponse(
            [{"typed": one.typed, "label": one.label, "nodes": one.nodes} for one in found]
        )


def _add_asking(router: APIRouter, portal: Portal) -> None:
    @router.post("/search/preview")
    async def preview(request: Request) -> Response:
        """What is understood, and who can answer it; nothing is sent yet."""
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        typed = _Typed.of(form)
        if is_part(request) and not (typed.q.strip() or typed.terms.strip(",; ")):
            return Response("", media_type="text/html")
        try:
            question = typed.question()
        except SkerryError as error:
            return _refused(request, portal, visitor, typed, error)
        nodes = portal.registry.nodes
        counterparts = portal.liftover.counterparts(question)
        prospects = await portal.prospects.all(question, nodes, visitor, counterparts=counterparts)
        values = _form(portal, typed) | {
            "question": question, "prospects": prospects, "counterparts": counterparts,
        }  # fmt: skip
        name = "_preview.html" if is_part(request) else "search.html"
        return portal.page(request, name, visitor=visitor, values=values)

    @router.post("/search")
    async def search(request: Request) -> Response:
        visitor, form = portal.visitors.of(request), await portal.form(request)
        portal.visitors.check_form(visitor, form.get("csrf"))
        typed = _Typed.of(form)
        try:
            question = typed.question()
        except SkerryError as error:
            return _refused(request, portal, visitor, typed, error)
        if is_part(request):
            values = _form(portal, typed) | _asked(portal, question)
            values["search"] = portal.searches.begin(question, visitor)
            return portal.page(request, "_live.html", visitor=visitor, values=values)
        search_id = new_id()
        result = _open(portal, search_id, question, visitor)
        async for row in portal.answers(question, visitor):
            result.put(row)
        portal.results.keep(search_id, result)
        return _whole(request, portal, visitor, search_id, result, typed=typed)


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


def _add_results(router: APIRouter, portal: Portal) -> None:
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
            values = _shown(search_id, result) | {"row": result.by_node[node.url]}
            return portal.page(request, "_retried.html", visitor=visitor, values=values)
        return _whole(request, portal, visitor, search_id, result)

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

    @router.get("/search/{search_id}/answers.json")
    async def as_json(request: Request, search_id: str) -> Response:
        made = _document(portal.results.get(search_id, portal.visitors.of(request)))
        return JSONResponse(made, headers=_download("skerry-answers.json"))

    @router.get("/search/{search_id}/answers.csv")
    async def as_csv(request: Request, search_id: str) -> Response:
        made = _document(portal.results.get(search_id, portal.visitors.of(request)))
        headers = _download("skerry-answers.csv")
        return Response(export.as_csv(made), media_type="text/csv", headers=headers)


async def _events(
    portal: Portal, search: Search, visitor: Visitor, *, pages: Jinja2Templates
) -> AsyncGenerator[str, None]:
    """One `row` and one `total` per node, then `done`; a browser that leaves ends the asking."""
    result = _open(portal, search.id, search.question, visitor)
    answers = portal.answers(search.question, visitor, stopped=search.stopped)
    row_page, total_page = map(pages.get_template, ("_row.html", "_total.html"))
    with portal.searches.running(search):
        try:
            async for row in answers:
                result.put(row)
                values = _shown(search.id, result) | {
                    "row": row, "csrf": visitor.csrf, "waiting": result.asked - len(result.by_node),
                }  # fmt: skip
                yield event("row", row_page.render(values))
                yield event("total", total_page.render(values))
        finally:
            await answers.aclose()
    portal.results.keep(search.id, result)
    drawn = pages.get_template("_drawn.html")
    yield event("drawn", drawn.render({**_drawn(search.id, result), "csrf": visitor.csrf}))
    yield event("done", "<!-- nothing left to stop -->")


def _refused(
    request: Request, portal: Portal, visitor: Visitor, typed: _Typed, error: SkerryError
) -> Response:
    values = _form(portal, typed) | {"problem": error.public}
    name = "_problem.html" if is_part(request) else "search.html"
    return portal.page(request, name, visitor=visitor, status=error.status, values=values)


def _whole(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    search_id: str,
    result: Result,
    *,
    typed: _Typed | None = None,
) -> Response:
    """The search page with every row on it."""
    question = result.question
    again = typed or _Typed(question.text, question.terms, question.assembly)
    values = _form(portal, again) | _asked(portal, question) | _shown(search_id, result)
    values |= _drawn(search_id, result)
    return portal.page(request, "search.html", visitor=visitor, values=values)


def _form(portal: Portal, typed: _Typed) -> dict[str, object]:
    return {"examples": portal.examples, **typed.shown}


def _asked(portal: Portal, question: Question) -> dict[str, object]:
    beacon_url = f"{portal.settings.public_url}/beacon"
    return {
        "question": question,
        "asked": len(portal.registry.nodes),
        "counterparts": portal.liftover.counterparts(question),
        "snippets": snippets(question, beacon_url=beacon_url),
    }


def _shown(search_id: str, result: Result) -> dict[str, object]:
    rows = result.rows
    return {
        "question": result.question,
        "rows": rows,
        "asked": result.asked,
        "merged": merge(result.question.kind, rows),
        "kept": search_id,
        "slugs": {row.url: slug_of(row.url) for row in rows},  # some may have left meanwhile
    }


def _drawn(search_id: str, result: Result) -> dict[str, object]:
    """The answer as bars, and whether frequencies of its allele can be asked for."""
    question = result.question
    unit = "People" if question.kind is Kind.INDIVIDUALS else "Variants"
    site = question.site
    return {
        "chart": by_dataset(result.rows, unit=unit),
        "kept": search_id,
        "is_allele": question.kind is Kind.VARIANTS and site is not None and bool(site.alt),
    }


def _open(portal: Portal, search_id: str, question: Question, visitor: Visitor) -> Result:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    asked = len(portal.registry.nodes)
    return portal.results.open(search_id, question, visitor, asked=asked, when=when)


def _document(result: Result) -> dict[str, object]:
    rows = result.rows
    merged = merge(result.question.kind, rows)
    return export.document(result.question, rows, merged, when=result.when)


def _download(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
