"""Publishing a dataset step by step: describe it, choose files, check, preview, publish, rule.

Files come from the import folder of the settings only. Check and load are
`gateway.holding.load_jobs`', the same as `skerry load`; a page may be left and come back to.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from access.errors import NoSuchThing
from beacon.errors import Problem
from gateway.admin_changes import Asked, Kind
from gateway.holding import catalogue_form, import_folder
from gateway.holding.load_jobs import Job
from gateway.holding.onboarding import Plan
from gateway.holding.processes import JobState, Progress
from gateway.pages.admin import load_in_words
from gateway.pages.admin.onboarding_form import (
    ASSEMBLIES,
    ROLE_WORDS,
    described,
    guess,
    rejected,
    roles,
)
from gateway.pages.admin.rooms import Fields, Rooms
from gateway.pages.render import HEADERS, see
from passports.sessions import Session
from schemas.errors import InvalidInput, SkerryError
from schemas.messages import Message

_BEGIN = "/admin/onboarding"


def add(router: APIRouter, rooms: Rooms) -> None:
    _add_plans(router, rooms)
    _add_description(router, rooms)
    _add_files(router, rooms)
    _add_steps(router, rooms)


def _add_plans(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/onboarding", response_model=None)
    def listed(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        plans = [
            (plan, {job.value: rooms.jobs.progress(plan.id, job) for job in Job})
            for plan in rooms.jobs.plans.listed()
        ]
        return rooms.show("onboarding", session, plans=plans)


def _add_description(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/onboarding/new", response_model=None)
    def blank(session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        values = {field.term: field.value for field in catalogue_form.FIELDS}
        return _description(rooms, session, values)

    @router.post("/onboarding/new", response_model=None)
    def begin(session: Annotated[Session, Depends(rooms.sender)], fields: Fields) -> Response:
        try:
            blank = Plan("", "", "", "", "", session.signed_in.identity, rooms.clock())
            made = rooms.jobs.plans.begin(_from_form(rooms, fields, blank))
        except SkerryError as problem:
            return _description(rooms, session, fields, problem=problem)
        return see(f"{_BEGIN}/{made.id}/files")

    @router.get("/onboarding/{plan_id}/description", response_model=None)
    def shown(plan_id: str, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        plan = rooms.jobs.plans.plan(plan_id)
        own = {"dataset": plan.dataset, "name": plan.name, "description": plan.description,
               "assembly": plan.assembly}  # fmt: skip
        return _description(rooms, session, {**plan.catalogue, **own}, plan=plan)

    @router.post("/onboarding/{plan_id}/description", response_model=None)
    def describe(
        plan_id: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> Response:
        plan = rooms.jobs.plans.plan(plan_id)
        try:
            rooms.jobs.idle(plan.id)
            rooms.jobs.plans.keep(_from_form(rooms, fields, plan))
        except SkerryError as problem:
            return _description(rooms, session, fields, plan=plan, problem=problem)
        return see(f"{_BEGIN}/{plan_id}")


def _add_files(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/onboarding/{plan_id}/files", response_model=None)
    def choose(
        plan_id: str, request: Request, session: Annotated[Session, Depends(rooms.admin)]
    ) -> HTMLResponse:
        plan = rooms.jobs.plans.plan(plan_id)
        return files_page(rooms, session, plan, request.query_params.get("folder", plan.folder))

    @router.post("/onboarding/{plan_id}/files", response_model=None)
    def chosen(
        plan_id: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> Response:
        plan = rooms.jobs.plans.plan(plan_id)
        folder = fields.get("folder", "")
        try:
            rooms.jobs.idle(plan.id)
            made = replace(
                plan, folder=folder, files=roles(fields),
                max_rejected=rejected(fields.get("max_rejected", "0")),
            )  # fmt: skip
            rooms.jobs.plans.wanted(made)
            rooms.jobs.plans.keep(made)
        except SkerryError as problem:
            return files_page(rooms, session, plan, folder, chosen=roles(fields), problem=problem)
        return see(f"{_BEGIN}/{plan_id}")


def _add_steps(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/onboarding/{plan_id}", response_model=None)
    def one(plan_id: str, session: Annotated[Session, Depends(rooms.admin)]) -> HTMLResponse:
        return _one(rooms, session, plan_id)

    @router.post("/onboarding/{plan_id}", response_model=None)
    def take(
        plan_id: str, session: Annotated[Session, Depends(rooms.sender)], fields: Fields
    ) -> Response:
        plan = rooms.jobs.plans.plan(plan_id)
        try:
            match fields.get("step"):
                case "check":
                    rooms.jobs.start(plan, Job.CHECK)
                case "publish":
                    return _publish(rooms, session, plan, fields.get("reason", "").strip())
                case "discard":
                    rooms.jobs.discard(plan.id)
                    return see(_BEGIN)
                case _:
                    raise InvalidInput(Message("Choose what to do: check, publish or discard."))
        except SkerryError as problem:
            return _one(rooms, session, plan_id, problem=problem)
        return see(f"{_BEGIN}/{plan_id}")

    @router.get("/onboarding/{plan_id}/report", response_model=None)
    def report(plan_id: str, _session: Annotated[Session, Depends(rooms.admin)]) -> FileResponse:
        path = rooms.jobs.plans.folder(plan_id) / "report.csv"
        if not path.is_file():
            raise NoSuchThing(detail="report of a plan")
        return FileResponse(path, headers=HEADERS, media_type="text/csv", filename="report.csv")


def _from_form(rooms: Rooms, fields: Mapping[str, str], plan: Plan) -> Plan:
    return described(fields, plan, public_url=rooms.settings.public_url)


def _publish(rooms: Rooms, session: Session, plan: Plan, reason: str) -> Response:
    facts = {"dataset": plan.dataset, "load": plan.id, "plan": rooms.jobs.plans.digest(plan)}
    change = rooms.desk.ask(Asked(Kind.PUBLISH, facts, reason, session.signed_in.identity))
    return see(f"{_BEGIN}/{plan.id}" if change is None else f"/admin/changes/{change.id}")


def _one(
    rooms: Rooms, session: Session, plan_id: str, *, problem: SkerryError | None = None
) -> HTMLResponse:
    plan = rooms.jobs.plans.plan(plan_id)
    check = rooms.jobs.progress(plan.id, Job.CHECK)
    publish = rooms.jobs.progress(plan.id, Job.PUBLISH)
    stale = False
    if check.state is JobState.DONE:
        try:
            stale = not rooms.jobs.checked(plan)
        except SkerryError as gone:
            stale, problem = True, problem or gone
    return rooms.show(
        "onboarding_one", session, problem=problem,
        plan=plan, check=_shown(check), publish=_shown(publish), stale=stale,
        has_report=(rooms.jobs.plans.folder(plan.id) / "report.csv").is_file(),
        record=rooms.jobs.plans.record(plan), second=rooms.desk.needs_second(Kind.PUBLISH),
        ruled=rooms.book.policy(plan.dataset) is not None,
        fields=catalogue_form.FIELDS, roles=ROLE_WORDS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shown:
    """A job as the page shows it."""

    job: Progress
    stage: str
    read: Sequence[load_in_words.Line]
    said: Sequence[load_in_words.Line]
    sentences: Sequence[str]
    places: Sequence[Problem]


def _shown(job: Progress) -> _Shown:
    sentences, places = load_in_words.problems(job.problems)
    return _Shown(
        job,
        stage=load_in_words.READ.get(job.stage) or load_in_words.words(job.stage),
        read=tuple(load_in_words.lines(job.read)),
        said=tuple(load_in_words.lines(job.said)),
        sentences=sentences,
        places=places,
    )


def _description(
    rooms: Rooms,
    session: Session,
    values: Mapping[str, str],
    *,
    plan: Plan | None = None,
    problem: SkerryError | None = None,
) -> HTMLResponse:
    return rooms.show(
        "onboarding_description", session, problem=problem,
        plan=plan, values=values, fields=catalogue_form.FIELDS, assemblies=ASSEMBLIES,
    )  # fmt: skip


def files_page(
    rooms: Rooms,
    session: Session,
    plan: Plan,
    folder: str,
    *,
    chosen: Mapping[str, str] | None = None,
    problem: SkerryError | None = None,
) -> HTMLResponse:
    root = rooms.jobs.plans.root
    found: tuple[import_folder.Found, ...] = ()
    try:
        found = () if root is None else import_folder.inside(root, folder)
    except SkerryError as error:
        problem = problem or error
    said = plan.files if chosen is None else chosen
    return rooms.show(
        "onboarding_files", session, problem=problem,
        plan=plan, root=root, folder=folder, roles=ROLE_WORDS,
        folders=() if root is None else import_folder.folders(root),
        found=[(one, said.get(one.name, "" if said else guess(one))) for one in found],
        most=import_folder.MAX_FOUND, most_bytes=import_folder.MAX_UPLOAD_BYTES,
    )  # fmt: skip
