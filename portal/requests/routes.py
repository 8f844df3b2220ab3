"""My requests: every project with the state of each committee's part, and one request to its end.

Handlers parse, call and shape; each request lives at its node, and the node has the last word on
every step. A file passes through memory only: it is sealed at the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import RedirectResponse, Response

from portal.conditions import CONDITIONS
from portal.dataset_page import dataset_page
from portal.errors import NotYours
from portal.nodes.node import Node
from portal.requests.applications import Held, ReleasableFile, is_for
from portal.requests.extent_form import in_words as part_in_words
from portal.requests.following import fetch_lines, login_line, next_step, projects
from portal.requests.purpose_form import (
    ORGANISATIONS,
    PURPOSES,
    filled,
    in_words,
    sent_back,
)
from portal.site import Portal
from portal.visitors import Visitor
from schemas.errors import InvalidInput, NotFound, SkerryError, TooLarge
from schemas.grants import NewRequest, RequestView, StepBody
from schemas.messages import Message

_OWN_STEPS = ("submit", "accept", "close")


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_list(router, portal)
    _add_one(router, portal)
    _add_change(router, portal)
    _add_attachments(router, portal)
    return router


def _add_list(router: APIRouter, portal: Portal) -> None:
    @router.get("/requests")
    async def requests(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        held: Sequence[Held] = ()
        if visitor.session is not None:
            held = await portal.applications.all(portal.registry.own, visitor)
        values = {"held": held, "projects": projects(held)}
        return portal.page(request, "requests.html", visitor=visitor, values=values)

    @router.post("/requests")
    async def ask(request: Request) -> Response:
        visitor, form = await portal.signed_form(request)
        node = portal.node(str(form.get("node", "")))
        fields = _fields(form)
        shown_again = partial(
            dataset_page, request, portal, visitor,
            slug=node.slug, dataset_id=str(form.get("dataset", "")), filled=sent_back(fields),
        )  # fmt: skip
        try:
            if form.get("do") == "check":
                verdict = await portal.applications.check(node, fields, visitor)
                return await shown_again(verdict=verdict)
            made = await portal.applications.ask(node, fields, visitor)
        except SkerryError as error:
            return await shown_again(problem=error)
        return _see(node, made.id)


def _add_one(router: APIRouter, portal: Portal) -> None:
    @router.get("/requests/{slug}/{request_id}")
    async def one(request: Request, slug: str, request_id: str) -> Response:
        visitor, node = portal.person(request), portal.own_node(slug)
        shown = await portal.applications.one(node, request_id, visitor)
        if not is_for(visitor.identity, shown):
            raise NotYours(
                Message(
                    "%(node)s has this request for its committee: decide on it there.",
                    node=node.name,
                )
            )
        return await _page(request, portal, visitor, node=node, shown=shown)

    @router.post("/requests/{slug}/{request_id}")
    async def take(request: Request, slug: str, request_id: str) -> Response:
        visitor, form = await portal.signed_form(request)
        node, step = portal.own_node(slug), str(form.get("step", ""))
        if step not in _OWN_STEPS:
            raise InvalidInput(Message("Choose what to do with the request."))
        try:
            body = StepBody.model_validate(
                {"note": str(form.get("note", "")), "terms": str(form.get("terms", "")) or None}
            )
        except ValueError as error:
            raise InvalidInput(
                Message("One of the fields cannot be read; look at them again.")
            ) from error
        try:
            await portal.applications.take(node, request_id, step, body, visitor=visitor)
        except SkerryError as error:
            return await _again(request, portal, visitor, node, request_id, error)
        return _see(node, request_id)


def _add_change(router: APIRouter, portal: Portal) -> None:
    @router.get("/requests/{slug}/{request_id}/edit")
    async def form(request: Request, slug: str, request_id: str) -> Response:
        visitor, node = portal.person(request), portal.own_node(slug)
        shown = await _editable(portal, node, request_id, visitor)
        as_made = filled(
            NewRequest(
                dataset=shown.dataset,
                project=shown.project,
                purpose=shown.purpose,
                workspace=shown.workspace,
                months=shown.months,
                data_use=shown.data_use,
                extent=shown.extent,
            )
        )
        return await _edit_page(request, portal, visitor, node=node, shown=shown, fields=as_made)

    @router.post("/requests/{slug}/{request_id}/edit")
    async def change(request: Request, slug: str, request_id: str) -> Response:
        visitor, form = await portal.signed_form(request)
        node, fields = portal.own_node(slug), _fields(form)
        shown = await _editable(portal, node, request_id, visitor)
        try:
            await portal.applications.edit(node, shown, fields, visitor=visitor)
        except SkerryError as error:
            return await _edit_page(
                request, portal, visitor,
                node=node, shown=shown, fields=sent_back(fields), problem=error,
            )  # fmt: skip
        return _see(node, request_id)


def _add_attachments(router: APIRouter, portal: Portal) -> None:
    place = "/requests/{slug}/{request_id}/attachments"

    @router.post(place)
    async def attach(request: Request, slug: str, request_id: str) -> Response:
        visitor, node = portal.person(request), portal.own_node(slug)
        most = portal.settings.limits.attachment_bytes
        csrf, name, body = await _upload(request, most=most)
        portal.visitors.check_form(visitor, csrf)
        try:
            await portal.applications.attach(node, request_id, name, body, visitor=visitor)
        except SkerryError as error:
            return await _again(request, portal, visitor, node, request_id, error)
        return _see(node, request_id)

    @router.get(place + "/{attachment_id}")
    async def read(request: Request, slug: str, request_id: str, attachment_id: str) -> Response:
        """To be kept, never shown within the portal's own origin."""
        visitor, node = portal.person(request), portal.own_node(slug)
        shown = await portal.applications.one(node, request_id, visitor)
        names = [one.name for one in shown.attachments if one.id == attachment_id]
        if not names:
            raise NotFound(Message("There is no such file with this request."))
        body = await portal.applications.attachment(
            node, request_id, attachment_id, visitor=visitor
        )
        kept = f"attachment; filename*=UTF-8''{quote(names[0], safe='')}"
        headers = {"Content-Disposition": kept, "Cache-Control": "no-store"}
        return Response(body, media_type="application/octet-stream", headers=headers)

    @router.post(place + "/{attachment_id}/remove")
    async def remove(request: Request, slug: str, request_id: str, attachment_id: str) -> Response:
        visitor, _ = await portal.signed_form(request)
        node = portal.own_node(slug)
        await portal.applications.detach(node, request_id, attachment_id, visitor=visitor)
        return _see(node, request_id)


async def _page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    *,
    node: Node,
    shown: RequestView,
    problem: SkerryError | None = None,
) -> Response:
    values: dict[str, object] = {
        "node": node, "asked": shown, "problem": problem.public if problem else "",
        "next_step": next_step(shown, person=visitor.identity),
        "mine": shown.requester == visitor.identity,
        "who": lambda event: event.by, "duo_names": CONDITIONS, "verdict": shown.verdict,
        "stated": list(in_words(shown.data_use)), "part": list(part_in_words(shown.extent)),
        "max_bytes": portal.settings.limits.attachment_bytes,
    }  # fmt: skip
    if shown.grant is not None and not shown.grant.revoked:
        values |= await _fetching(portal, node, shown.dataset, visitor)
    status = problem.status if problem else 200
    return portal.page(request, "request.html", visitor=visitor, status=status, values=values)


async def _fetching(
    portal: Portal, node: Node, dataset: str, visitor: Visitor
) -> dict[str, object]:
    """The lines that bring the data; a Beacon that is down leaves a sentence."""
    files: list[ReleasableFile] = []
    problem = ""
    try:
        files = await portal.applications.files(node, dataset, visitor)
    except SkerryError as error:
        problem = error.public
    return {
        "login": login_line(node, portal.settings),
        "fetch": fetch_lines(node, files),
        "files_problem": problem,
    }


async def _again(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    node: Node,
    request_id: str,
    error: SkerryError,
) -> Response:
    """The same page with what went wrong, as it is at the node now."""
    shown = await portal.applications.one(node, request_id, visitor)
    return await _page(request, portal, visitor, node=node, shown=shown, problem=error)


async def _edit_page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    *,
    node: Node,
    shown: RequestView,
    fields: object,
    problem: SkerryError | None = None,
) -> Response:
    values = {
        "node": node, "asked": shown, "filled": fields, "many": False,
        "problem": problem.public if problem else "",
        "workspaces": await portal.applications.workspaces(node, visitor),
        "purposes": PURPOSES, "organisations": ORGANISATIONS,
    }  # fmt: skip
    status = problem.status if problem else 200
    return portal.page(request, "request_edit.html", visitor=visitor, status=status, values=values)


async def _editable(portal: Portal, node: Node, request_id: str, visitor: Visitor) -> RequestView:
    shown = await portal.applications.one(node, request_id, visitor)
    if "edit" not in shown.steps:
        raise InvalidInput(Message("This request can no longer be changed; look at it again."))
    return shown


async def _upload(request: Request, *, most: int) -> tuple[object, str, bytes]:
    """The form's token, and its one file with its name; in memory alone, since unsealed it never
    touches this disk."""
    length = request.headers.get("content-length", "")
    allowed = most + 4096  # the form around the file
    if not length.isdecimal() or int(length) > allowed:
        raise TooLarge(Message("A file may be %(most)s bytes.", most=most))
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput(Message("Choose a file first."))
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=2)
    parser.spool_max_size = allowed
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise InvalidInput(Message("The form with the file cannot be read.")) from error
    try:
        sent = form.get("file")
        if not isinstance(sent, UploadFile) or not sent.filename:
            raise InvalidInput(Message("Choose a file first."))
        return form.get("csrf"), sent.filename, await sent.read()
    finally:
        await form.close()


def _fields(form: FormData) -> dict[str, list[str]]:
    return {name: [str(one) for one in form.getlist(name)] for name in form}


def _see(node: Node, request_id: str) -> RedirectResponse:
    return RedirectResponse(f"/requests/{node.slug}/{quote(request_id, safe='')}", status_code=303)
