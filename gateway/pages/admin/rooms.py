"""What the admin's pages of a node share: who is let in, what they read from, how a form is read.

For anyone who is not an admin of the node these pages do not exist. Every page calls the functions
behind the commands; none has rules of its own.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse

from access.errors import NoSuchThing
from access.policies.live import LivePolicies
from access.recipients import Recipients
from access.record.audit import Record
from access.record.tree import RecordTree
from access.store import Store
from gateway.admin_changes import AdminDesk
from gateway.config import NodeSettings
from gateway.holding.load_jobs import Jobs
from gateway.home import NodeHome
from gateway.pages.render import Pages
from gateway.pages.signin import MAX_TOKEN_CHARS, Desk
from passports.keys import KeyStore
from passports.sessions import Session
from passports.trust import TrustTable
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

MAX_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Rooms:
    """The parts of one node that its admin's pages show and change."""

    home: NodeHome
    settings: NodeSettings
    pages: Pages
    door: Desk
    store: Store
    recipients: Recipients
    book: LivePolicies
    desk: AdminDesk
    jobs: Jobs
    record: Record
    tree: RecordTree
    keys: KeyStore
    trust: TrustTable
    http: httpx.AsyncClient
    clock: Callable[[], int]

    async def admin(self, request: Request) -> Session:
        return self._let_in(await self.door.person(request))

    async def sender(
        self, request: Request, csrf: Annotated[str, Form(max_length=MAX_TOKEN_CHARS)] = ""
    ) -> Session:
        """The admin who sent a form from one of our pages."""
        return self._let_in(await self.door.sender(request, csrf))

    def _let_in(self, session: Session) -> Session:
        if session.signed_in.identity not in self.settings.admins:
            raise NoSuchThing(detail="admin page for someone who is no admin")
        return session

    def show(
        self,
        page: str,
        session: Session,
        *,
        problem: SkerryError | None = None,
        **facts: object,
    ) -> HTMLResponse:
        """The template `admin/PAGE.html`; with a `problem` its sentence and status."""
        given: dict[str, object] = {
            "room": page,
            "problem": "" if problem is None else problem.public,
            **facts,
        }
        return self.pages.show(
            f"admin/{page}.html",
            session=session,
            facts=given,
            status=200 if problem is None else problem.status,
        )


async def said(request: Request) -> Mapping[str, str]:
    """The fields of a form without files, each once."""
    form = await request.form(max_fields=MAX_FIELDS, max_files=0)
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    if len(fields) != len(form.multi_items()):
        raise InvalidInput(Message("A field came twice, or is a file; open the page again."))
    return fields


Fields = Annotated[Mapping[str, str], Depends(said)]
