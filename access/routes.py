"""The JSON doors under /access: requests, visas and workspaces; decisions are `decision_routes`'.

GA4GH Passport 1.2.1 for visas, REMS' form for /access/permissions/{sub} (for the broker alone),
and the visa keys at /.well-known/jwks.json. Handlers parse, call and shape; rules live elsewhere.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from access import decision_routes
from access.audit import Record
from access.caller import Caller, bearer
from access.errors import (
    NoSuchThing,
    NotTheBroker,
    NotYourStep,
    SignInNeeded,
    StepNotPossible,
)
from access.grants import JWKS_PATH, mint
from access.lifecycle import AccessRequest, Event, Part, Step
from access.policy import PolicyBook
from access.purpose_check import PurposeCheck
from access.recipients import NewKey, Recipients, Registration, SealChallenge
from access.requests import RequestDesk, Seen
from access.store import IssuedGrant, Store
from passports.passport import Researcher
from passports.tokens import SigningKey
from schemas.data_use import VerdictView
from schemas.grants import (
    Challenge,
    EventView,
    GrantView,
    NewRequest,
    NewWorkspace,
    PreCheck,
    Proof,
    RequestList,
    RequestView,
    StepBody,
    Visas,
    WorkspaceList,
    WorkspaceView,
)

MAX_SUB_CHARS = 255  # OpenID Connect Core 1.0, section 2


@dataclass(frozen=True, slots=True)
class Counter:
    """What the handlers of one node share; built once by `build`."""

    store: Store
    recipients: Recipients
    book: PolicyBook
    desk: RequestDesk
    visa_key: SigningKey
    public_url: str
    admins: tuple[str, ...]
    clock: Callable[[], int]

    def visas(self, identity: str, subject: str) -> Visas:
        now = self.clock()
        minted = mint(
            self.store.active_grants(identity, now=now),
            subject=subject,
            book=self.book,
            public_url=self.public_url,
            key=self.visa_key,
            now=now,
        )
        return Visas(ga4gh_passport_v1=minted)


def build(
    *,
    store: Store,
    recipients: Recipients,
    book: PolicyBook,
    record: Record,
    visa_key: SigningKey,
    public_url: str,
    caller: Caller,
    broker_secret: str,
    broker_issuer: str,
    admins: tuple[str, ...],
    clock: Callable[[], int],
    seal_challenge: SealChallenge,
    check: PurposeCheck,
) -> APIRouter:
    """`broker_issuer` is whose subjects /access/permissions/{sub} speaks of: the same `sub` of
    another issuer is another person."""
    desk = RequestDesk(store, recipients=recipients, book=book, record=record, check=check)
    counter = Counter(store, recipients, book, desk, visa_key, public_url, admins, clock)
    router = APIRouter()

    async def signed_in(who: Annotated[Researcher | None, Depends(caller)]) -> Researcher:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        return who

    _add_visa_routes(
        router, counter, signed_in, broker_secret=broker_secret, broker_issuer=broker_issuer
    )
    _add_request_routes(router, counter, signed_in)
    _add_check_routes(router, counter, signed_in)
    _add_workspace_routes(router, counter, signed_in, seal_challenge=seal_challenge)
    router.include_router(
        decision_routes.build(book=book, record=record, caller=caller, admins=admins, clock=clock)
    )
    return router


SignedInOnly = Callable[..., object]


def _add_visa_routes(
    router: APIRouter,
    counter: Counter,
    signed_in: SignedInOnly,
    *,
    broker_secret: str,
    broker_issuer: str,
) -> None:
    @router.get(JWKS_PATH)
    def visa_keys() -> dict[str, list[dict[str, str]]]:
        return {"keys": [counter.visa_key.public_jwk()]}

    @router.get("/access/permissions/{sub:path}")
    def permissions(sub: str, request: Request, response: Response) -> Visas:
        _refuse_other_than_broker(bearer(request), broker_secret)
        if not 0 < len(sub) <= MAX_SUB_CHARS:
            raise NoSuchThing(detail="subject longer than OpenID allows")
        response.headers["Cache-Control"] = "no-store"
        return counter.visas(f"{sub}@{broker_issuer}", sub)

    @router.get("/access/visas")
    def own_visas(response: Response, who: Annotated[Researcher, Depends(signed_in)]) -> Visas:
        response.headers["Cache-Control"] = "no-store"
        return counter.visas(who.identity, who.subject)


def _refuse_other_than_broker(raw_secret: str | None, broker_secret: str) -> None:
    # An empty setting must not become a secret that everyone knows.
    given = (raw_secret or "").encode()
    if not broker_secret or not hmac.compare_digest(given, broker_secret.encode()):
        raise NotTheBroker("This address answers the sign-in broker only.")


def _add_request_routes(router: APIRouter, counter: Counter, signed_in: SignedInOnly) -> None:
    desk = counter.desk

    def shown(seen: Seen) -> RequestView:
        return _request_view(seen, desk.verdict(seen.request, now=counter.clock()))

    @router.post("/access/requests", status_code=201)
    def create(new: NewRequest, who: Annotated[Researcher, Depends(signed_in)]) -> RequestView:
        now = counter.clock()
        if not counter.book.may_know(who, new.dataset, now=now):
            raise NoSuchThing(detail="request for a dataset that may not be known")
        made = desk.create(new, requester=who.identity, now=now)
        return shown(desk.see(made.request_id, viewer=who.identity))

    @router.get("/access/requests")
    def listed(who: Annotated[Researcher, Depends(signed_in)]) -> RequestList:
        own = desk.own(who.identity)
        mine = {request.request_id for request in own}
        others = [r for r in desk.for_committee(who.identity) if r.request_id not in mine]
        views = [_request_view(Seen(r, Part.REQUESTER, None)) for r in own]
        views += [_request_view(Seen(r, Part.COMMITTEE, None)) for r in others]
        return RequestList(requests=tuple(views))

    @router.get("/access/requests/{request_id}")
    def one(request_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> RequestView:
        return shown(desk.see(request_id, viewer=who.identity))

    @router.post("/access/requests/{request_id}/{step}")
    def take(
        request_id: str,
        step: Step,
        who: Annotated[Researcher, Depends(signed_in)],
        body: StepBody | None = None,
    ) -> RequestView:
        now = counter.clock()
        after = desk.take(request_id, step, body or StepBody(), actor=who.identity, now=now)
        return shown(after)


def _add_check_routes(router: APIRouter, counter: Counter, signed_in: SignedInOnly) -> None:
    """What the conditions of data use say to a request, before it is sent and while it waits."""
    desk = counter.desk

    @router.post("/access/requests/check")
    def pre_check(asked: PreCheck, who: Annotated[Researcher, Depends(signed_in)]) -> VerdictView:
        now = counter.clock()
        if not counter.book.may_know(who, asked.dataset, now=now):
            raise NoSuchThing(detail="pre-check for a dataset that may not be known")
        return desk.judge(asked, requester=who.identity, now=now)

    @router.get("/access/requests/{request_id}/check")
    def check_again(request_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> VerdictView:
        seen = desk.see(request_id, viewer=who.identity)
        verdict = desk.verdict(seen.request, now=counter.clock())
        if verdict is None:
            raise StepNotPossible("The request is decided: there is nothing left to check.")
        return verdict


def _add_workspace_routes(
    router: APIRouter,
    counter: Counter,
    signed_in: SignedInOnly,
    *,
    seal_challenge: SealChallenge,
) -> None:
    recipients = counter.recipients

    @router.post("/access/workspaces", status_code=201)
    def register(new: NewWorkspace, who: Annotated[Researcher, Depends(signed_in)]) -> Challenge:
        key = NewKey(
            name=new.name,
            public_key=bytes.fromhex(new.public_key),
            identity_key=bytes.fromhex(new.identity_key),
            signature=bytes.fromhex(new.signature),
        )
        made = recipients.register(
            key,
            owner=who.identity,
            audience=counter.public_url,
            seal=seal_challenge,
            now=counter.clock(),
        )
        sealed = base64.b64encode(made.sealed).decode("ascii")
        return Challenge(id=made.workspace_id, challenge=sealed, expires=made.expires)

    @router.get("/access/workspaces")
    def listed(who: Annotated[Researcher, Depends(signed_in)]) -> WorkspaceList:
        owner = None if who.identity in counter.admins else who.identity
        found = recipients.listed(owner=owner)
        return WorkspaceList(workspaces=tuple(_workspace_view(one) for one in found))

    @router.get("/access/workspaces/{workspace_id}")
    def one(workspace_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> WorkspaceView:
        found = recipients.registration(workspace_id)
        if found is None or who.identity not in {found.owner, *counter.admins}:
            raise NoSuchThing(detail="workspace unknown or of others")
        return _workspace_view(found)

    @router.post("/access/workspaces/{workspace_id}/proof")
    def prove(
        workspace_id: str, proof: Proof, who: Annotated[Researcher, Depends(signed_in)]
    ) -> WorkspaceView:
        answer = bytes.fromhex(proof.answer)
        return _workspace_view(
            recipients.prove(workspace_id, answer, owner=who.identity, now=counter.clock())
        )

    @router.post("/access/workspaces/{workspace_id}/confirm")
    def confirm(workspace_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> WorkspaceView:
        found = recipients.registration(workspace_id)
        if who.identity not in counter.admins:
            if found is not None and found.owner == who.identity:
                raise NotYourStep("A node admin confirms whose key this is.")
            raise NoSuchThing(detail="confirmation by someone who is no admin")
        return _workspace_view(
            recipients.confirm(workspace_id, admin=who.identity, now=counter.clock())
        )

    @router.post("/access/workspaces/{workspace_id}/revoke")
    def revoke(workspace_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> WorkspaceView:
        is_admin = who.identity in counter.admins
        return _workspace_view(recipients.revoke(workspace_id, by=who.identity, is_admin=is_admin))


def _request_view(seen: Seen, verdict: VerdictView | None = None) -> RequestView:
    request, grant = seen.request, seen.grant
    return RequestView(
        id=request.request_id,
        dataset=request.dataset,
        project=request.project,
        purpose=request.purpose,
        workspace=request.workspace,
        months=request.months,
        state=request.state,
        requester=request.requester,
        created=request.created,
        updated=request.updated,
        events=tuple(_event_view(event, request, seen.part) for event in request.events),
        grant=None if grant is None else _grant_view(grant),
        data_use=request.data_use,
        verdict=verdict,
    )


def _event_view(event: Event, request: AccessRequest, viewer: Part) -> EventView:
    by = event.actor
    if viewer is Part.REQUESTER:
        by = Part.REQUESTER if event.actor == request.requester else Part.COMMITTEE
    return EventView(at=event.at, step=event.step, by=by, note=event.note)


def _grant_view(grant: IssuedGrant) -> GrantView:
    return GrantView(
        id=grant.grant_id,
        dataset=grant.dataset,
        workspace=grant.workspace,
        issued=grant.issued,
        expires=grant.expires,
        revoked=grant.revoked is not None,
        obligations=grant.obligations,
    )


def _workspace_view(found: Registration) -> WorkspaceView:
    return WorkspaceView(
        id=found.id,
        name=found.name,
        owner=found.owner,
        public_key=found.public_key.hex(),
        thumbprint=found.thumbprint,
        state=found.state,
        expires=found.expires,
    )
