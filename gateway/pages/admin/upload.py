"""Brings a file into the node's import folder, from the page on which a plan's files are chosen."""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import asyncio
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from gateway.errors import LoadRefused
from gateway.holding import uploading
from gateway.pages.admin.onboarding import files_page
from gateway.pages.admin.rooms import Rooms
from gateway.pages.errors import ForgedForm
from gateway.pages.render import see
from passports.sessions import Session
from schemas.errors import SkerryError
from schemas.messages import Message


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/onboarding/{plan_id}/upload", response_model=None)
    async def upload(
        plan_id: str, request: Request, session: Annotated[Session, Depends(rooms.admin)]
    ) -> Response:
        """The form is read here and not by FastAPI, which would first take in all of it."""
        plan = rooms.jobs.plans.plan(plan_id)
        folder = ""

        def check(fields: Mapping[str, str]) -> None:
            nonlocal folder
            if not rooms.door.is_ours(request, session, fields.get("csrf", "")):
                raise ForgedForm(
                    Message("This form did not come from your session here; open it again.")
                )
            folder = fields.get("folder", "")

        try:
            if rooms.jobs.plans.root is None:
                raise LoadRefused(Message("This node has no import folder."))
            name = await uploading.take(
                request.stream(), request.headers.get("content-type", ""),
                root=rooms.jobs.plans.root, check=check,
            )  # fmt: skip
        except ForgedForm:
            raise
        except SkerryError as problem:
            return files_page(rooms, session, plan, folder or plan.folder, problem=problem)
        by = rooms.record.pseudonym(session.signed_in.identity)
        facts = {"by": by, "load": plan.id, "file": name}
        await asyncio.to_thread(rooms.record.append, "admin.uploaded", facts, durable=True)
        return see(f"/admin/onboarding/{plan.id}/files?{urlencode({'folder': folder})}")
