"""Changes that wait for a second admin: look at one, confirm it, or withdraw it."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse

from access.admin_changes import Change
from gateway import policy_reading
from gateway.admin_changes import DRAFT, Kind
from gateway.pages.admin.policy_trial import Tried, of_version, tried
from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.render import see
from passports.sessions import Session
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/changes", response_model=None)
    def listed(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        return rooms.show(
            "changes", session,
            changes=rooms.desk.changes.listed(), now=rooms.clock(),
            areas=sorted(rooms.book.second_person), admins=len(rooms.settings.admins),
        )  # fmt: skip

    @router.get("/changes/{change_id}", response_model=None)
    def one(change_id: str, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        change = rooms.desk.changes.get(change_id)
        mine = change.proposed_by == session.signed_in.identity
        waits = change.waits(now=rooms.clock())
        trial, problem = None, None
        try:
            trial = _trial(rooms, change) if waits else None
        except SkerryError as error:  # it can still be withdrawn
            problem = error
        return rooms.show(
            "changes_one", session, problem=problem,
            change=change, mine=mine, waits=waits, tried=trial,
        )  # fmt: skip

    @router.post("/changes/{change_id}", response_model=None)
    def decide(
        change_id: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> RedirectResponse:
        person = session.signed_in.identity
        match fields.get("step"):
            case "confirm":
                rooms.desk.confirm(change_id, by=person)
            case "withdraw":
                rooms.desk.withdraw(change_id, by=person)
            case _:
                raise InvalidInput(Message("Choose what to do: confirm or withdraw."))
        return see(f"/admin/changes/{change_id}")


def _trial(rooms: Rooms, change: Change) -> Tried | None:
    """What a proposed policy would do now, for who is to confirm it."""
    match change.kind:
        case Kind.ACTIVATE_POLICY:
            text = change.facts["text"]
            read = policy_reading.read_text(rooms.home, text.encode(), name=DRAFT)
            return tried(rooms, read, text)
        case Kind.ROLL_BACK_POLICY:
            return of_version(rooms, int(change.facts["number"]))[1]
        case _:
            return None
