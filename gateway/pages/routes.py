"""The node's pages for people: its home, signing in and the assets.

Requests are `request_routes`', the admin's pages `admin.routes`'.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, HTMLResponse

from gateway.config import NodeSettings
from gateway.pages import enquiry_routes, render, request_routes
from gateway.pages.request_routes import RequestOffice
from passports.login import Login, SignedIn
from passports.sessions import Session
from portal import language_routes


def build(
    settings: NodeSettings,
    office: RequestOffice,
    *,
    login: Login,
    greet: Callable[[SignedIn], Awaitable[None]],
) -> APIRouter:
    door = office.door
    router = APIRouter(
        route_class=office.pages.route_class(door.session),
        include_in_schema=False,
        default_response_class=HTMLResponse,
    )
    door.add_routes(router, login=login, greet=greet)
    _add_home(router, office, description=settings.description)
    request_routes.build(office, router)
    enquiry_routes.build(router, office.enquiries, door=door, clock=office.clock)
    secure = settings.public_url.startswith("https:")
    router.include_router(language_routes.build(secure=secure))
    return router


def _add_home(router: APIRouter, office: RequestOffice, *, description: str) -> None:
    @router.get("/", response_model=None)
    async def home(
        session: Annotated[Session | None, Depends(office.door.visitor)],
    ) -> HTMLResponse:
        committee_of: tuple[str, ...] = ()
        if session is not None:
            committee_of = office.desk.committee_of(session.signed_in.identity)
        facts: dict[str, object] = {
            "description": description,
            "committee_of": committee_of,
            "datasets": office.desk.listed_datasets(),
        }
        return office.pages.show("node_home.html", session=session, facts=facts)

    @router.get("/static/{name}", response_model=None)
    def static(name: str) -> FileResponse:
        return render.asset(name)
