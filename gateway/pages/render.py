"""Renders the node's pages: templates, the headers each page carries, and refusals as pages.

Templates extend the portal's base and share its assets. Content Security Policy level 3: nothing
inline, nothing from elsewhere, no frames. Leaves what a page says to `routes`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

import portal.pages
from access.errors import SignInNeeded
from passports.sessions import Session
from portal import languages
from schemas.errors import NotFound, SkerryError
from schemas.messages import Message

_FOLDERS = (Path(__file__).parent, Path(portal.pages.__file__).parent)
_ROOMS = frozenset({"/requests", "/airlock", "/admin"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Page(HTMLResponse):
    """What a page shows; it is said in the language of whoever asked, when it is sent to them."""

    def __init__(self, say: Callable[[Request], str], *, status: int) -> None:
        super().__init__(status_code=status, headers=HEADERS)
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = self.render(await run_in_threadpool(self._say, Request(scope)))
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


class Pages:
    """The node's templates with what every page is given."""

    def __init__(self, *, node: str, admins: Collection[str] = ()) -> None:
        self._jinja = languages.templates(*_FOLDERS, undefined=StrictUndefined)
        for environment in self._jinja.values():
            environment.filters["host"] = _host
        self._admins = admins
        self._node = node

    def show(
        self,
        template: str,
        *,
        session: Session | None,
        facts: dict[str, object] | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        return Page(partial(self._said, template, session, facts or {}), status=status)

    def _said(
        self,
        template: str,
        session: Session | None,
        facts: Mapping[str, object],
        request: Request,
    ) -> str:
        said = self._jinja[languages.asked_for(request)].get_template(template)
        return said.render(
            this_page=languages.come_from(request),
            section=languages.section_of(request),
            role="node",
            site=self._node,
            can_sign_in=True,
            user=None if session is None else session.signed_in.name,
            csrf="" if session is None else session.csrf_token,
            is_admin=session is not None and session.signed_in.identity in self._admins,
            **facts,
        )

    def route_class(self, session_of: Callable[[Request], Session | None]) -> type[APIRoute]:
        """Routes whose refusals are pages too; someone not signed in is sent to sign in."""
        pages = self

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def page(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except SignInNeeded as error:
                        if request.method == "GET":
                            return see(f"/signin?next={quote(request.url.path)}")
                        return pages.refuse(error, session=None, back="/")
                    except SkerryError as error:
                        # What is not there looks the same everywhere, for who may not know of it.
                        back = "/" if error.status == 404 else _room_of(request.url.path)
                        return pages.refuse(error, session=session_of(request), back=back)

                return page

        return PageRoute

    def error_page(
        self, session_of: Callable[[Request], Session | None]
    ) -> Callable[[Request, SkerryError], Response]:
        """What a browser is shown where no page of ours answers."""

        def page(request: Request, error: SkerryError) -> Response:
            return self.refuse(error, session=session_of(request), back="/")

        return page

    def refuse(self, error: SkerryError, *, session: Session | None, back: str) -> HTMLResponse:
        facts: dict[str, object] = {"message": error.public, "back": back}
        return self.show("node_refusal.html", session=session, facts=facts, status=error.status)


def _room_of(path: str) -> str:
    """The page that leads to this one; a form's own address need not have a page."""
    room = "/" + path.split("/")[1]
    return room if room in _ROOMS and path != room else "/"


def see(path: str) -> RedirectResponse:
    """After a form: look at the result with a GET."""
    return RedirectResponse(path, status_code=303, headers=HEADERS)


def asset(name: str) -> FileResponse:
    """A file of our or the shared assets by its plain name; nothing below or beside them."""
    if Path(name).name != name or name.startswith("."):
        raise NotFound(Message("There is no such file."))
    found = (folder / "static" / name for folder in _FOLDERS)
    file = next((path for path in found if path.is_file()), None)
    if file is None:
        raise NotFound(Message("There is no such file."))
    return FileResponse(file, headers={"Cache-Control": "public, max-age=3600"})


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
