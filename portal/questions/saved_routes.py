"""My searches: keep a question, run it again, delete it; each by a form, for who signed in."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from portal.questions.question import parse
from portal.questions.saved import SavedSearches
from portal.site import Portal, is_part
from schemas.errors import NotFound
from schemas.messages import Message


def build(portal: Portal) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/searches")
    async def searches(request: Request) -> Response:
        visitor = portal.visitors.of(request)
        book = _book(portal)
        saved = await asyncio.to_thread(book.of, visitor.identity) if visitor.identity else []
        return portal.page(request, "searches.html", visitor=visitor, values={"saved": saved})

    @router.post("/searches")
    async def keep(request: Request) -> Response:
        visitor, form = await portal.signed_form(request)
        question = parse(
            str(form.get("q", "")),
            terms=str(form.get("terms", "")),
            assembly=str(form.get("assembly", "")),
        )
        name = str(form.get("name", ""))
        await asyncio.to_thread(_book(portal).keep, visitor.identity, question, name=name)
        if is_part(request):
            return portal.page(request, "_kept.html", visitor=visitor)
        return _back()

    @router.post("/searches/delete")
    async def delete_all(request: Request) -> Response:
        visitor, _ = await portal.signed_form(request)
        await asyncio.to_thread(_book(portal).delete_all, visitor.identity)
        return _back()

    @router.post("/searches/{search_id}/delete")
    async def delete(request: Request, search_id: str) -> Response:
        visitor, _ = await portal.signed_form(request)
        await asyncio.to_thread(_book(portal).delete, visitor.identity, search_id)
        return _back()

    return router


def _book(portal: Portal) -> SavedSearches:
    if portal.saved is None:
        raise NotFound(Message("This portal keeps no searches."))
    return portal.saved


def _back() -> RedirectResponse:
    return RedirectResponse("/searches", status_code=303)
