"""The record viewer: search, verify, export, and the proof that an entry stands in the record.

People are pseudonyms; the pseudonym of a known person is looked up by a form of its own, and that
look is itself recorded, as is every export. Searching is `access.record.search`'s, proofs are
`access.record.merkle`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse

from access.errors import NoSuchThing, StepNotPossible
from access.record import checkpoints, merkle
from access.record import search as record_search
from access.record.routes import inclusion_of
from access.record.search import Wanted
from gateway import verifying as record_command
from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.render import HEADERS, see
from passports.sessions import Session
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

MAX_VERIFIED_BYTES = 1024 * 1024 * 1024
MAX_IDENTITY_CHARS = 512
KINDS = (
    "access.check", "access.permit", "access.request", "access.workspace", "admin",
    "beacon.answer", "keys.identity", "keys.rotated", "people.withdraw", "policy.activated",
    "record", "release",
)  # fmt: skip
_KIND = re.compile(r"[a-z0-9_.]{0,120}")
_DATASET = re.compile(r"[ -~]{0,200}")
_PERSON = re.compile(r"(?:p-[0-9a-f]{40})?")
_NUMBER = re.compile(r"[1-9][0-9]{0,14}")
_FIELDS = ("first", "last", "kind", "dataset", "person")


def add(router: APIRouter, rooms: Rooms) -> None:
    verifying = threading.Lock()
    _add_search(router, rooms)
    _add_entry(router, rooms)

    @router.post("/record/person", response_model=None)
    def person(session: Annotated[Session, Depends(rooms.sender)], fields: Fields) -> Response:
        named = fields.get("identity", "").strip()
        if "@" not in named or len(named) > MAX_IDENTITY_CHARS:
            return _page(
                rooms, session, problem=InvalidInput(Message("Expected a person as sub@issuer."))
            )
        found = rooms.record.pseudonym(named)
        facts = {"by": rooms.record.pseudonym(session.signed_in.identity), "person": found}
        rooms.record.append("record.person_sought", facts, durable=True)
        return see(f"/admin/record?{urlencode({'person': found})}")

    @router.post("/record/verify", response_model=None)
    def verify(session: Annotated[Session, Depends(rooms.sender)], fields: Fields) -> HTMLResponse:
        if not verifying.acquire(blocking=False):
            raise StepNotPossible(Message("The record is being verified just now; wait for that."))
        try:
            return _page(rooms, session, verified=_verified(rooms, fields.get("checkpoint", "")))
        except SkerryError as problem:
            return _page(rooms, session, problem=problem)
        finally:
            verifying.release()

    @router.post("/record/export", response_model=None)
    def export(session: Annotated[Session, Depends(rooms.sender)], fields: Fields) -> Response:
        wanted = _wanted(fields)
        facts = {"by": rooms.record.pseudonym(session.signed_in.identity)} | {
            name: str(value) for name, value in asdict(wanted).items() if value
        }
        rooms.record.append("record.exported", facts, durable=True)
        name = 'attachment; filename="record.jsonl"'
        return StreamingResponse(
            record_search.lines(rooms.tree, wanted),
            media_type="application/x-ndjson",
            headers=HEADERS | {"Content-Disposition": name},
        )


def _add_search(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/record", response_model=None)
    def search(request: Request, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        query = request.query_params
        try:
            before = _number(query["before"]) if "before" in query else None
            return _page(rooms, session, wanted=_wanted(query), before=before)
        except InvalidInput as problem:
            return _page(rooms, session, problem=problem)


def _add_entry(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/record/checkpoint", response_model=None)
    def checkpoint(_session: Annotated[Session, Depends(rooms.admin)]) -> PlainTextResponse:
        headers = HEADERS | {"Content-Disposition": 'attachment; filename="checkpoint"'}
        return PlainTextResponse(_checkpoint(rooms, rooms.tree.follow()), headers=headers)

    @router.get("/record/{number}", response_model=None)
    def entry(number: str, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        at, size = _within(rooms, number)
        line = rooms.tree.entry(at)
        return rooms.show(
            "record_entry", session,
            entry=json.loads(line), line=line.decode(), size=size,
            proof=inclusion_of(rooms.tree, at, size), checkpoint=_checkpoint(rooms, size),
        )  # fmt: skip

    @router.get("/record/{number}/proof", response_model=None)
    def proof(number: str, _session: Annotated[Session, Depends(rooms.admin)]) -> Response:
        """What a third party needs to check: the line, the path and the signed root."""
        at, size = _within(rooms, number)
        content = {
            "line": rooms.tree.entry(at).decode(),
            "proof": inclusion_of(rooms.tree, at, size).model_dump(),
            "checkpoint": _checkpoint(rooms, size),
        }
        name = f'attachment; filename="entry-{at}.json"'
        headers = HEADERS | {"Content-Disposition": name}
        return Response(json.dumps(content, indent=1), 200, headers, "application/json")


def _page(
    rooms: Rooms,
    session: Session,
    *,
    wanted: Wanted | None = None,
    before: int | None = None,
    verified: Mapping[str, object] | None = None,
    problem: SkerryError | None = None,
) -> HTMLResponse:
    wanted = wanted or Wanted()
    found = record_search.search(rooms.tree, wanted, before=before)
    asked = {name: str(value or "") for name, value in asdict(wanted).items()}
    further = urlencode({**asked, "before": str(found.before)}) if found.before else ""
    return rooms.show(
        "record", session, problem=problem, found=found, asked=asked, further=further,
        kinds=KINDS, verified=verified, fields=_FIELDS,
    )  # fmt: skip


def _wanted(sent: Mapping[str, str]) -> Wanted:
    said = {name: sent.get(name, "").strip() for name in _FIELDS}
    for name, shape, expected in (
        ("kind", _KIND, Message("kind: expected an action such as beacon.answer.")),
        ("dataset", _DATASET, Message("dataset: expected a dataset's id.")),
        ("person", _PERSON, Message("person: expected a pseudonym, p- and 40 hexadecimal digits.")),
    ):
        if not shape.fullmatch(said[name]):
            raise InvalidInput(expected)
    first, last = _day(said["first"]), _day(said["last"])
    if first is not None and last is not None and last < first:
        raise InvalidInput(Message("The last day lies before the first."))
    return Wanted(first=first, last=last, kind=said["kind"], dataset=said["dataset"],
                  person=said["person"])  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput(Message("A day is written like 2026-11-21.")) from error


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise InvalidInput(Message("An entry is called by its number."))
    return int(text)


def _within(rooms: Rooms, number: str) -> tuple[int, int]:
    size = rooms.tree.follow()
    if not _NUMBER.fullmatch(number) or int(number) > size:
        raise NoSuchThing(detail="beyond the record")
    return int(number), size


def _verified(rooms: Rooms, note: str) -> Mapping[str, object]:
    if rooms.home.record.stat().st_size > MAX_VERIFIED_BYTES:
        raise InvalidInput(
            Message("The record is too large to verify here: use `skerry verify-audit`.")
        )
    kept = note.replace("\r\n", "\n").strip()
    if len(kept) > checkpoints.MAX_CHECKPOINT:
        raise InvalidInput(Message("This is not a checkpoint of a record."))
    return record_command.verified(rooms.home, f"{kept}\n" if kept else None)


def _checkpoint(rooms: Rooms, size: int) -> str:
    origin = checkpoints.origin_of(rooms.settings.public_url)
    made = checkpoints.Checkpoint(origin, size, merkle.root(rooms.tree, size))
    return checkpoints.signed(made, rooms.home.signing_key())
