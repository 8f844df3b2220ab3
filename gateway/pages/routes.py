"""The node's pages for people: its home, signing in and the assets.

Requests are `request_routes`', the admin's pages `admin.routes`'.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, HTMLResponse

from access.recipients import Recipients
from access.requests.attachments import Attachments
from access.requests.desk import RequestDesk
from access.requests.enquiries import Enquiries
from gateway.config import NodeSettings
from gateway.pages import enquiry_routes, render, request_routes
from gateway.pages.render import Pages
from gateway.pages.request_routes import RequestOffice
from gateway.pages.signin import Desk
from passports.login import Login, SignedIn
from passports.sessions import Session, Sessions
from portal import language_routes


@dataclass(frozen=True, slots=True)
class Office:
    """What the pages of one node share; built once by `build`."""

    settings: NodeSettings
    pages: Pages
    door: Desk
    requests: RequestDesk


def build(
    *,
    settings: NodeSettings,
    login: Login,
    greet: Callable[[SignedIn], Awaitable[None]],
    sessions: Sessions,
    desk: RequestDesk,
    attachments: Attachments,
    recipients: Recipients,
    enquiries: Enquiries,
    clock: Callable[[], int],
) -> APIRouter:
    door = Desk(sessions, public_url=settings.public_url)
    pages = Pages(node=settings.name, admins=settings.admins)
    office = Office(settings, pages, door, desk)
    router = APIRouter(
        route_class=pages.route_class(door.session),
        include_in_schema=False,
        default_response_class=HTMLResponse,
    )
    door.add_routes(router, login=login, greet=greet)
    _add_home(router, office)
    rooms = RequestOffice(pages, door, desk, attachments, recipients, enquiries, clock)
    request_routes.build(rooms, router)
    enquiry_routes.build(router, enquiries, door=door, clock=clock)
    router.include_router(language_routes.build(secure=settings.public_url.startswith("https:")))
    return router


def _add_home(router: APIRouter, office: Office) -> None:
    @router.get("/", response_model=None)
    async def home(
        session: Annotated[Session | None, Depends(office.door.visitor)],
    ) -> HTMLResponse:
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
        "datasets": office.requests.listed_datasets(),
    }
    return office.pages.show("node_home.html", session=session, facts=facts)
