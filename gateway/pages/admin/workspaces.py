"""The workspaces that data may be sealed to: an admin confirms whose key it is, or revokes it.

Who approved a request for a workspace cannot confirm its key; that rule is `access.recipients`'.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse

from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.render import see
from passports.sessions import Session
from schemas.errors import InvalidInput
from schemas.messages import Message


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/workspaces", response_model=None)
    def listed(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        held = rooms.recipients.listed(owner=None)
        return rooms.show("workspaces", session, workspaces=held, now=rooms.clock())

    @router.post("/workspaces/{workspace_id}", response_model=None)
    def decide(
        workspace_id: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> RedirectResponse:
        admin = session.signed_in.identity
        match fields.get("step"):
            case "confirm":
                rooms.recipients.confirm(workspace_id, admin=admin, now=rooms.clock())
            case "revoke":
                rooms.recipients.revoke(workspace_id, by=admin, is_admin=True)
            case _:
                raise InvalidInput(Message("Choose what to do: confirm or revoke."))
        return see("/admin/workspaces")
