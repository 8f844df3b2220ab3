"""The airlock of a node: outputs of runs come in, are judged, and leave sealed to the requester.

Nothing leaves by default. A workspace only offers; the checkers (`judge`, passed in by the node)
release a safe form, refuse, or leave it to two people of the dataset's committee. What is released
is paid for first, in the transaction that releases it, and every step is in the chained record
before it is answered. Forms of outputs and their checkers are `workspaces.airlock`'s.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, select

from access.airlock import ledger
from access.airlock import rows as airlock_rows
from access.airlock.files import AirlockFiles
from access.airlock.judgement import Judgement, Outcome
from access.airlock.ledger import RunSpent
from access.airlock.life import (
    DECIDING,
    AirlockEvent,
    AirlockStep,
    Candidate,
    CandidateState,
    advance,
    steps_open_to,
)
from access.airlock.person_keys import PersonKeys
from access.airlock.rows import Settled
from access.errors import BudgetSpent, NoSuchThing, StepNotPossible
from access.recipients import Workspace
from access.record.audit import Record
from access.requests.desk import RequestDesk
from access.requests.lifecycle import AccessRequest, Part, State, is_for, refuse_own
from access.runs.starts import Runs, Start
from access.runs.tables import CandidateRow
from access.store import Store
from schemas.messages import Message
from schemas.runs import ResultManifest, RunTerms

MAX_LISTED = 500
MAX_NOTE = 2_000
NODE = "node"


@dataclass(frozen=True, slots=True)
class SeenCandidate:
    """An output as one person may see it; `part` is what they are to its request, `same` are the
    viewer's identities, as far as the node knows them."""

    candidate: Candidate
    request: AccessRequest
    part: Part
    viewer: str
    same: frozenset[str]

    @property
    def steps(self) -> tuple[AirlockStep, ...]:
        found = steps_open_to(self.candidate, self.part, self.same)
        own = is_for(self.request, self.same)
        return tuple(one for one in found if not (own and one in DECIDING))


Judge = Callable[[bytes, RunTerms], Judgement]
SealTo = Callable[[bytes, bytes], bytes]
Show = Callable[[bytes, bytes | None], tuple[str, bytes]]


class Airlock:
    """`judge` raises `SkerryError`s of its own for what it cannot read. Methods block."""

    def __init__(
        self,
        store: Store,
        *,
        runs: Runs,
        desk: RequestDesk,
        keys: PersonKeys,
        files: AirlockFiles,
        record: Record,
        judge: Judge,
        seal_to: SealTo,
        show: Show,
        signing_key: Ed25519PrivateKey,
        audience: str,
    ) -> None:
        self._store = store
        self._runs = runs
        self._desk = desk
        self._keys = keys
        self._files = files
        self._record = record
        self._judge = judge
        self._seal_to = seal_to
        self._show = show
        self._key = signing_key
        self._audience = audience

    # What a workspace does

    def offer(self, run_id: str, body: bytes, *, workspace: Workspace, now: int) -> Candidate:
        """The output as it stands after the checkers; the same content of one run is one output,
        however often it is sent. Raises RunRefused, CandidateRefused, and what `judge` raises."""
        start = self._runs.active(run_id, workspace=workspace, now=now)
        sha256 = airlock_rows.digest(body)
        with self._store.reading() as session:
            known = airlock_rows.of_content(session, run_id, sha256)
            if known is not None:
                return known
        judged = self._judged(body, start)
        candidate_id = f"out-{secrets.token_hex(16)}"
        self._files.keep(candidate_id, "offered", body)
        if judged.released is not None:
            self._files.keep(candidate_id, "released", judged.released)
        try:
            with self._store.writing() as session:
                known = airlock_rows.of_content(session, run_id, sha256)
                if known is not None:  # sent twice at the same time
                    self._files.drop(candidate_id)
                    return known
                airlock_rows.refuse_too_many(session, run_id)
                settled = self._settled(session, start, judged)
                row = airlock_rows.offered(candidate_id, start, judged, settled, body=body, now=now)
                session.add(row)
                session.flush()
                note = "; ".join(settled.reasons)[:MAX_NOTE]
                event = AirlockEvent(now, AirlockStep.OFFER, NODE, note)
                session.add(airlock_rows.event_row(candidate_id, 1, event))
                session.flush()
                made = airlock_rows.candidate(session, row)
                self._note(AirlockStep.OFFER, made, by=NODE, epsilon=judged.epsilon)
        except BaseException:
            self._files.drop(candidate_id)
            raise
        return made

    def _judged(self, body: bytes, start: Start) -> Judgement:
        """What the checkers say, and what of the run speaks against it beside them."""
        released_at = start.terms.released_at
        judged = self._judge(body, start.terms)
        if released_at and self._audience not in released_at:
            return _refused(judged, Message("the permit leaves the release to other nodes"))
        if judged.of is not None and not self._is_released(start.request.request_id, judged.of):
            return _refused(judged, Message("it rests on no released output"))
        if start.asked.evidence.sandbox is None and judged.outcome is Outcome.RELEASE:
            reasons = (*judged.reasons, Message("nothing confined this run: two people decide"))
            return replace(judged, outcome=Outcome.REVIEW, reasons=reasons)
        return judged

    def _settled(self, session: Session, start: Start, judged: Judgement) -> Settled:
        """Noise that cannot be paid is as if it had not been drawn: not even what came of it is
        told."""
        request_id, terms = start.request.request_id, start.terms
        try:
            ledger.spend_noise(session, request_id, terms, epsilon=judged.epsilon)
        except BudgetSpent as error:
            return Settled(CandidateState.REFUSED, (error.public,), judged.epsilon)
        match judged.outcome:
            case Outcome.REFUSE:
                return Settled(CandidateState.REFUSED, judged.reasons)
            case Outcome.REVIEW:
                return Settled(CandidateState.WAITING, judged.reasons)
            case Outcome.RELEASE:
                try:
                    ledger.spend(session, request_id, terms, size=len(judged.released or b""))
                except BudgetSpent as error:
                    return Settled(CandidateState.REFUSED, (*judged.reasons, error.public))
                return Settled(CandidateState.RELEASED, judged.reasons)

    def _is_released(self, request_id: str, digest: str) -> bool:
        return self._released(request_id, digest) is not None

    def _released(self, request_id: str, digest: str | None) -> bytes | None:
        """The released output of this request with this digest."""
        with self._store.reading() as session:
            found = session.exec(
                select(CandidateRow)
                .where(CandidateRow.request_id == request_id)
                .where(CandidateRow.state == CandidateState.RELEASED)
                .where(CandidateRow.released_sha256 == digest)
            ).first()
            return None if found is None else self._reviewed(airlock_rows.candidate(session, found))

    # What people do

    def see(self, candidate_id: str, *, viewer: str) -> SeenCandidate:
        """Raises NoSuchThing where it is unknown or not the viewer's business."""
        with self._store.reading() as session:
            row = session.get(CandidateRow, candidate_id)
            found = None if row is None else airlock_rows.candidate(session, row)
        if found is None:
            raise NoSuchThing(detail="unknown output")
        seen = self._desk.see(found.request_id, viewer=viewer)
        return SeenCandidate(found, seen.request, seen.part, viewer, seen.same)

    def listed(self, viewer: str) -> tuple[SeenCandidate, ...]:
        """All that a person may see, newest first, without events."""
        seen = {one.request.request_id: one for one in self._desk.listed(viewer)}
        with self._store.reading() as session:
            rows = session.exec(
                select(CandidateRow)
                .where(col(CandidateRow.request_id).in_(sorted(seen)))
                .order_by(col(CandidateRow.offered).desc())
                .limit(MAX_LISTED)
            ).all()
            found = [(airlock_rows.plain(row, ()), seen[row.request_id]) for row in rows]
        return tuple(SeenCandidate(one, by.request, by.part, viewer, by.same) for one, by in found)

    def take_step(
        self, candidate_id: str, step: AirlockStep, note: str, *, actor: str, now: int
    ) -> SeenCandidate:
        """Approve, refuse or contest, with the reason. Raises BudgetSpent where the last approval
        could not be paid; then it was not given."""
        seen = self.see(candidate_id, viewer=actor)
        before = seen.candidate
        if step in DECIDING:
            refuse_own(seen.request, seen.same)
        target = advance(before, step, seen.part, same=seen.same)
        with self._store.writing() as session:
            row = session.exec(
                select(CandidateRow)
                .where(CandidateRow.candidate_id == candidate_id)
                .with_for_update()
            ).one()
            if airlock_rows.candidate(session, row) != before:
                raise StepNotPossible(Message("The output has moved on; look at it again."))
            if target is CandidateState.RELEASED:
                self._release_as_reviewed(session, row, seen)
            row.state = target
            session.add(row)
            event = AirlockEvent(now, step, actor, note)
            session.add(airlock_rows.event_row(candidate_id, len(before.events) + 1, event))
            session.flush()
            self._note(step, airlock_rows.candidate(session, row), by=actor)
        return self.see(candidate_id, viewer=actor)

    def _release_as_reviewed(
        self, session: Session, row: CandidateRow, seen: SeenCandidate
    ) -> None:
        """What people let pass is what they looked at."""
        if seen.request.run is None:
            raise StepNotPossible(Message("The request has no run any more."))
        content, terms = self._reviewed(seen.candidate), seen.request.run
        ledger.spend_noise(session, row.request_id, terms, epsilon=seen.candidate.epsilon)
        ledger.spend(session, row.request_id, terms, size=len(content))
        self._files.keep(row.candidate_id, "released", content)
        row.released_sha256 = airlock_rows.digest(content)
        row.released_size = len(content)

    def to_review(self, candidate_id: str, *, viewer: str) -> bytes:
        """What would leave if people agreed. For the committee alone, who must know what they
        decide on; each look is recorded."""
        seen = self.see(candidate_id, viewer=viewer)
        if seen.part is not Part.COMMITTEE:
            raise NoSuchThing(detail="the form to review for somebody who does not")
        self._note("look", seen.candidate, by=viewer)
        return self._reviewed(seen.candidate)

    def _reviewed(self, found: Candidate) -> bytes:
        """The safer form, if the checkers made one; else what was offered. Never other bytes than
        those on record."""
        safer = found.released_sha256 is not None
        content = self._files.read(found.candidate_id, "released" if safer else "offered")
        if airlock_rows.digest(content) != (found.released_sha256 or found.sha256):
            raise NoSuchThing(detail="the bytes to review are not those that were judged")
        return content

    def result(
        self, candidate_id: str, *, viewer: str, now: int
    ) -> tuple[ResultManifest, str, bytes]:
        """The manifest, the node's signature and the result sealed to the viewer's registered key.
        Raises StepNotPossible where there is no such key; nothing has left then."""
        seen = self._taking(candidate_id, viewer)
        key = self._keys.of(viewer)
        if key is None:
            raise StepNotPossible(
                Message("Register your Crypt4GH public key first: POST /access/keys.")
            )
        content = self._reviewed(seen.candidate)
        sealed = self._seal_to(key.public_key, content)
        manifest = ResultManifest(
            node=self._audience,
            candidate=candidate_id,
            run=seen.candidate.run_id,
            dataset=seen.candidate.dataset,
            kind=seen.candidate.kind,
            sha256=airlock_rows.digest(content),
            size=len(content),
            recipient=key.thumbprint,
            issued=now,
        )
        self._note(AirlockStep.TAKE, seen.candidate, by=viewer, recipient=key.thumbprint)
        return manifest, self._key.sign(manifest.signed_bytes()).hex(), sealed

    def shown(self, candidate_id: str, *, viewer: str) -> tuple[str, bytes]:
        """Media type and bytes of what a portal may show the viewer, in the clear. Raises
        StepNotPossible where the permit lets nothing be shown there."""
        seen = self._taking(candidate_id, viewer)
        if seen.request.run is None or "portal" not in seen.request.run.outputs:
            raise StepNotPossible(Message("The permit lets nothing be shown in a portal."))
        content = self._reviewed(seen.candidate)
        source = self._released(seen.candidate.request_id, json.loads(content).get("of"))
        shown = self._show(content, source)
        self._note("show", seen.candidate, by=viewer)
        return shown

    def _taking(self, candidate_id: str, viewer: str) -> SeenCandidate:
        seen = self.see(candidate_id, viewer=viewer)
        advance(seen.candidate, AirlockStep.TAKE, seen.part, same=seen.same)
        if seen.request.state is State.REVOKED:
            raise StepNotPossible(
                Message("The access was revoked: its results are not given out any more.")
            )
        return seen

    def starts(self, viewer: str) -> tuple[Start, ...]:
        """The runs of the requests that a person may see, newest first."""
        return self._runs.of_requests(
            tuple(one.request.request_id for one in self._desk.listed(viewer))
        )

    def spent(self, request_id: str, *, viewer: str) -> RunSpent:
        """What the runs of a request have released, for those who may see it."""
        seen = self._desk.see(request_id, viewer=viewer)
        with self._store.reading() as session:
            return ledger.spent(session, request_id, seen.request.run)

    def budgets(self, starts: tuple[Start, ...]) -> tuple[tuple[AccessRequest, RunSpent], ...]:
        """What was spent of each request that some starts rest on, each once; of starts that are
        the viewer's to see."""
        requests = {one.request.request_id: one.request for one in starts}
        with self._store.reading() as session:
            return tuple(
                (one, ledger.spent(session, name, one.run)) for name, one in requests.items()
            )

    def _note(self, step: str, found: Candidate, *, by: str, **more: object) -> None:
        """A plain digest of what did not leave would tell who guesses what it held: its small
        cells, say."""
        released = found.state is CandidateState.RELEASED
        facts: dict[str, object] = {
            "step": str(step),
            "output": found.candidate_id,
            "run": found.run_id,
            "request": found.request_id,
            "dataset": found.dataset,
            "class": found.kind,
            "state": str(found.state),
            "offered": self._record.fingerprint(found.sha256.encode()),
            "released": found.released_sha256 if released else None,
            "size": found.size,
            "by": by if by == NODE else self._record.pseudonym(by),
            **more,
        }
        self._record.append("airlock", facts, durable=True)


def _refused(judged: Judgement, reason: str) -> Judgement:
    """By what no person may overrule; what the checkers found is not told."""
    return Judgement(judged.kind, Outcome.REFUSE, (reason,), contestable=False)
