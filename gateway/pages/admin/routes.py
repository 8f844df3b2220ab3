"""The node's admin pages under /admin, one file for each room."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gateway.pages.admin import (
    changes,
    datasets,
    home,
    issuers,
    onboarding,
    policies,
    record,
    risk,
    upload,
    usage,
    workspaces,
)
from gateway.pages.admin.rooms import Rooms

_ROOMS = (
    home, record, datasets, onboarding, upload, policies, issuers, workspaces, usage, risk, changes,
)  # fmt: skip


def build(rooms: Rooms) -> APIRouter:
    router = APIRouter(
        prefix="/admin",
        route_class=rooms.pages.route_class(rooms.door.session),
        include_in_schema=False,
        default_response_class=HTMLResponse,
    )
    for room in _ROOMS:
        room.add(router, rooms)
    return router
