"""What the node was asked for and sent: by day and dataset, and by person under a pseudonym."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from gateway import usage
from gateway.pages.admin.rooms import Rooms
from passports.sessions import Session
from schemas.errors import InvalidInput
from schemas.messages import Message

SPANS = {
    "1": Message("today"),
    "7": Message("the last 7 days"),
    "30": Message("the last 30 days"),
    "90": Message("the last 90 days"),
}


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/usage", response_model=None)
    def shown(request: Request, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        days = request.query_params.get("days", "30")
        if days not in SPANS:
            raise InvalidInput(Message("Choose one of the spans of days."))
        today = datetime.now(UTC).date()
        found = usage.of(rooms.tree, first=today - timedelta(days=int(days) - 1), last=today)
        return rooms.show(
            "usage", session, usage=found, days=days, spans=SPANS, capped=usage.MAX_ENTRIES
        )
