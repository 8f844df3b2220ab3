"""The node's pages for people: its home and the admin's workspaces; requests are `request_routes`'.

A node admin sees workspaces; for anyone else that page does not exist. Rules are
`access`'s; here they are called and shown.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from access.attachments import Attachments
from access.errors import NoSuchThing
from access.recipients import Recipients
from access.requests import RequestDesk
from gateway.config import NodeSettings
from gateway.pages import render, request_routes
from gateway.pages.render import Pages, see
from gateway.pages.request_routes import RequestOffice
from gateway.pages.signin import Desk
from passports.login import Login
from passports.sessions import Session, Sessions


@dataclass(frozen=True, slots=True)
class Office:
    """What the pages of one node share; built once by `build`."""

    settings: NodeSettings
    pages: Pages
    door: Desk
    requests: RequestDesk
    recipients: Recipients
    clock: Callable[[], int]

    def is_admin(self, session: Session) -> bool:
        return session.signed_in.identity in self.settings.admins

    def refuse_others_than_admins(self, session: Session) -> None:
        if not self.is_admin(session):
            raise NoSuchThing(detail="admin page for someone who is no admin")


def build(
    *,
    settings: NodeSettings,
    login: Login,
    sessions: Sessions,
    desk: RequestDesk,
    attachments: Attachments,
    recipients: Recipients,
    clock: Callable[[], int],
) -> APIRouter:
    door = Desk(sessions, public_url=settings.public_url)
    pages = Pages(node=settings.name)
    office = Office(settings, pages, door, desk, recipients, clock)
    router = APIRouter(
        route_class=pages.route_class(door.session),
        include_in_schema=False,
        default_response_class=HTMLResponse,
    )
    door.add_routes(router, login=login)
    _add_home(router, office)
    request_routes.build(RequestOffice(pages, door, desk, attachments, recipients, clock), router)
    _add_workspaces(router, office)
    return router


def _add_home(router: APIRouter, office: Office) -> None:
    @router.get("/", response_model=None)
    async def home(
        session: Annotated[Session | None, Depends(office.door.visitor)],
    ) -> HTMLResponse:
        return _home(office, session)

    @router.get("/admin", response_model=None)
    async def admin(session: Annotated[Session, Depends(office.door.person)]) -> HTMLResponse:
        return _home(office, session)

    @router.get("/static/{name}", response_model=None)
    def static(name: str) -> FileResponse:
        return render.asset(name)


def _home(office: Office, session: Session | None) -> HTMLResponse:
    committee_of: tuple[str, ...] = ()
    if session is not None:
        committee_of = office.requests.committee_of(session.signed_in.identity)
    facts: dict[str, object] = {
        "description": office.settings.description,
        "committee_of": committee_of,
        "is_admin": session is not None and office.is_admin(session),
    }
    return office.pages.show("node_home.html", session=session, facts=facts)


def _add_workspaces(router: APIRouter, office: Office) -> None:
    @router.get("/admin/workspaces", response_model=None)
    def listed(session: Annotated[Session, Depends(office.door.person)]) -> HTMLResponse:
        office.refuse_others_than_admins(session)
        facts: dict[str, object] = {"workspaces": office.recipients.listed(owner=None)}
        return office.pages.show("node_workspaces.html", session=session, facts=facts)

    @router.post("/admin/workspaces/{workspace_id}", response_model=None)
    def decide(
        workspace_id: str,
        session: Annotated[Session, Depends(office.door.sender)],
        step: Annotated[Literal["confirm", "revoke"], Form()],
    ) -> RedirectResponse:
        office.refuse_others_than_admins(session)
        admin = session.signed_in.identity
        if step == "confirm":
            office.recipients.confirm(workspace_id, admin=admin, now=office.clock())
        else:
            office.recipients.revoke(workspace_id, by=admin, is_admin=True)
        return see("/admin/workspaces")
