"""The node's pages of access requests, for who asks and for who decides: list, form, one, print.

Each page shows what the desk lets this person see and offers the steps it lets them take; nothing
here needs a script. An upload is a form too, capped at the doorway. Rules are `access`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData, UploadFile

from access.errors import NoSuchThing
from access.recipients import KeyState, Recipients
from access.requests.attachments import MAX_BYTES, Attachments
from access.requests.desk import RequestDesk
from access.requests.enquiries import Enquiries
from access.requests.lifecycle import OPEN_STATES, AccessRequest, Part, Step
from access.requests.routes import download
from access.requests.seen import Seen
from access.requests.views import by_whom, request_view
from gateway.pages import run_form
from gateway.pages.render import HEADERS, Pages, see
from gateway.pages.signin import Desk
from passports.sessions import Session
from portal.conditions import CONDITIONS
from portal.requests.extent_form import in_words as part_in_words
from portal.requests.purpose_form import (
    MAX_FIELDS,
    ORGANISATIONS,
    PURPOSES,
    filled,
    in_words,
    new_request,
    sent_back,
)
from schemas.errors import InvalidInput, SkerryError
from schemas.grants import NewRequest, PreCheck, StepBody
from schemas.messages import Message

_WITH_REASON = frozenset({Step.RETURN, Step.REJECT, Step.REVOKE})


@dataclass(frozen=True, slots=True)
class RequestOffice:
    """What the pages of requests share."""

    pages: Pages
    door: Desk
    desk: RequestDesk
    attachments: Attachments
    recipients: Recipients
    enquiries: Enquiries
    clock: Callable[[], int]

    def see(self, request_id: str, session: Session) -> Seen:
        return self.desk.see(request_id, viewer=session.signed_in.identity)

    def choices(self, session: Session) -> dict[str, object]:
        """What the form offers."""
        own = self.recipients.listed(owner=session.signed_in.identity)
        usable = [w for w in own if w.state is not KeyState.REVOKED and w.expires > self.clock()]
        return {
            "workspaces": usable,
            "purposes": PURPOSES,
            "organisations": ORGANISATIONS,
            "outputs": run_form.OUTPUTS,
            "many": False,  # one dataset, so its workspace is chosen in the form
        }


def build(office: RequestOffice, router: APIRouter) -> None:
    _add_lists(router, office)
    _add_forms(router, office)
    _add_one(router, office)
    _add_steps(router, office)
    _add_attachments(router, office)


def _add_lists(router: APIRouter, office: RequestOffice) -> None:
    @router.get("/requests", response_model=None)
    def listed(session: Annotated[Session, Depends(office.door.person)]) -> HTMLResponse:
        seen = office.desk.listed(session.signed_in.identity)
        facts: dict[str, object] = {
            "mine": [one.request for one in seen if one.part is not Part.COMMITTEE],
            "waiting": [one.request for one in seen if _waits_for_committee(one)],
            "others": [
                one.request
                for one in seen
                if one.part is Part.COMMITTEE and not _waits_for_committee(one)
            ],
            "committee_of": office.desk.committee_of(session.signed_in.identity),
            "datasets": office.desk.listed_datasets(),
            "identity": session.signed_in.identity,
            "enquiries": office.enquiries.listed(session.signed_in.identity),
        }
        return office.pages.show("node_requests.html", session=session, facts=facts)


def _waits_for_committee(seen: Seen) -> bool:
    return seen.part is Part.COMMITTEE and Step.APPROVE in seen.steps


def _add_forms(router: APIRouter, office: RequestOffice) -> None:
    @router.get("/requests/new", response_model=None)
    def blank(
        dataset: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> HTMLResponse:
        _refuse_unlisted(office, dataset)
        return _form(office, session, dataset=dataset, shown={})

    @router.post("/requests/new", response_model=None)
    async def make(
        request: Request, session: Annotated[Session, Depends(office.door.sender)]
    ) -> Response:
        fields = await _fields(request)
        dataset = (fields.get("dataset") or [""])[0]
        _refuse_unlisted(office, dataset)
        person, now = session.signed_in.identity, office.clock()
        try:
            form = new_request(fields).model_copy(update={"run": run_form.run_terms(fields)})
            if _asked_to_check(fields):
                return _checked(office, session, form, shown=_again(fields))
            made = office.desk.create(form, requester=person, now=now)
        except SkerryError as error:
            shown = _again(fields)
            return _form(office, session, dataset=dataset, shown=shown, problem=error)
        return see(f"/requests/{made.request_id}")

    @router.get("/requests/{request_id}/edit", response_model=None)
    def again(
        request_id: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> HTMLResponse:
        request = _editable(office, request_id, session)
        shown = filled(request.form) | run_form.filled(request.run)
        return _form(office, session, dataset=request.dataset, shown=shown)

    @router.post("/requests/{request_id}/edit", response_model=None)
    async def edit(
        request_id: str,
        request: Request,
        session: Annotated[Session, Depends(office.door.sender)],
    ) -> Response:
        before, fields = _editable(office, request_id, session), await _fields(request)
        person, now = session.signed_in.identity, office.clock()
        try:
            form = new_request({**fields, "dataset": [before.dataset]}, before=before.data_use)
            run = run_form.run_terms(fields, before=before.run)
            form = form.model_copy(update={"run": run})
            if _asked_to_check(fields):
                return _checked(office, session, form, shown=_again(fields))
            office.desk.edit(request_id, form, actor=person, now=now)
        except SkerryError as error:
            shown = _again(fields)
            return _form(office, session, dataset=before.dataset, shown=shown, problem=error)
        return see(f"/requests/{request_id}")


def _again(fields: Mapping[str, list[str]]) -> dict[str, object]:
    return sent_back(fields) | run_form.sent_back(fields)


def _refuse_unlisted(office: RequestOffice, dataset: str) -> None:
    """Here one is a name without visas, so only what anyone may know of can be asked for."""
    if dataset not in office.desk.listed_datasets():
        raise NoSuchThing(detail="form for a dataset that is not listed")


def _editable(office: RequestOffice, request_id: str, session: Session) -> AccessRequest:
    seen = office.see(request_id, session)
    if Step.EDIT not in seen.steps:
        raise InvalidInput(Message("This request can no longer be changed; look at it again."))
    return seen.request


def _checked(
    office: RequestOffice, session: Session, form: NewRequest, *, shown: Mapping[str, object]
) -> HTMLResponse:
    asked = PreCheck(dataset=form.dataset, months=form.months, data_use=form.data_use)
    person = session.signed_in.identity
    verdict = office.desk.judge(asked, requester=person, now=office.clock())
    return _form(office, session, dataset=form.dataset, shown=shown, verdict=verdict)


def _form(
    office: RequestOffice,
    session: Session,
    *,
    dataset: str,
    shown: Mapping[str, object],
    problem: SkerryError | None = None,
    verdict: object = None,
) -> HTMLResponse:
    facts: dict[str, object] = {
        "dataset": dataset,
        "filled": shown,
        "problem": "" if problem is None else problem.public,
        "verdict": verdict,
        "duo_names": CONDITIONS,
        **office.choices(session),
    }
    status = 200 if problem is None else problem.status
    return office.pages.show("node_request_form.html", session=session, facts=facts, status=status)


def _add_one(router: APIRouter, office: RequestOffice) -> None:
    @router.get("/requests/{request_id}", response_model=None)
    def one(
        request_id: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> HTMLResponse:
        seen = office.see(request_id, session)
        return office.pages.show("node_request.html", session=session, facts=_facts(office, seen))

    @router.get("/requests/{request_id}/print", response_model=None)
    def printed(
        request_id: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> HTMLResponse:
        seen = office.see(request_id, session)
        facts = _facts(office, seen) | {"printed": office.clock()}
        return office.pages.show("node_request_print.html", session=session, facts=facts)

    @router.get("/requests/{request_id}/export", response_model=None)
    def export(
        request_id: str, session: Annotated[Session, Depends(office.door.person)]
    ) -> Response:
        seen = office.see(request_id, session)
        view = request_view(seen, office.desk.verdict(seen.request, now=office.clock()))
        name = f'attachment; filename="{seen.request.request_id}.json"'
        return Response(
            view.model_dump_json(indent=1),
            media_type="application/json",
            headers=HEADERS | {"Content-Disposition": name},
        )


def _facts(office: RequestOffice, seen: Seen) -> dict[str, object]:
    request = seen.request
    return {
        "seen": seen,
        "request": request,
        "steps": seen.steps,
        "who": lambda event: by_whom(event, seen),
        "duo_names": CONDITIONS,
        "stated": list(in_words(request.data_use)),
        "part": list(part_in_words(request.extent)),
        "runs": [] if request.run is None else run_form.in_words(request.run).items(),
        "verdict": office.desk.verdict(request, now=office.clock()),
        "workspace": office.recipients.registration(request.workspace),
        "is_open": request.state in OPEN_STATES,
        "max_bytes": MAX_BYTES,
    }


def _add_steps(router: APIRouter, office: RequestOffice) -> None:
    @router.post("/requests/{request_id}", response_model=None)
    async def take(
        request_id: str,
        request: Request,
        session: Annotated[Session, Depends(office.door.sender)],
    ) -> RedirectResponse:
        fields = await _fields(request)
        step, body = _step_of(fields)
        person, now = session.signed_in.identity, office.clock()
        office.desk.take(request_id, step, body, actor=person, now=now)
        return see(f"/requests/{request_id}")


def _step_of(fields: Mapping[str, list[str]]) -> tuple[Step, StepBody]:
    """One form serves every button: what belongs to an approval means something there only."""
    said = {name: values[0].strip() for name, values in fields.items() if values}
    try:
        step = Step(said.get("step", ""))
    except ValueError as error:
        raise InvalidInput(Message("Choose what to do.")) from error
    sent: dict[str, object] = {"note": said.get("note", "")}
    if step in _WITH_REASON and not sent["note"]:
        raise InvalidInput(
            Message(
                "Write a reason for this step (%(step)s): the requester reads it.", step=str(step)
            )
        )
    if step in {Step.SUBMIT, Step.ACCEPT}:
        sent["terms"] = said.get("terms") or None
    if step is Step.APPROVE:
        sent["months"] = said.get("months") or None
        sent["until"] = said.get("until") or None
        sent["obligations"] = [one for one in said.get("obligations", "").splitlines() if one]
    try:
        return step, StepBody.model_validate(sent)
    except ValueError as error:
        raise InvalidInput(
            Message("One of the fields cannot be read; look at them again.")
        ) from error


def _add_attachments(router: APIRouter, office: RequestOffice) -> None:
    place = "/requests/{request_id}/attachments"

    @router.post(place, response_model=None)
    async def attach(
        request_id: str,
        request: Request,
        session: Annotated[Session, Depends(office.door.sender)],
    ) -> RedirectResponse:
        async with request.form(max_fields=2, max_files=1) as form:
            sent = form.get("file")
            if not isinstance(sent, UploadFile) or not sent.filename:
                raise InvalidInput(Message("Choose a file first."))
            body = await sent.read(MAX_BYTES + 1)
        person, now = session.signed_in.identity, office.clock()
        office.attachments.attach(request_id, sent.filename, body, actor=person, now=now)
        return see(f"/requests/{request_id}")

    @router.get(place + "/{attachment_id}", response_model=None)
    def read(
        request_id: str,
        attachment_id: str,
        session: Annotated[Session, Depends(office.door.person)],
    ) -> Response:
        person = session.signed_in.identity
        return download(*office.attachments.read(request_id, attachment_id, viewer=person))

    @router.post(place + "/{attachment_id}/remove", response_model=None)
    def detach(
        request_id: str,
        attachment_id: str,
        session: Annotated[Session, Depends(office.door.sender)],
    ) -> RedirectResponse:
        person, now = session.signed_in.identity, office.clock()
        office.attachments.detach(request_id, attachment_id, actor=person, now=now)
        return see(f"/requests/{request_id}")


async def _fields(request: Request) -> dict[str, list[str]]:
    form: FormData = await request.form(max_fields=MAX_FIELDS, max_files=0)
    return {name: [str(one) for one in form.getlist(name)] for name in form}


def _asked_to_check(fields: Mapping[str, list[str]]) -> bool:
    return fields.get("do") == ["check"]
