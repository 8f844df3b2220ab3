"""The datasets a node holds: versions served, gone back to and removed; people taken out.

Every step is the one behind `skerry datasets` and `skerry people`. Bringing a new version is
`onboarding`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from access.errors import NoSuchThing
from beacon import manifest, withdrawals
from gateway.admin_changes import Asked, Kind
from gateway.holding import holdings, reseal_job, resealing, withdrawing
from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.render import see
from passports.sessions import Session
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

MAX_ID_CHARS = 200
MAX_SHOWN = 200  # objects that wait
WITHDREW = "A person withdrew."  # for the record
# What each step of the forms asks for, and the field that says of what.
_STEPS = {
    "serve": (Kind.SERVE, "version"),
    "remove": (Kind.REMOVE, "version"),
    "reseal": (Kind.RESEAL, ""),
    "free": (Kind.FREE, "object"),
}


def add(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/datasets", response_model=None)
    def listed(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        served = [one for one in holdings.held(rooms.home) if one.active]
        ruled = set(rooms.book.datasets())
        return rooms.show(
            "datasets", session,
            served=served, ruled=ruled, empty=sorted(ruled - {one.id for one in served}),
            versions={name: len(known.entries)
                      for name, known in manifest.read_versions(rooms.home.catalog).items()},
        )  # fmt: skip

    @router.get("/datasets/{dataset:path}", response_model=None)
    def one(dataset: str, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        return _one(rooms, session, dataset)

    @router.post("/datasets/{dataset:path}", response_model=None)
    def change(
        dataset: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> Response:
        try:
            return _changed(rooms, session, dataset, fields)
        except SkerryError as problem:
            return _one(rooms, session, dataset, problem=problem)

    @router.post("/withdrawals/{dataset:path}", response_model=None)
    def withdraw(
        dataset: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> Response:
        person = fields.get("person", "").strip()
        try:
            if not 0 < len(person) <= MAX_ID_CHARS or person != fields.get("again", "").strip():
                raise InvalidInput(Message("Write the person's id twice, the same both times."))
            facts = {"dataset": dataset}
            rooms.desk.changes.made("people.withdraw", facts, reason=WITHDREW, by=_by(session))
            withdrawing.withdraw(rooms.home, dataset, person)
            return _look_through(rooms, session, dataset)
        except SkerryError as problem:  # who is out is out, whatever became of looking through
            return _one(rooms, session, dataset, problem=problem)


def _changed(rooms: Rooms, session: Session, dataset: str, fields: Mapping[str, str]) -> Response:
    kind, of = _STEPS.get(fields.get("step", ""), (None, ""))
    if kind is None:
        raise InvalidInput(Message("Choose one of the steps that the page offers."))
    facts = {"dataset": dataset} | ({of: fields.get(of, "")} if of else {})
    return _asked(rooms, Asked(kind, facts, fields.get("reason", "").strip(), _by(session)))


def _look_through(rooms: Rooms, session: Session, dataset: str) -> Response:
    """Begun at once, or proposed to another admin, where objects wait for it."""
    if not resealing.waiting(rooms.home, dataset):
        return see(_page(dataset))
    return _asked(rooms, Asked(Kind.RESEAL, {"dataset": dataset}, WITHDREW, _by(session)))


def _asked(rooms: Rooms, asked: Asked) -> Response:
    made = rooms.desk.ask(asked)
    return see(_page(asked.facts["dataset"]) if made is None else f"/admin/changes/{made.id}")


def _page(dataset: str) -> str:
    return f"/admin/datasets/{quote(dataset)}"


def _by(session: Session) -> str:
    return session.signed_in.identity


def _one(
    rooms: Rooms, session: Session, dataset: str, *, problem: SkerryError | None = None
) -> HTMLResponse:
    known = manifest.read_versions(rooms.home.catalog).get(dataset)
    if known is None:
        raise NoSuchThing(detail="dataset that is not loaded")
    return rooms.show(
        "datasets_one", session, problem=problem,
        dataset=dataset, before=known.before,
        versions=list(holdings.held(rooms.home, dataset))[::-1],
        withdrawn=len(withdrawals.read(rooms.home.catalog).get(dataset, frozenset())),
        waiting=resealing.waiting(rooms.home, dataset), shown=MAX_SHOWN,
        reseal=reseal_job.progress(rooms.home, dataset),
        policy=rooms.book.policy(dataset) is not None,
        second=rooms.desk.needs_second(Kind.SERVE),
    )  # fmt: skip
