"""Starts of workspaces: asked for, proven, permitted, looked after, closed; the node's own word.

A start names the key made for it, what it will run and with whom. It is permitted under a grant
whose request has approved terms (`runs.rules`), once the workspace has opened a challenge sealed to
the new key; from then on data is sealed to that key and to no other of the workspace, until the
start is closed. Grant, request, workspace, policy and data are looked up at every poll (the last
two by `runs.footing`). No approval is asked for twice: a new start under the same grant needs none.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import update
from sqlmodel import Session, col, select

from access.errors import NoSuchThing, ProofRefused, RunRefused, SignatureRefused, StepNotPossible
from access.keys import check_public_key
from access.policies.policy import Action, PolicyBook
from access.recipients import CHALLENGE_SECONDS, SealChallenge, Workspace
from access.record.audit import Record
from access.requests.lifecycle import AccessRequest, State
from access.rows import IssuedGrant
from access.runs import footing as run_footing
from access.runs.footing import Footing
from access.runs.rules import SIGNED_AS, Intent, against
from access.runs.tables import StartRow
from access.store import Store
from passports.researcher import Researcher
from schemas import challenge
from schemas.challenge import ChallengeText
from schemas.grants import Permit, SignedPermit
from schemas.runs import Phase, RunClause, RunTerms, SignedReceipt, Standing, StartAsked

MAX_LISTED = 200


class StartState(StrEnum):
    ASKED = "asked"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Start:
    """One start as it is kept; `terms` are those of its request, `phase` what it said last."""

    run_id: str
    workspace: str
    grant_id: str
    request: AccessRequest
    asked: StartAsked
    state: StartState
    created: int
    expires: int
    seen: int
    phase: str
    receipt: SignedReceipt | None
    footing: str

    @property
    def terms(self) -> RunTerms:
        if self.request.run is None:
            raise RunRefused("request_without_run")
        return self.request.run


@dataclass(frozen=True, slots=True)
class AskedStart:
    """The challenge of a start, sealed to its key."""

    run_id: str
    sealed: bytes
    expires: int


class Runs:
    """All starts at one node; `data` names a dataset's people and records as they stand. Methods
    block."""

    def __init__(
        self,
        store: Store,
        *,
        book: PolicyBook,
        record: Record,
        signing_key: Ed25519PrivateKey,
        audience: str,
        seal: SealChallenge,
        data: Callable[[str], str],
    ) -> None:
        self._store = store
        self._book = book
        self._record = record
        self._key = signing_key
        self._audience = audience
        self._seal = seal
        self._data = data

    def ask(
        self, asked: StartAsked, *, workspace: Workspace, researcher: Researcher, now: int
    ) -> AskedStart:
        """Raises RunRefused with every reason, and WorkspaceKeyInvalid; all of it is recorded."""
        public_key = bytes.fromhex(asked.public_key)
        check_public_key(public_key)
        footing = Footing.of(self._book.policy(asked.dataset), self._data(asked.dataset))
        grant, request, reasons = self._found(asked, workspace, researcher, now=now)
        if grant is None or request is None or reasons:
            self._refuse(asked, workspace, researcher, reasons=reasons or ("no_grant",))
        text = ChallengeText(
            audience=self._audience,
            workspace_key=hashlib.sha256(public_key).hexdigest(),
            nonce=secrets.token_hex(32),
        ).sealed_bytes()
        row = StartRow(
            run_id=f"run-{secrets.token_hex(16)}",
            workspace_id=workspace.id,
            grant_id=grant.grant_id,
            request_id=request.request_id,
            dataset=asked.dataset,
            public_key=asked.public_key,
            asked=asked.model_dump_json(),
            footing=footing.text(),
            state=StartState.ASKED,
            challenge_digest=hashlib.sha256(challenge.answer(text)).hexdigest(),
            challenge_expires=now + CHALLENGE_SECONDS,
            created=now,
            expires=min(grant.expires, workspace.expires, now + _terms(request).seconds),
            seen=now,
            phase="asked",
        )
        run_id, sealed = row.run_id, self._seal(public_key, text)
        facts: dict[str, object] = {
            "by": self._record.pseudonym(researcher.identity),
            "request": request.request_id,
            "application": asked.application,
            "environment": asked.evidence.environment,
            "sandbox": asked.evidence.sandbox or "none: nothing confines it",
            "kernel": asked.evidence.kernel,
            "boot": asked.evidence.boot,
            "recipient": hashlib.sha256(public_key).hexdigest(),
        }
        with self._store.writing() as session:
            session.add(row)
            session.flush()
            self._note("asked", run_id, asked.dataset, workspace.id, facts)
        return AskedStart(run_id, sealed, now + CHALLENGE_SECONDS)

    def prove(self, run_id: str, answer: bytes, *, workspace: Workspace, now: int) -> SignedPermit:
        """Activates the start, ends the workspace's others, and gives its permit. Raises
        ProofRefused for a wrong or late answer."""
        with self._store.writing() as session:
            row = _own(session, run_id, workspace.id)
            if row.state != StartState.ASKED:
                raise StepNotPossible("This start was proven before, or is over.")
            given = hashlib.sha256(answer).hexdigest()
            right = hmac.compare_digest(given, row.challenge_digest)
            if not right or now >= row.challenge_expires:
                raise ProofRefused("The answer is not the challenge's, or it came too late.")
            session.exec(
                update(StartRow)
                .where(col(StartRow.workspace_id) == workspace.id)
                .where(col(StartRow.state) == StartState.ACTIVE)
                .values(state=StartState.CLOSED, phase="replaced")
            )
            row.state, row.seen, row.phase = StartState.ACTIVE, now, "active"
            session.add(row)
            session.flush()
            start = self._start(row)
            permit = self._permit(start, now=now)
            facts: dict[str, object] = {"permit": permit.permit_id, "expires": permit.expires}
            self._note("permitted", run_id, row.dataset, workspace.id, facts)
        signature = self._key.sign(SIGNED_AS + permit.signed_bytes()).hex()
        return SignedPermit(permit=permit, signature=signature)

    def standing(self, run_id: str, said: Phase, *, workspace: Workspace, now: int) -> Standing:
        """What a poll is answered. Raises RunRefused where the run must stop: then it is closed
        here too, and nothing more is sealed to its key."""
        start = self.active(run_id, workspace=workspace, now=now)
        with self._store.writing() as session:
            row = _own(session, run_id, workspace.id)
            if row.state != StartState.ACTIVE:  # closed since `active` looked
                raise RunRefused("run_closed")
            changed = (row.phase, row.engine_key) != (said.phase, said.engine_key)
            row.seen, row.phase, row.engine_key = now, said.phase, said.engine_key
            session.add(row)
            session.flush()
            if changed:
                facts: dict[str, object] = {"phase": said.phase, "engine_key": said.engine_key}
                self._note("phase", run_id, row.dataset, workspace.id, facts)
        return Standing(run=run_id, expires=start.expires)

    def active(self, run_id: str, *, workspace: Workspace, now: int) -> Start:
        """The start, if it may go on now. Raises RunRefused, and closes it."""
        start = self.of(run_id, workspace=workspace)
        reasons = self._ended(start, now=now)
        if reasons and start.state is StartState.ACTIVE:
            with self._store.writing() as session:
                row = _own(session, run_id, workspace.id)
                row.state, row.phase = StartState.CLOSED, reasons[0]
                session.add(row)
                session.flush()
                facts: dict[str, object] = {"reasons": list(reasons)}
                self._note("ended", run_id, row.dataset, workspace.id, facts)
        if reasons:
            raise RunRefused(*reasons)
        return start

    def close(self, signed: SignedReceipt, *, workspace: Workspace) -> None:
        """Keeps the receipt of a wipe and ends the start, if it is not over yet; a receipt given
        before is not replaced. Raises SignatureRefused for one that the identity did not sign."""
        receipt = signed.receipt
        try:
            key = Ed25519PublicKey.from_public_bytes(workspace.identity_key)
            key.verify(bytes.fromhex(signed.signature), receipt.signed_bytes())
        except (ValueError, InvalidSignature) as error:
            raise SignatureRefused(detail="receipt of a wipe") from error
        if (receipt.workspace, receipt.node) != (workspace.id, self._audience):
            raise SignatureRefused(detail="receipt of another workspace or node")
        with self._store.writing() as session:
            row = _own(session, receipt.run, workspace.id)
            if row.receipt is not None:
                raise StepNotPossible("The receipt of this start was given before.")
            if row.state != StartState.CLOSED:
                row.phase = receipt.outcome
            row.state, row.receipt = StartState.CLOSED, signed.model_dump_json()
            session.add(row)
            session.flush()
            facts: dict[str, object] = {
                "outcome": receipt.outcome,
                "receipt": hashlib.sha256(receipt.signed_bytes()).hexdigest(),
                "signature": signed.signature,
            }
            self._note("wiped", receipt.run, row.dataset, workspace.id, facts)

    def of(self, run_id: str, *, workspace: Workspace) -> Start:
        with self._store.reading() as session:
            return self._start(_own(session, run_id, workspace.id))

    def of_requests(self, requests: tuple[str, ...]) -> tuple[Start, ...]:
        """Newest first; who may see them is the caller's to know."""
        query = select(StartRow).where(col(StartRow.request_id).in_(requests))
        with self._store.reading() as session:
            rows = session.exec(query.order_by(col(StartRow.created).desc()).limit(MAX_LISTED))
            return tuple(self._start(row) for row in rows)

    # Rules

    def _found(
        self, asked: StartAsked, workspace: Workspace, researcher: Researcher, *, now: int
    ) -> tuple[IssuedGrant | None, AccessRequest | None, tuple[str, ...]]:
        """The first of the person's grants for this workspace that covers it; else of one that
        does not, with the reasons."""
        decision = self._book.decide(researcher, asked.dataset, Action.TRAIN, now=now)
        if not decision.allowed:
            return None, None, tuple(reason.code for reason in decision.reasons) or ("denied",)
        if decision.workspaces and workspace.id not in decision.workspaces:
            return None, None, ("workspace_not_named",)
        intent = Intent(
            application=asked.application,
            environment=asked.evidence.environment,
            roster=frozenset(asked.roster),
            site=hashlib.sha256(workspace.identity_key).hexdigest(),
            confined=asked.evidence.sandbox is not None,
        )
        policy = self._book.policy(asked.dataset)
        if not intent.confined and (policy is None or not policy.unconfined_trials):
            return None, None, ("trials_not_allowed",)
        held = self._store.active_grants(researcher.identity, now=now)
        nearest: tuple[IssuedGrant | None, AccessRequest | None, tuple[str, ...]]
        nearest = None, None, ("no_grant",)
        for grant in held:
            if (grant.dataset, grant.workspace) != (asked.dataset, workspace.id):
                continue
            request = self._store.request(grant.request_id)
            if request is None or request.run is None:
                nearest = grant, request, ("request_without_run",)
                continue
            reasons = against(request.run, intent)
            if not reasons:
                return grant, request, ()
            nearest = grant, request, reasons
        return nearest

    def _ended(self, start: Start, *, now: int) -> tuple[str, ...]:
        grant = self._store.grant(start.grant_id)
        speaks = {
            "run_closed": start.state is not StartState.ACTIVE,
            "run_expired": now >= start.expires,
            "grant_ended": grant is None or grant.revoked is not None or now >= grant.expires,
            "request_ended": start.request.state is not State.APPROVED,
        }
        return (
            *(code for code, holds in speaks.items() if holds),
            *run_footing.gone(
                self._book.policy(start.asked.dataset),
                identity="" if grant is None else grant.identity,
                workspace=start.workspace,
                then=start.footing,
                data=self._data(start.asked.dataset),
                now=now,
            ),
        )

    def _permit(self, start: Start, *, now: int) -> Permit:
        grant = self._store.grant(start.grant_id)
        if grant is None:
            raise RunRefused("no_grant")
        return Permit(
            permit_id=secrets.token_hex(16),
            subject=self._record.pseudonym(grant.identity),
            audience=self._audience,
            dataset=start.asked.dataset,
            objects=(),
            workspace=start.workspace,
            recipient=hashlib.sha256(bytes.fromhex(start.asked.public_key)).hexdigest(),
            byte_budget=start.terms.data_bytes,
            issued=now,
            expires=start.expires,
            run=RunClause(
                run=start.run_id,
                request=start.request.request_id,
                purpose=tuple(start.request.data_use.purpose.codes),
                terms=start.terms,
            ),
        )

    def _start(self, row: StartRow) -> Start:
        request = self._store.request(row.request_id)
        if request is None:
            raise NoSuchThing(detail="start without its request")
        return Start(
            run_id=row.run_id,
            workspace=row.workspace_id,
            grant_id=row.grant_id,
            request=request,
            asked=StartAsked.model_validate_json(row.asked),
            state=StartState(row.state),
            created=row.created,
            expires=row.expires,
            seen=row.seen,
            phase=row.phase,
            receipt=None if row.receipt is None else SignedReceipt.model_validate_json(row.receipt),
            footing=row.footing,
        )

    def _refuse(
        self,
        asked: StartAsked,
        workspace: Workspace,
        researcher: Researcher,
        *,
        reasons: tuple[str, ...],
    ) -> NoReturn:
        facts: dict[str, object] = {
            "by": self._record.pseudonym(researcher.identity), "reasons": list(reasons),
        }  # fmt: skip
        self._note("refused", "", asked.dataset, workspace.id, facts)
        raise RunRefused(*reasons)

    def _note(
        self, step: str, run_id: str, dataset: str, workspace_id: str, facts: dict[str, object]
    ) -> None:
        common = {"step": step, "run": run_id, "dataset": dataset, "workspace": workspace_id}
        self._record.append("access.run", common | facts, durable=True)


def _own(session: Session, run_id: str, workspace_id: str) -> StartRow:
    row = session.exec(select(StartRow).where(StartRow.run_id == run_id).with_for_update()).first()
    if row is None or row.workspace_id != workspace_id:
        raise NoSuchThing(detail="run unknown, or of another workspace")
    return row


def _terms(request: AccessRequest) -> RunTerms:
    if request.run is None:
        raise RunRefused("request_without_run")
    return request.run
