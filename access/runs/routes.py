"""The JSON doors of runs and of the airlock: a workspace's, signed; a person's, with a Passport.

    POST /access/runs                                     asks for a start: signed, and a Passport
    POST /access/runs/{run}/{proof,standing,candidates}   signed by the workspace
    POST /access/runs/receipts                            signed; also after the run was ended here
    GET  /access/runs                                     of one's requests and committees; budgets
    GET, POST, DELETE /access/keys                        one's Crypt4GH public key
    GET  /access/airlock[/{output}]                       what one may see of the outputs
    POST /access/airlock/{output}/{approve,refuse,contest}
    GET  /access/airlock/{output}/{result,review}         sealed to the requester; for the committee
    GET  /access/airlock/{output}/shown                   in the clear, if the permit says `portal`

Handlers parse, call and shape; rules are `runs.starts`', `airlock.queue`'s and
`workspace_caller`'s.
"""

# Annotations are evaluated here and now: FastAPI reads dependencies that are local names.
import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from access.airlock.ledger import RunSpent
from access.airlock.life import AirlockStep, Candidate, CandidateState
from access.airlock.person_keys import PersonKeys, RegisteredKey
from access.airlock.queue import Airlock, SeenCandidate
from access.caller import Caller
from access.errors import NoSuchThing, SignInNeeded
from access.recipients import Workspace
from access.requests.lifecycle import NODE, Part
from access.runs.starts import Runs, Start
from access.runs.workspace_caller import WorkspaceCaller
from passports.researcher import Researcher
from schemas.errors import InvalidInput
from schemas.grants import Proof, SignedPermit
from schemas.runs import (
    CandidateEvent,
    CandidateList,
    CandidateStep,
    CandidateView,
    PersonKey,
    PersonKeyView,
    Phase,
    PrivacySpent,
    RunBudget,
    RunList,
    RunTerms,
    RunView,
    SealedResult,
    SignedReceipt,
    Spent,
    Standing,
    StartAsked,
    StartChallenge,
)

AskedStep = Literal[AirlockStep.APPROVE, AirlockStep.REFUSE, AirlockStep.CONTEST]
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class RunCounter:
    """What the handlers share; built once by the node."""

    runs: Runs
    airlock: Airlock
    keys: PersonKeys
    workspaces: WorkspaceCaller
    clock: Callable[[], int]


def build(counter: RunCounter, *, caller: Caller) -> APIRouter:
    router = APIRouter()

    async def signed_in(who: Annotated[Researcher | None, Depends(caller)]) -> Researcher:
        if who is None:
            raise SignInNeeded("Sign in first: this needs a passport.")
        return who

    async def signed(request: Request) -> Workspace:
        return (await _signed(counter, request)).workspace

    @router.post("/access/runs/receipts", status_code=204)
    async def wiped(request: Request) -> None:
        sent = await _signed(counter, request, ended_too=True)
        receipt = _receipt(sent.body)
        await run_sync(partial(counter.runs.close, receipt, workspace=sent.workspace))

    @router.post("/access/runs/{run_id}/candidates", status_code=201)
    async def offer(run_id: str, request: Request) -> CandidateView:
        """The body is the output, as `workspaces.airlock.candidates` has it."""
        sent = await _signed(counter, request)
        taken = partial(counter.airlock.offer, workspace=sent.workspace, now=counter.clock())
        return _plain_view(await run_sync(taken, run_id, sent.body))

    _add_starts(router, counter, signed_in=signed_in, signed=signed)
    _add_keys(router, counter, signed_in)
    _add_outputs(router, counter, signed_in)
    return router


@dataclass(frozen=True, slots=True)
class _Sent:
    workspace: Workspace
    body: bytes


async def _signed(counter: RunCounter, request: Request, *, ended_too: bool = False) -> _Sent:
    """A body is read once somebody known says that it is theirs; the doorway caps it."""
    headers = dict(request.headers)
    expected = await run_sync(partial(counter.workspaces.expect, headers, ended_too=ended_too))
    body = await request.body()
    path = request.url.path
    found = await run_sync(counter.workspaces.admit, expected, request.method, path, body)
    return _Sent(found, body)


def _receipt(body: bytes) -> SignedReceipt:
    try:
        return SignedReceipt.model_validate_json(body)
    except ValidationError as error:
        raise InvalidInput("Malformed: expected a signed receipt.") from error


SignedInOnly = Callable[..., object]


def _add_starts(
    router: APIRouter, counter: RunCounter, *, signed_in: SignedInOnly, signed: SignedInOnly
) -> None:
    @router.post("/access/runs", status_code=201)
    def ask(
        asked: StartAsked,
        workspace: Annotated[Workspace, Depends(signed)],
        who: Annotated[Researcher, Depends(signed_in)],
    ) -> StartChallenge:
        made = counter.runs.ask(asked, workspace=workspace, researcher=who, now=counter.clock())
        sealed = base64.b64encode(made.sealed).decode("ascii")
        return StartChallenge(run=made.run_id, challenge=sealed, expires=made.expires)

    @router.get("/access/runs")
    def listed(who: Annotated[Researcher, Depends(signed_in)]) -> RunList:
        """What all runs of each request have spent is told to those who see its runs."""
        starts = counter.airlock.starts(who.identity)
        budgets = counter.airlock.budgets(starts)
        return RunList(
            runs=tuple(run_view(one) for one in starts),
            budgets=tuple(
                budget_view(request.request_id, spent, terms=request.run)
                for request, spent in budgets
                if request.run is not None
            ),
        )

    @router.post("/access/runs/{run_id}/proof")
    def prove(
        run_id: str, proof: Proof, workspace: Annotated[Workspace, Depends(signed)]
    ) -> SignedPermit:
        answer = bytes.fromhex(proof.answer)
        return counter.runs.prove(run_id, answer, workspace=workspace, now=counter.clock())

    @router.post("/access/runs/{run_id}/standing")
    def standing(
        run_id: str, said: Phase, workspace: Annotated[Workspace, Depends(signed)]
    ) -> Standing:
        return counter.runs.standing(run_id, said, workspace=workspace, now=counter.clock())


def _add_keys(router: APIRouter, counter: RunCounter, signed_in: SignedInOnly) -> None:
    @router.post("/access/keys")
    def register(key: PersonKey, who: Annotated[Researcher, Depends(signed_in)]) -> PersonKeyView:
        raw = bytes.fromhex(key.public_key)
        return _key_view(counter.keys.register(who.identity, raw, now=counter.clock()))

    @router.get("/access/keys")
    def registered(who: Annotated[Researcher, Depends(signed_in)]) -> PersonKeyView:
        found = counter.keys.of(who.identity)
        if found is None:
            raise NoSuchThing(detail="no key registered")
        return _key_view(found)

    @router.delete("/access/keys", status_code=204)
    def forget(who: Annotated[Researcher, Depends(signed_in)]) -> None:
        counter.keys.forget(who.identity)


def _add_outputs(router: APIRouter, counter: RunCounter, signed_in: SignedInOnly) -> None:
    airlock = counter.airlock

    @router.get("/access/airlock")
    def listed(who: Annotated[Researcher, Depends(signed_in)]) -> CandidateList:
        """Without events: those come with the one."""
        found = airlock.listed(who.identity)
        return CandidateList(candidates=tuple(_view(one) for one in found))

    @router.get("/access/airlock/{candidate_id}")
    def one(candidate_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> CandidateView:
        return _view(airlock.see(candidate_id, viewer=who.identity))

    @router.post("/access/airlock/{candidate_id}/{step}")
    def take(
        candidate_id: str,
        step: AskedStep,
        said: CandidateStep,
        who: Annotated[Researcher, Depends(signed_in)],
    ) -> CandidateView:
        now = counter.clock()
        return _view(airlock.take_step(candidate_id, step, said.note, actor=who.identity, now=now))

    @router.get("/access/airlock/{candidate_id}/result")
    def result(
        candidate_id: str, response: Response, who: Annotated[Researcher, Depends(signed_in)]
    ) -> SealedResult:
        response.headers.update(_NO_STORE)
        found = airlock.result(candidate_id, viewer=who.identity, now=counter.clock())
        manifest, signature, sealed = found
        return SealedResult(
            manifest=manifest,
            signature=signature,
            sealed=base64.b64encode(sealed).decode("ascii"),
        )

    @router.get("/access/airlock/{candidate_id}/shown")
    def shown(candidate_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> Response:
        media_type, content = airlock.shown(candidate_id, viewer=who.identity)
        return Response(content, media_type=media_type, headers=_SANDBOXED)

    @router.get("/access/airlock/{candidate_id}/review")
    def to_review(candidate_id: str, who: Annotated[Researcher, Depends(signed_in)]) -> Response:
        content = airlock.to_review(candidate_id, viewer=who.identity)
        return Response(content, media_type="application/octet-stream", headers=_DOWNLOAD)


_SANDBOXED = _NO_STORE | {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
_DOWNLOAD = _SANDBOXED | {"Content-Disposition": "attachment; filename=output.json"}


def run_view(start: Start) -> RunView:
    return RunView(
        id=start.run_id,
        request=start.request.request_id,
        dataset=start.asked.dataset,
        workspace=start.workspace,
        application=start.asked.application,
        state=start.state,
        phase=start.phase,
        evidence=start.asked.evidence,
        created=start.created,
        expires=start.expires,
        seen=start.seen,
        receipt=start.receipt,
    )


def budget_view(request_id: str, spent: RunSpent, *, terms: RunTerms) -> RunBudget:
    privacy = None
    if terms.privacy is not None:
        privacy = PrivacySpent(
            spent=spent.epsilon,
            of=terms.privacy.epsilon,
            delta=terms.privacy.delta,
            tables=spent.tables,
        )
    return RunBudget(
        request=request_id,
        releases=Spent(spent=spent.releases, of=terms.releases),
        bytes=Spent(spent=spent.bytes, of=terms.release_bytes),
        privacy=privacy,
    )


def by_whom(actor: str, seen: SeenCandidate) -> str:
    """To those whom an output is for, the committee is one body without names."""
    if seen.part is Part.COMMITTEE or actor == NODE:
        return actor
    asks = actor == seen.request.requester or actor in seen.request.members
    return "requester" if asks else "committee"


def _view(seen: SeenCandidate) -> CandidateView:
    found = seen.candidate
    hidden: dict[str, object] = {}
    if seen.part is not Part.COMMITTEE:
        hidden["sha256"] = None
        if found.state is not CandidateState.RELEASED:
            hidden["released_sha256"] = None
    return _plain_view(found).model_copy(
        update={
            **hidden,
            "steps": tuple(map(str, seen.steps)),
            "events": tuple(
                CandidateEvent(at=e.at, step=e.step, by=by_whom(e.actor, seen), note=e.note)
                for e in found.events
            ),
        }
    )


def _plain_view(found: Candidate) -> CandidateView:
    return CandidateView(
        id=found.candidate_id,
        run=found.run_id,
        dataset=found.dataset,
        kind=found.kind,
        state=found.state,
        offered=found.offered,
        size=found.size,
        sha256=found.sha256,
        released_sha256=found.released_sha256,
        reasons=found.reasons,
    )


def _key_view(found: RegisteredKey) -> PersonKeyView:
    return PersonKeyView(
        public_key=found.public_key.hex(),
        thumbprint=found.thumbprint,
        registered=found.registered,
    )
