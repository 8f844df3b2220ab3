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
    workspaces,
)
from gateway.pages.admin.rooms import Rooms


def build(rooms: Rooms) -> APIRouter:
    router = APIRouter(
        prefix="/admin",
        route_class=rooms.pages.route_class(rooms.door.session),
        include_in_schema=False,
        default_response_class=HTMLResponse,
    )
    for room in (home, changes, onboarding, datasets, policies, issuers, record, workspaces):
        room.add(router, rooms)
    return router
