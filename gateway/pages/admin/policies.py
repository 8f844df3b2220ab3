"""The node's policies: what is in force in words, versions, and an editor that tries a text first.

The draft is the node's `policies.yaml`, which `skerry policy` takes too. A text is shown with its
tests, its rules in words and the past decisions it would change; only then is it put in force.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from access.errors import NoSuchThing, StepNotPossible
from access.policies.file import read_bytes
from access.policies.versions import MAX_REASON_CHARS
from gateway import policy_reading
from gateway.admin_changes import DRAFT, Asked, Kind, digest, keep_draft
from gateway.pages.admin.policy_trial import MAX_IN_WORDS, Tried, of_version, tried, words_of
from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.admin.snippet import with_dataset
from gateway.pages.render import see
from passports.sessions import Session
from schemas.errors import InvalidInput, SkerryError, TooLarge
from schemas.messages import Message

MAX_TEXT_BYTES = 256 * 1024
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def add(router: APIRouter, rooms: Rooms) -> None:
    _add_list(router, rooms)
    _add_editor(router, rooms)
    _add_versions(router, rooms)


def _add_list(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/policies", response_model=None)
    def listed(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        book = rooms.book.current()
        history = policy_reading.versions_of(rooms.home).history()
        words = words_of(book)
        return rooms.show(
            "policies", session,
            version=book.version, history=history[::-1],
            active=history[-1].number if history else None,
            words=dict(list(words.items())[:MAX_IN_WORDS]),
            more=max(0, len(words) - MAX_IN_WORDS),
            second="policies" in rooms.book.second_person,
            waiting=[one for one in rooms.desk.changes.waiting(now=rooms.clock())
                     if one.kind.startswith("policy.")],
        )  # fmt: skip


def _add_versions(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/policies/{number}", response_model=None)
    def one(number: str, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        return _version(rooms, session, number)

    @router.post("/policies/{number}", response_model=None)
    def go_back(
        number: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> Response:
        facts = {"number": str(_number(number)), "over": fields.get("over", "")}
        asked = Asked(Kind.ROLL_BACK_POLICY, facts, _reason(fields), session.signed_in.identity)
        try:
            change = rooms.desk.ask(asked)
        except SkerryError as problem:
            return _version(rooms, session, number, problem=problem)
        return see("/admin/policies" if change is None else f"/admin/changes/{change.id}")


def _version(
    rooms: Rooms, session: Session, number: str, *, problem: SkerryError | None = None
) -> HTMLResponse:
    text, trial = of_version(rooms, _number(number))
    versions = policy_reading.versions_of(rooms.home)
    history, active = versions.history(), versions.active()
    return rooms.show(
        "policies_version", session, problem=problem,
        number=int(number), text=text, tried=trial, state=versions.state(),
        holds=active is not None and active.number == int(number),
        times=[entry for entry in history[::-1] if entry.number == int(number)],
        second=rooms.desk.needs_second(Kind.ROLL_BACK_POLICY), max_reason=MAX_REASON_CHARS,
    )  # fmt: skip


def _add_editor(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/policies/draft", response_model=None)
    def draft(request: Request, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        raw = read_bytes(rooms.home.policies)
        if len(raw) > MAX_TEXT_BYTES:
            raise TooLarge(Message("The draft is too large for a page: use `skerry policy`."))
        text = raw.decode("utf-8", "replace")
        wanted = request.query_params.get("dataset", "")
        if wanted:
            text = with_dataset(text, wanted[:200], public_url=rooms.settings.public_url)
        return _editor(rooms, session, text=text, opened=digest(rooms.home.policies))

    @router.post("/policies/draft", response_model=None)
    def take(session: Annotated[Session, Depends(rooms.sender)], fields: Fields) -> Response:
        text = fields.get("text", "").replace("\r\n", "\n")
        opened, reason = fields.get("opened", ""), fields.get("reason", "")
        show = partial(_editor, rooms, session, text=text, opened=opened, reason=reason)
        try:
            if len(text.encode()) > MAX_TEXT_BYTES:
                raise TooLarge(
                    Message("The text is larger than %(most)s bytes.", most=MAX_TEXT_BYTES)
                )
            match fields.get("do"):
                case "check":
                    read = policy_reading.read_text(rooms.home, text.encode(), name=DRAFT)
                    return show(trial=tried(rooms, read, text))
                case "keep":
                    _keep(rooms, text, opened=opened)
                    return see("/admin/policies/draft")
                case "activate":
                    return _activate(rooms, session, text, opened=opened, fields=fields)
                case _:
                    raise InvalidInput(Message("Choose what to do with the text."))
        except SkerryError as problem:
            return show(problem=problem)


def _keep(rooms: Rooms, text: str, *, opened: str) -> None:
    """Before the first activation the file itself is what a start would put in force."""
    if policy_reading.versions_of(rooms.home).active() is None:
        raise StepNotPossible(
            Message(
                "No version was put in force yet, and until then this file is what holds after a "
                "restart: put it in force instead."
            )
        )
    policy_reading.read_text(rooms.home, text.encode(), name=DRAFT)
    if not keep_draft(rooms.home.policies, text.encode(), opened=opened):
        raise StepNotPossible(
            Message("The draft was changed elsewhere meanwhile: copy your text first.")
        )


def _activate(
    rooms: Rooms, session: Session, text: str, *, opened: str, fields: Mapping[str, str]
) -> Response:
    facts = {"text": text, "draft": opened, "over": fields.get("over", "")}
    asked = Asked(Kind.ACTIVATE_POLICY, facts, _reason(fields), session.signed_in.identity)
    change = rooms.desk.ask(asked)
    return see("/admin/policies" if change is None else f"/admin/changes/{change.id}")


def _editor(
    rooms: Rooms,
    session: Session,
    *,
    text: str,
    opened: str,
    reason: str = "",
    trial: Tried | None = None,
    problem: SkerryError | None = None,
) -> HTMLResponse:
    return rooms.show(
        "policies_draft", session, problem=problem,
        text=text, opened=opened, reason=reason[:MAX_REASON_CHARS], tried=trial,
        state=policy_reading.versions_of(rooms.home).state(),
        second=rooms.desk.needs_second(Kind.ACTIVATE_POLICY), max_reason=MAX_REASON_CHARS,
    )  # fmt: skip


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NoSuchThing(detail="policy version")
    return int(text)


def _reason(fields: Mapping[str, str]) -> str:
    return fields.get("reason", "").strip()
