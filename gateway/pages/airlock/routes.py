"""The pages of the airlock: outputs to decide on, outputs of one's own, runs, and one's key.

Two of a dataset's committee release, with reasons that those concerned read; nothing here needs a
script. What was offered is shown to the committee alone, as text. Rules are `access`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from access.airlock.life import AirlockStep
from access.airlock.person_keys import PersonKeys
from access.airlock.queue import Airlock, SeenCandidate
from access.requests.lifecycle import Part
from access.runs.routes import AskedStep, by_whom
from gateway.pages.render import HEADERS, Pages, see
from gateway.pages.signin import Desk
from passports.sessions import Session
from schemas.errors import InvalidInput
from schemas.messages import Message
from schemas.runs import CandidateStep
from streams.keys import MAX_PUBLIC_KEY_TEXT, parse_public_key

MAX_SHOWN = 100_000
MAX_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class AirlockOffice:
    """What these pages share; built once by the node."""

    pages: Pages
    door: Desk
    airlock: Airlock
    keys: PersonKeys
    clock: Callable[[], int]


def build(office: AirlockOffice) -> APIRouter:
    router = APIRouter(
        route_class=office.pages.route_class(office.door.session),
        include_in_schema=False,
        default_response_class=HTMLResponse,
    )
    _add_list(router, office)
    _add_key(router, office)
    _add_one(router, office)
    return router


def _add_list(router: APIRouter, office: AirlockOffice) -> None:
    @router.get("/airlock", response_model=None)
    def listed(session: Annotated[Session, Depends(office.door.person)]) -> HTMLResponse:
        person = session.signed_in.identity
        found = office.airlock.listed(person)
        facts: dict[str, object] = {
            "waiting": [one for one in found if _waits(one)],
            "mine": [one for one in found if one.part is not Part.COMMITTEE],
            "others": [one for one in found if one.part is Part.COMMITTEE and not _waits(one)],
            "runs": office.airlock.starts(person),
            "key": office.keys.of(person),
        }
        return office.pages.show("airlock/outputs.html", session=session, facts=facts)


def _waits(one: SeenCandidate) -> bool:
    """For somebody of the committee; whether it is for this person, the output's own page knows."""
    return one.part is Part.COMMITTEE and one.candidate.state in {"waiting", "contested"}


def _add_key(router: APIRouter, office: AirlockOffice) -> None:
    @router.post("/airlock/key", response_model=None)
    def register(
        session: Annotated[Session, Depends(office.door.sender)],
        public_key: Annotated[str, Form(max_length=MAX_PUBLIC_KEY_TEXT)],
    ) -> RedirectResponse:
        raw = parse_public_key(public_key.encode())
        office.keys.register(session.signed_in.identity, raw, now=office.clock())
        return see("/airlock")


def _add_one(router: APIRouter, office: AirlockOffice) -> None:
    @router.get("/airlock/{candidate_id}", response_model=None)
    def one(
        candidate_id: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> HTMLResponse:
        person = session.signed_in.identity
        seen = office.airlock.see(candidate_id, viewer=person)
        facts: dict[str, object] = {
            "seen": seen,
            "found": seen.candidate,
            "decides": seen.part is Part.COMMITTEE,
            "steps": seen.steps,
            "who": lambda event: by_whom(event.actor, seen),
            "spent": office.airlock.spent(seen.candidate.request_id, viewer=person),
            "terms": seen.request.run,
            "key": office.keys.of(person),
            "shown": _shown(office, seen) if seen.part is Part.COMMITTEE else "",
        }
        return office.pages.show("airlock/output.html", session=session, facts=facts)

    @router.post("/airlock/{candidate_id}", response_model=None)
    def take(
        candidate_id: str,
        session: Annotated[Session, Depends(office.door.sender)],
        step: Annotated[AskedStep, Form()],
        note: Annotated[str, Form(max_length=MAX_NOTE, min_length=1)],
    ) -> RedirectResponse:
        person = session.signed_in.identity
        office.airlock.take_step(
            candidate_id, step, _reason(note), actor=person, now=office.clock()
        )
        return see(f"/airlock/{candidate_id}")

    @router.get("/airlock/{candidate_id}/result", response_model=None)
    def result(
        candidate_id: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> Response:
        person = session.signed_in.identity
        _, _, sealed = office.airlock.result(candidate_id, viewer=person, now=office.clock())
        name = f'attachment; filename="{candidate_id}.json.c4gh"'
        return Response(
            sealed,
            media_type="application/octet-stream",
            headers=HEADERS | {"Content-Disposition": name, "X-Content-Type-Options": "nosniff"},
        )


def _reason(note: str) -> str:
    try:
        return CandidateStep(note=note).note
    except ValidationError as error:
        raise InvalidInput(Message("Give a reason: those concerned read it.")) from error


def _shown(office: AirlockOffice, seen: SeenCandidate) -> str:
    """What would leave, indented, and cut where a page would become too long."""
    if AirlockStep.APPROVE not in seen.steps:
        return ""
    raw = office.airlock.to_review(seen.candidate.candidate_id, viewer=seen.viewer)
    text = json.dumps(json.loads(raw), indent=1, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "\n…"
