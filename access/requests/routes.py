"""The JSON doors of access requests: make, list, read, export, check, and one door per step.

Handlers parse, call and shape; every rule is the desk's (`requests.desk`).
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Depends, Response

from access.errors import NoSuchThing, StepNotPossible
from access.policies.policy import PolicyBook
from access.requests.attachments import Attachments
from access.requests.desk import RequestDesk
from access.requests.lifecycle import Step
from access.requests.seen import Seen
from access.requests.views import request_view
from passports.researcher import Researcher
from schemas.data_use import VerdictView
from schemas.grants import (
    Asking,
    AttachmentView,
    NewRequest,
    PreCheck,
    RequestList,
    RequestView,
    StepBody,
)

SignedInOnly = Callable[..., object]
# What people ask for by name; the other steps are taken by doors of their own, or by the node.
AskedStep = Literal[
    Step.SUBMIT, Step.ACCEPT, Step.RETURN, Step.APPROVE, Step.REJECT, Step.REVOKE, Step.CLOSE
]


def build(
    *,
    desk: RequestDesk,
    attachments: Attachments,
    book: PolicyBook,
    signed_in: SignedInOnly,
    clock: Callable[[], int],
) -> APIRouter:
    counter = _Counter(desk, book, clock)
    router = APIRouter()
    _add_making(router, counter, signed_in)
    _add_reading(router, counter, signed_in)
    _add_steps(router, counter, signed_in)
    _add_attachments(router, counter, signed_in, attachments=attachments)
    return router


@dataclass(frozen=True, slots=True)
class _Counter:
    desk: RequestDesk
    book: PolicyBook
    clock: Callable[[], int]

    def shown(self, seen: Seen) -> RequestView:
        return request_view(seen, self.desk.verdict(seen.request, now=self.clock()))

    def refuse_unknown(self, who: Researcher, dataset: str) -> None:
        if not self.book.may_know(who, dataset, now=self.clock()):
            raise NoSuchThing(detail="request for a dataset that may not be known")


def _add_making(router: APIRouter, counter: _Counter, signed_in: SignedInOnly) -> None:
    desk = counter.desk

    @router.post("/access/requests", status_code=201)
    def create(new: NewRequest, who: Annotated[Researcher, Depends(signed_in)]) -> RequestView:
        counter.refuse_unknown(who, new.dataset)
        made = desk.create(new, requester=who.identity, now=counter.clock())
        return counter.shown(desk.see(made.request_id, viewer=who.identity))

    @router.get("/access/asking")
    def asking(dataset: str, who: Annotated[Researcher, Depends(signed_in)]) -> Asking:
        counter.refuse_unknown(who, dataset)
        return desk.asking(dataset)

    @router.post("/access/requests/check")
    def pre_check(asked: PreCheck, who: Annotated[Researcher, Depends(signed_in)]) -> VerdictView:
        counter.refuse_unknown(who, asked.dataset)
        return desk.judge(asked, requester=who.identity, now=counter.clock())


def _add_reading(router: APIRouter, counter: _Counter, signed_in: SignedInOnly) -> None:
    desk = counter.desk

    @router.get("/access/requests")
    def listed(who: Annotated[Researcher, Depends(signed_in)]) -> RequestList:
        """Without events, grants and verdicts: those come with the one."""
        return RequestList(requests=tuple(request_view(one) for one in desk.listed(who.identity)))

    @router.get("/access/requests/{request_id}")
    def one(request_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> RequestView:
        return counter.shown(desk.see(request_id, viewer=who.identity))

    @router.get("/access/requests/{request_id}/export")
    def export(
        request_id: str, response: Response, who: Annotated[Researcher, Depends(signed_in)]
    ) -> RequestView:
        seen = desk.see(request_id, viewer=who.identity)
        name = f"{seen.request.request_id}.json"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "no-store"
        return counter.shown(seen)

    @router.get("/access/requests/{request_id}/check")
    def check_again(request_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> VerdictView:
        seen = desk.see(request_id, viewer=who.identity)
        verdict = desk.verdict(seen.request, now=counter.clock())
        if verdict is None:
            raise StepNotPossible("The request is decided: there is nothing left to check.")
        return verdict


def _add_steps(router: APIRouter, counter: _Counter, signed_in: SignedInOnly) -> None:
    desk = counter.desk

    @router.put("/access/requests/{request_id}")
    def edit(
        request_id: str, form: NewRequest, who: Annotated[Researcher, Depends(signed_in)]
    ) -> RequestView:
        return counter.shown(desk.edit(request_id, form, actor=who.identity, now=counter.clock()))

    @router.post("/access/requests/{request_id}/{step}")
    def take(
        request_id: str,
        step: AskedStep,
        who: Annotated[Researcher, Depends(signed_in)],
        body: StepBody | None = None,
    ) -> RequestView:
        given = body or StepBody()
        return counter.shown(
            desk.take(request_id, step, given, actor=who.identity, now=counter.clock())
        )


def _add_attachments(
    router: APIRouter, counter: _Counter, signed_in: SignedInOnly, *, attachments: Attachments
) -> None:
    place = "/access/requests/{request_id}/attachments"

    @router.put(place + "/{name}", status_code=201)
    def attach(
        request_id: str,
        name: str,
        who: Annotated[Researcher, Depends(signed_in)],
        body: Annotated[bytes, Body(media_type="application/octet-stream")],
    ) -> AttachmentView:
        """The body is the file."""
        now = counter.clock()
        return attachments.attach(request_id, name, body, actor=who.identity, now=now)

    @router.get(place + "/{attachment_id}")
    def read(
        request_id: str, attachment_id: str, who: Annotated[Researcher, Depends(signed_in)]
    ) -> Response:
        return download(*attachments.read(request_id, attachment_id, viewer=who.identity))

    @router.delete(place + "/{attachment_id}", status_code=204)
    def detach(
        request_id: str, attachment_id: str, who: Annotated[Researcher, Depends(signed_in)]
    ) -> None:
        attachments.detach(request_id, attachment_id, actor=who.identity, now=counter.clock())


def download(about: AttachmentView, body: bytes) -> Response:
    """To be kept, never shown within the node's own origin (RFC 6266, RFC 8187)."""
    return Response(
        body,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(about.name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )
