"""The admin's first page: what needs attention, and the state of the node in a few lines."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import shutil
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from gateway.pages.admin import attention
from gateway.pages.admin.rooms import Rooms
from passports.sessions import Session


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("", response_model=None)
    def home(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        disk = shutil.disk_usage(rooms.home.root)
        refreshed = [one.fetched for one in rooms.keys.fetched() if one.fetched is not None]
        return rooms.show(
            "home", session,
            points=attention.points(rooms),
            policy=rooms.book.version,
            datasets=len(rooms.book.datasets()),
            entries=rooms.tree.follow(),
            refreshed=max(refreshed, default=None),
            disk=disk,
        )  # fmt: skip
