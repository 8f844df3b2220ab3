"""The desk where requests are made and decided: joins lifecycle, store, policy book and record.

Every door (JSON routes, node pages) comes through here, so that four eyes, visibility
(`requests.reading`) and the record are the same at each.
The dataset's conditions of data use are asked at each step: what they deny is neither submitted nor
approved, by nobody; what they leave open is the committee's to judge.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from access.errors import DataUseDenied, NoSuchThing, SeparationOfDuties, StepNotPossible
from access.policies.policy import PolicyBook
from access.purpose_check import PurposeCheck
from access.recipients import KeyState, Recipients
from access.record.audit import Record
from access.requests.approval import (
    accepted,
    approval,
    grant,
    refuse_second_word,
    terms_digest,
)
from access.requests.judging import Judge, Judged
from access.requests.lifecycle import (
    DECISIONS,
    MAX_EVENTS,
    NODE,
    WITH_CONTENT,
    AccessRequest,
    Event,
    State,
    Step,
    advance,
    after,
    begun,
    refuse_own,
)
from access.requests.notices import Addressees
from access.requests.reading import RequestReading
from access.requests.seen import Demands, Seen
from access.requests.upkeep import ENDING_SECONDS, IDLE_SECONDS, due
from access.rows import IssuedGrant
from access.runs.rules import REVIEWERS
from access.store import NOBODY, Store
from duo.report import report
from schemas.data_use import ObligationView
from schemas.errors import InvalidInput
from schemas.grants import EventFacts, NewRequest, StepBody, WorkspaceKind
from schemas.messages import Message

_ASKING = frozenset({Step.SUBMIT, Step.ACCEPT, Step.APPROVE})
_BELONGS = {
    "months": (Step.APPROVE, Message("an approval")),
    "until": (Step.APPROVE, Message("an approval")),
    "obligations": (Step.APPROVE, Message("an approval")),
    "data_use": (Step.SUBMIT, Message("a submission")),
}


class RequestDesk(RequestReading):
    def __init__(
        self,
        store: Store,
        *,
        recipients: Recipients,
        book: PolicyBook,
        record: Record,
        check: PurposeCheck,
        addressees: Addressees = NOBODY,
    ) -> None:
        super().__init__(store, book=book, judge=Judge(store, book=book, check=check))
        self._recipients = recipients
        self._record = record
        self._addressees = addressees

    # Asking

    def create(self, new: NewRequest, *, requester: str, now: int) -> AccessRequest:
        """A draft. The caller has checked that the requester may know of the dataset."""
        policy = self._book.policy(new.dataset)
        if policy is None:
            raise NoSuchThing(detail="request for a dataset without a policy")
        if policy.requests_at is not None:
            raise InvalidInput(
                Message(
                    "Access to this dataset is asked for at %(requests_at)s",
                    requests_at=policy.requests_at,
                )
            )
        event = Event(now, Step.CREATE, requester, "", EventFacts(state=State.DRAFT, form=new))
        request = begun(f"req-{secrets.token_hex(16)}", event)
        self._refuse_unfit(request, now=now)
        self._store.add_request(
            request, before_commit=lambda: self._note(request, Step.CREATE, by=requester)
        )
        return request

    def edit(self, request_id: str, form: NewRequest, *, actor: str, now: int) -> Seen:
        """Replaces what a draft or a returned request says, but for its dataset."""
        request = self._at(request_id, Step.EDIT, actor=actor)
        if form.dataset != request.dataset:
            raise InvalidInput(
                Message("A request stays with its dataset; make a new one for another.")
            )
        event = Event(now, Step.EDIT, actor, "", EventFacts(form=form))
        self._refuse_unfit(after(request, event), now=now)
        self._keep(request, event)
        return self.see(request_id, viewer=actor)

    def happened(self, request_id: str, step: Step, facts: EventFacts, *, actor: str, now: int) -> (
        None
    ):  # fmt: skip
        """Keeps a step that changes nothing but its event, such as a file attached."""
        request = self._at(request_id, step, actor=actor)
        self._keep(request, Event(now, step, actor, "", facts))

    def _at(self, request_id: str, step: Step, *, actor: str) -> AccessRequest:
        """The request, where the actor may take a step that leaves its state as it is."""
        seen = self.see(request_id, viewer=actor)
        target = advance(seen.request.state, step, seen.part)
        _refuse_endless(seen.request, target)
        return seen.request

    # Deciding

    def take(self, request_id: str, step: Step, body: StepBody, *, actor: str, now: int) -> Seen:
        """Takes one step and returns the request after it; a refused decision is recorded too."""
        seen = self.see(request_id, viewer=actor)
        if step in WITH_CONTENT:
            raise StepNotPossible(
                Message("The step %(step)s is not taken without what it changes.", step=step)
            )
        _refuse_misplaced(step, body)
        try:
            self._move(seen, step, body, now=now)
        except SeparationOfDuties:
            self._note(seen.request, f"refused {step}", by=actor)
            raise
        return self.see(request_id, viewer=actor)

    def _move(self, seen: Seen, step: Step, body: StepBody, *, now: int) -> None:
        request, actor = seen.request, seen.viewer
        if step in DECISIONS:
            refuse_own(request, seen.same)
        target = advance(request.state, step, seen.part)
        stated = request if body.data_use is None else replace(request, data_use=body.data_use)
        judged = self._judge.of(stated, now=now)
        if step in _ASKING and judged.denies:
            self._note(request, f"refused {step}", by=actor, judged=judged)
            raise DataUseDenied(judged.view().explain_user)
        facts = EventFacts()
        match step:
            case Step.SUBMIT:
                _refuse_unaccepted(seen.demands, body)
                form = None if body.data_use is None else stated.form
                facts = EventFacts(form=form, terms=body.terms)
            case Step.ACCEPT:
                _refuse_unaccepted(seen.demands, body)
                if actor in seen.accepted:
                    raise StepNotPossible(Message("You have accepted already."))
                facts = EventFacts(terms=terms_digest(seen.demands.terms))
            case Step.APPROVE:
                refuse_second_word(request, seen.same)
                self._refuse_unfit(request, now=now)
                facts = approval(request, body, data_use_until=judged.verdict.expires, now=now)
                if self._linked.people((*seen.approved_by, actor)) < seen.demands.approvals:
                    target = State.SUBMITTED
        _refuse_endless(request, target)
        event = Event(now, step, actor, body.note, facts.model_copy(update={"state": target}))
        grants = self._due_grants(seen, event, owed=report(judged.verdict).obligations)
        self._keep(request, event, grants=grants, judged=judged)

    def _due_grants(
        self, seen: Seen, event: Event, *, owed: tuple[ObligationView, ...]
    ) -> tuple[IssuedGrant, ...]:
        """To everybody who accepted once the last approval came, and to who accepts later."""
        moved = after(seen.request, event)
        if moved.state is not State.APPROVED or event.step not in {Step.APPROVE, Step.ACCEPT}:
            return ()
        held = {one.identity for one in seen.grants}
        people = (moved.requester, *accepted(moved, seen.demands.terms))
        due_now = (grant(moved, one, owed=owed, now=event.at) for one in people if one not in held)
        return tuple(one for one in due_now if one.expires > event.at)

    def _keep(
        self,
        request: AccessRequest,
        event: Event,
        *,
        grants: Iterable[IssuedGrant] = (),
        judged: Judged | None = None,
    ) -> None:
        given = tuple(grants)
        self._store.take_step(
            request,
            event,
            grants=given,
            to=self._addressees,
            before_commit=lambda: self._note(
                request, event.step, by=event.actor, grants=given, judged=judged
            ),
        )

    def attend(self, *, now: int) -> int:
        """Expires what has ended and reminds those whom requests wait for; how many it was."""
        done = 0
        for request_id in self._store.unattended(
            idle_since=now - IDLE_SECONDS, ending_by=now + ENDING_SECONDS
        ):
            request = self._store.request(request_id)
            ends = max((one.expires for one in self._store.grants_of(request_id)), default=None)
            event = None if request is None else due(request, ends=ends, now=now)
            if request is None or event is None:
                continue
            try:
                self._keep(request, event)
                done += 1
            except StepNotPossible:
                continue  # somebody was faster: it waits for nobody now
        return done

    def _refuse_unfit(self, request: AccessRequest, *, now: int) -> None:
        """Another person's workspace is refused as an unknown one is: ids tell nobody anything.
        What means nothing to the matcher is refused before it is kept."""
        found = self._recipients.registration(request.workspace)
        alive = found is not None and found.state is not KeyState.REVOKED and now < found.expires
        if found is None or found.owner != request.requester or not alive:
            raise InvalidInput(
                Message("The workspace is not registered at this node, or no longer.")
            )
        if request.run is not None and found.kind is WorkspaceKind.EXTERNAL:
            raise InvalidInput(
                Message("The workspace is of kind external: it cannot be told what to run.")
            )
        policy = self._book.policy(request.dataset)
        if request.run is not None and policy and self._linked.people(policy.committee) < REVIEWERS:
            raise InvalidInput(
                Message(
                    "%(reviewers)s of a committee approve what is to run; this dataset's has "
                    "fewer.",
                    reviewers=REVIEWERS,
                )
            )
        self._judge.of(request, now=now)

    def _note(
        self,
        request: AccessRequest,
        step: str,
        *,
        by: str,
        grants: tuple[IssuedGrant, ...] = (),
        judged: Judged | None = None,
    ) -> None:
        facts: dict[str, object] = {
            "step": step,
            "request": request.request_id,
            "dataset": request.dataset,
            "workspace": request.workspace,
            "requester": self._record.pseudonym(request.requester),
            "by": by if by == NODE else self._record.pseudonym(by),
        }
        if judged is not None:
            facts |= judged.facts()
        if grants:
            facts |= {
                "grants": [one.grant_id for one in grants],
                "people": [self._record.pseudonym(one.identity) for one in grants],
                "expires": max(one.expires for one in grants),
            }
        self._record.append("access.request", facts, durable=True)


def _refuse_misplaced(step: Step, body: StepBody) -> None:
    for name, (home, words) in _BELONGS.items():
        if getattr(body, name) and step is not home:
            raise InvalidInput(
                Message("«%(name)s» belongs to %(words)s only.", name=name, words=words)
            )
    if body.terms is not None and step not in {Step.SUBMIT, Step.ACCEPT}:
        raise InvalidInput(Message("«terms» are accepted with a submission or by a member."))


def _refuse_unaccepted(demands: Demands, body: StepBody) -> None:
    if body.terms != demands.digest:
        raise InvalidInput(
            Message(
                "Accept the dataset's terms: send the digest of the terms as they are now in "
                "«terms»."
            )
            if demands.terms
            else Message("This dataset has no terms to accept.")
        )


def _refuse_endless(request: AccessRequest, target: State) -> None:
    if target is request.state and len(request.events) >= MAX_EVENTS:
        raise StepNotPossible(
            Message("At most %(most)s steps are kept of one request.", most=MAX_EVENTS)
        )
