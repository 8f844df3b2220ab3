"""The JSON doors under /access: visas and workspaces; requests are `requests.routes`', decisions
`policies.routes`'.

GA4GH Passport 1.2.1 for visas, REMS' form for /access/permissions/{sub} (for the broker alone),
the visa keys at /.well-known/jwks.json (one lately retired included), and at /access/identity the
node's proof whose it is.
Handlers parse, call and shape; rules live elsewhere.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from access.caller import Caller, bearer
from access.errors import (
    NoSuchThing,
    NotTheBroker,
    NotYourStep,
    SignInNeeded,
)
from access.grants import JWKS_PATH, mint
from access.policies import routes as decision_routes
from access.policies.policy import PolicyBook
from access.recipients import NewKey, Recipients, Registration, SealChallenge
from access.record.audit import Record
from access.requests import routes as request_routes
from access.requests.attachments import Attachments
from access.requests.desk import RequestDesk
from access.store import Store
from passports.identity import CHALLENGE, IDENTITY_PATH, prove
from passports.researcher import Researcher
from passports.rotation import retired_keys
from passports.tokens import SigningKey
from schemas.grants import (
    Challenge,
    NewWorkspace,
    Proof,
    Visas,
    WorkspaceList,
    WorkspaceView,
)

MAX_SUB_CHARS = 255  # OpenID Connect Core 1.0, section 2
# A visa lives an hour; a node may be started again with its new key so long after the command.
RETIRED_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Counter:
    """What the handlers of one node share; built once by `build`."""

    store: Store
    recipients: Recipients
    book: PolicyBook
    visa_key: SigningKey
    rotations: tuple[str, ...]
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
    desk: RequestDesk,
    attachments: Attachments,
    rotations: tuple[str, ...] = (),
) -> APIRouter:
    """`broker_issuer` is whose subjects /access/permissions/{sub} speaks of: the same `sub` of
    another issuer is another person. `rotations` say how the node came to its visa key."""
    counter = Counter(store, recipients, book, visa_key, rotations, public_url, admins, clock)
    router = APIRouter()

    async def signed_in(who: Annotated[Researcher | None, Depends(caller)]) -> Researcher:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        return who

    _add_visa_routes(
        router, counter, signed_in, broker_secret=broker_secret, broker_issuer=broker_issuer
    )
    router.include_router(
        request_routes.build(
            desk=desk, attachments=attachments, book=book, signed_in=signed_in, clock=clock
        )
    )
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
    retired = retired_keys(counter.rotations)

    @router.get(JWKS_PATH)
    def visa_keys() -> dict[str, list[Mapping[str, object]]]:
        since = counter.clock() - RETIRED_SECONDS
        lately = [key for at, key in retired if at >= since]
        return {"keys": [{**counter.visa_key.public_jwk()}, *lately]}

    @router.get(IDENTITY_PATH)
    def identity(
        response: Response, challenge: Annotated[str, Query(pattern=CHALLENGE)]
    ) -> dict[str, object]:
        """Proves to anyone whose node this is."""
        response.headers["Cache-Control"] = "no-store"
        return prove(
            challenge,
            key=counter.visa_key,
            public_url=counter.public_url,
            now=counter.clock(),
            rotations=counter.rotations,
        )

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
            identity_key=bytes.fromhex(new.identity_key or ""),
            signature=bytes.fromhex(new.signature or ""),
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


def _workspace_view(found: Registration) -> WorkspaceView:
    return WorkspaceView(
        id=found.id,
        name=found.name,
        kind=found.kind,
        owner=found.owner,
        public_key=found.public_key.hex(),
        thumbprint=found.thumbprint,
        state=found.state,
        expires=found.expires,
    )
