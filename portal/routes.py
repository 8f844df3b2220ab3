"""The portal's pages: ask, see each node's row arrive, browse datasets, ask for access.

A search is a POST; with script its rows come as server-sent events, without script the same POST
answers with the whole table. Handlers parse, call and shape; rules are in `question`, `aggregate`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.templating import Jinja2Templates
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from portal.aggregate import merge
from portal.answer import NodeAnswer
from portal.applications import Applications
from portal.errors import SignInNeeded
from portal.fanout import Fanout
from portal.question import Question, parse
from portal.registry import Node, Registry
from portal.searches import Search, Searches
from portal.settings import PortalSettings
from portal.visitors import Visitor, Visitors
from schemas.errors import NotFound, SkerryError, TooLarge

_FORMS = (
    ("1:10177 A>AC", "Is this variant known?"),
    ("1:10000-20000", "What lies in this region?"),
)
_DISEASES = ("MONDO:", "ICD10:", "ORPHA:")
_TERM = ("ICD10:G35", "How many people like this?")


@dataclass(frozen=True, slots=True)
class Portal:
    """What the handlers of one portal share; built once by `app`."""

    settings: PortalSettings
    registry: Registry
    fanout: Fanout
    visitors: Visitors
    searches: Searches
    applications: Applications
    pages: Jinja2Templates

    def page(
        self,
        request: Request,
        name: str,
        *,
        visitor: Visitor,
        status: int = 200,
        values: Mapping[str, object] | None = None,
    ) -> HTMLResponse:
        context = {
            "role": "portal",
            "site": self.settings.name,
            "user": visitor.user,
            "csrf": visitor.csrf,
            "can_sign_in": self.visitors.can_sign_in,
            **(values or {}),
        }
        made = self.pages.TemplateResponse(request, name, context, status_code=status)
        self.visitors.remember(visitor, made)
        return made

    async def form(self, request: Request) -> FormData:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > self.settings.limits.form_bytes:
            raise TooLarge("The form is too large, or does not say how large it is.")
        return await request.form(max_fields=20, max_files=0)

    def answers(self, question: Question, visitor: Visitor) -> AsyncGenerator[NodeAnswer, None]:
        return self.fanout.ask(
            [node.target for node in self.registry.nodes],
            f"/{question.kind.value}",
            body=question.body(),
            credential=self.visitors.credential(visitor),
        )

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        """Two forms, and a disease that a node of this network lists, if one does."""
        terms = (term for node in self.registry.nodes for term in node.terms)
        listed = next((term for term in terms if term.id.startswith(_DISEASES)), None)
        if listed is None:
            return (*_FORMS, _TERM)
        return (*_FORMS, (listed.id, f"How many people with {listed.label or 'this'}?"))

    def node(self, slug: str) -> Node:
        found = self.registry.by_slug(slug)
        if found is None:
            raise NotFound("There is no such node in this network.")
        return found


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_search(router, portal)
    _add_catalogue(router, portal)
    _add_requests(router, portal)
    _add_sign_in(router, portal)
    return router


def _add_search(router: APIRouter, portal: Portal) -> None:
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
        if live:
            values["search"] = portal.searches.begin(question, visitor)
            values["asked"] = len(portal.registry.nodes)
            return portal.page(request, "_live.html", visitor=visitor, values=values)
        rows = [row async for row in portal.answers(question, visitor)]
        values |= {"rows": rows, "merged": merge(question.kind, rows), "slugs": _slugs(portal)}
        return portal.page(request, "search.html", visitor=visitor, values=values)

    @router.get("/search/{search_id}/events")
    async def events(request: Request, search_id: str) -> Response:
        visitor = portal.visitors.of(request)
        begun = portal.searches.take(search_id, visitor)
        stream = _events(portal, begun, visitor)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


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
                "waiting": asked - len(rows), "asked": asked,
            }  # fmt: skip
            yield _event("row", portal.pages.get_template("_row.html").render(values))
            yield _event("total", portal.pages.get_template("_total.html").render(values))
    finally:
        await answers.aclose()
    yield _event("done", "done")


def _event(name: str, html: str) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: {name}\n{lines}\n"


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
        values = {"nodes": portal.registry.nodes, "settings": portal.settings}
        return portal.page(request, "network.html", visitor=visitor, values=values)


async def _dataset_page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    *,
    slug: str,
    dataset_id: str,
    problem: SkerryError | None = None,
    filled: Mapping[str, object] | None = None,
) -> Response:
    node = portal.node(slug)
    found = next((one for one in node.datasets if one.id == dataset_id), None)
    if found is None:
        raise NotFound("There is no such dataset listed in this network.")
    values: dict[str, object] = {
        "node": node, "dataset": found, "filled": filled or {}, "workspaces": (), "mine": (),
        "problem": problem.public if problem else "",
    }  # fmt: skip
    if visitor.session is not None:
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
    return values


def _add_requests(router: APIRouter, portal: Portal) -> None:
    @router.get("/requests")
    async def requests(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        held: Sequence[object] = ()
        if visitor.session is not None:
            held = await portal.applications.all(portal.registry.nodes, visitor)
        return portal.page(request, "requests.html", visitor=visitor, values={"held": held})

    @router.post("/requests")
    async def ask(request: Request) -> Response:
        visitor, form = portal.visitors.of(request), await portal.form(request)
        if visitor.session is None:
            raise SignInNeeded("Sign in to ask for access.")
        portal.visitors.check_form(visitor, form.get("csrf"))
        node = portal.node(str(form.get("node", "")))
        filled = {name: str(value) for name, value in form.items()}
        try:
            await portal.applications.ask(node, filled, visitor)
        except SkerryError as error:
            dataset_id = filled.get("dataset", "")
            return await _dataset_page(
                request, portal, visitor,
                slug=node.slug, dataset_id=dataset_id, problem=error, filled=filled,
            )  # fmt: skip
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


def _slugs(portal: Portal) -> dict[str, str]:
    return {node.url: node.slug for node in portal.registry.nodes}
