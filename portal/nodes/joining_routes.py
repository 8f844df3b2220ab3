"""Joining the network: anyone who signed in asks, an admin of the portal looks and admits.

What somebody typed is contacted only when an admin presses the button, and what came back is shown
to admins alone. The rules are `joining`'s, the look is `validator`'s.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from portal.asking.calls import Calls
from portal.errors import NotYours, SignInNeeded
from portal.nodes.joining import JoinBook
from portal.nodes.validator import Report, check
from portal.settings import public_url
from portal.site import Portal
from portal.visitors import Visitor
from schemas.errors import Conflict, InvalidInput, NotFound, SkerryError
from schemas.messages import Message

MAX_ADDRESS_CHARS = 500


def build(portal: Portal, calls: Calls) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    _add_asking(router, portal)
    _add_deciding(router, portal, calls)
    return router


def _add_asking(router: APIRouter, portal: Portal) -> None:
    @router.get("/join")
    async def form(request: Request) -> Response:
        return await _asking_page(request, portal, portal.visitors.of(request))

    @router.post("/join")
    async def ask(request: Request) -> Response:
        visitor, form = await portal.signed_form(request)
        try:
            address = _address(portal, str(form.get("address", "")))
            await asyncio.to_thread(
                _book(portal).apply,
                address,
                is_beacon=form.get("kind") != "node",
                applicant=visitor.identity,
                note=str(form.get("note", "")),
            )
        except SkerryError as error:
            return await _asking_page(request, portal, visitor, error=error)
        return RedirectResponse("/join", status_code=303)


def _add_deciding(router: APIRouter, portal: Portal, calls: Calls) -> None:
    @router.get("/joining")
    async def waiting(request: Request) -> Response:
        return await _deciding_page(request, portal, _admin(portal, request))

    @router.post("/joining/look")
    async def look(request: Request) -> Response:
        visitor, form = await _admin_sent(portal, request)
        candidate = await asyncio.to_thread(_book(portal).one, str(form.get("address", "")))
        report = await check(calls, candidate.root, node=candidate.node)
        return await _deciding_page(
            request, portal, visitor, report=report, looked_at=candidate.address
        )

    @router.post("/joining/admit")
    async def admit(request: Request) -> Response:
        """Looks once more: what is pinned is what answers now."""
        visitor, form = await _admin_sent(portal, request)
        book = _book(portal)
        candidate = await asyncio.to_thread(book.one, str(form.get("address", "")))
        report = await check(calls, candidate.root, node=candidate.node)
        try:
            await asyncio.to_thread(book.admit, candidate.address, report, by=visitor.identity)
        except SkerryError as error:
            return await _deciding_page(
                request, portal, visitor, error=error, report=report, looked_at=candidate.address
            )
        await portal.registry.refresh()
        return RedirectResponse("/joining", status_code=303)

    @router.post("/joining/remove")
    async def remove(request: Request) -> Response:
        _, form = await _admin_sent(portal, request)
        await asyncio.to_thread(_book(portal).remove, str(form.get("address", "")))
        await portal.registry.refresh()
        return RedirectResponse("/joining", status_code=303)


async def _asking_page(
    request: Request, portal: Portal, visitor: Visitor, *, error: SkerryError | None = None
) -> Response:
    every = await asyncio.to_thread(_book(portal).all)
    mine = [one for one in every if visitor.identity and one.applicant == visitor.identity]
    values = {"mine": mine, "problem": error.public if error else ""}
    status = error.status if error else 200
    return portal.page(request, "join.html", visitor=visitor, status=status, values=values)


async def _deciding_page(
    request: Request,
    portal: Portal,
    visitor: Visitor,
    *,
    error: SkerryError | None = None,
    report: Report | None = None,
    looked_at: str = "",
) -> Response:
    every = await asyncio.to_thread(_book(portal).all)
    values = {
        "candidates": every, "report": report, "looked_at": looked_at,
        "problem": error.public if error else "",
        "nodes": {node.url: node for node in portal.registry.nodes},
    }  # fmt: skip
    status = error.status if error else 200
    return portal.page(request, "joining.html", visitor=visitor, status=status, values=values)


def _book(portal: Portal) -> JoinBook:
    if portal.joining is None:
        raise NotFound(Message("This network is the operator’s list; nobody joins it here."))
    return portal.joining


def _address(portal: Portal, typed: str) -> str:
    """Raises `InvalidInput`; a portal that others reach looks at nothing on its own machine."""
    typed = typed.strip().rstrip("/")
    try:
        address = public_url(typed[:MAX_ADDRESS_CHARS])
    except ValueError as error:
        raise InvalidInput(
            Message(
                "The address must be https://, or http:// on loopback, without a trailing slash, "
                "query, fragment or user."
            )
        ) from error
    if len(typed) > MAX_ADDRESS_CHARS or not urlsplit(address).hostname:
        raise InvalidInput(Message("This is not an address."))
    if portal.settings.secure and not address.startswith("https://"):
        raise InvalidInput(Message("The address must be https://."))
    if any(node.url == address for node in portal.registry.nodes):
        raise Conflict(Message("This node is in the network already."))
    return address


def _admin(portal: Portal, request: Request) -> Visitor:
    visitor = portal.visitors.of(request)
    _book(portal)
    if visitor.session is None:
        raise SignInNeeded(Message("Sign in as an admin of this portal."))
    if visitor.identity not in portal.settings.admins:
        raise NotYours(Message("Only an admin of this portal decides who joins."))
    return visitor


async def _admin_sent(portal: Portal, request: Request) -> tuple[Visitor, FormData]:
    _admin(portal, request)
    return await portal.signed_form(request)
