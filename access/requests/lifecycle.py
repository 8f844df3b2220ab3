"""The life of an access request: which step leads from which state, and who may take it.

Pure. A request is what its events say: `begun` and `after` fold them, and nothing else changes
one. A committee decides and one person never plays two parts (four eyes); the names of states
and steps are those of REMS. Leaves keeping and recording to `store` and `requests.desk`.

    draft ── submit ──> submitted ── approve ──> approved ── revoke ──> revoked
      ^                  │   │  └─── reject ───> rejected  └─ expire ──> expired
      │                  │   └────── return ───> returned ── submit ──> submitted
      └ create           └────────── close ────> closed   (from any state that is still alive)

Other steps leave the state as it is: edit, attach and detach while the requester has it, accept by
those it names, remind by the node, and an approval that needs another one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from access.errors import NotYourStep, SeparationOfDuties, StepNotPossible
from schemas.data_use import DataUseRequest
from schemas.errors import InvalidInput
from schemas.grants import AttachmentView, EventFacts, Extent, NewRequest
from schemas.messages import Message
from schemas.runs import RunTerms

SECONDS_PER_MONTH = 30 * 24 * 3600
MAX_MEMBERS = 20
MAX_EVENTS = 200
NODE = "node"  # as an actor; people are `sub@issuer`
_IDENTITY = re.compile(r"[^\s@\x00][^\s\x00]*@[^\s\x00]+")


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"
    CLOSED = "closed"
    EXPIRED = "expired"


class Step(StrEnum):
    CREATE = "create"
    EDIT = "edit"
    ATTACH = "attach"
    DETACH = "detach"
    SUBMIT = "submit"
    ACCEPT = "accept"
    RETURN = "return"
    APPROVE = "approve"
    REJECT = "reject"
    REVOKE = "revoke"
    CLOSE = "close"
    EXPIRE = "expire"
    REMIND = "remind"


class Part(StrEnum):
    """The part a person plays towards one request."""

    REQUESTER = "requester"
    MEMBER = "member"
    COMMITTEE = "committee"
    NODE = "node"


OPEN_STATES = frozenset({State.DRAFT, State.SUBMITTED, State.RETURNED})
# Taken by a door of their own, with what they change.
WITH_CONTENT = frozenset({Step.CREATE, Step.EDIT, Step.ATTACH, Step.DETACH})
DECISIONS = frozenset({Step.APPROVE, Step.REJECT, Step.RETURN})

_EDITABLE = (State.DRAFT, State.RETURNED)
_WAITING = (State.SUBMITTED, State.RETURNED, State.APPROVED)
_MOVES: dict[tuple[State, Step], tuple[State, Part]] = {
    **{
        (state, step): (state, Part.REQUESTER)
        for state in _EDITABLE
        for step in (Step.EDIT, Step.ATTACH, Step.DETACH)
    },
    **{(state, Step.SUBMIT): (State.SUBMITTED, Part.REQUESTER) for state in _EDITABLE},
    **{(state, Step.ACCEPT): (state, Part.MEMBER) for state in _WAITING},
    **{(state, Step.REMIND): (state, Part.NODE) for state in _WAITING},
    (State.SUBMITTED, Step.RETURN): (State.RETURNED, Part.COMMITTEE),
    (State.SUBMITTED, Step.APPROVE): (State.APPROVED, Part.COMMITTEE),
    (State.SUBMITTED, Step.REJECT): (State.REJECTED, Part.COMMITTEE),
    (State.APPROVED, Step.REVOKE): (State.REVOKED, Part.COMMITTEE),
    (State.APPROVED, Step.EXPIRE): (State.EXPIRED, Part.NODE),
    **{
        (state, Step.CLOSE): (State.CLOSED, Part.REQUESTER)
        for state in (*OPEN_STATES, State.APPROVED)
    },
}


@dataclass(frozen=True, slots=True)
class Event:
    """One step that was taken, and what it changed; `at` is in epoch seconds."""

    at: int
    step: str
    actor: str
    note: str
    facts: EventFacts = field(default_factory=EventFacts)


@dataclass(frozen=True, slots=True)
class AccessRequest:
    request_id: str
    requester: str
    dataset: str
    project: str
    purpose: str
    workspace: str
    months: int
    state: State
    created: int
    updated: int
    events: tuple[Event, ...] = ()
    data_use: DataUseRequest = field(default_factory=DataUseRequest)
    extent: Extent | None = None
    run: RunTerms | None = None

    @property
    def form(self) -> NewRequest:
        return NewRequest(
            dataset=self.dataset,
            project=self.project,
            purpose=self.purpose,
            workspace=self.workspace,
            months=self.months,
            data_use=self.data_use,
            extent=self.extent,
            run=self.run,
        )

    @property
    def members(self) -> tuple[str, ...]:
        """Whom it names besides the requester: the collaborators with an identity, each once."""
        named = (party.identity for party in self.data_use.collaborators)
        return tuple(dict.fromkeys(n for n in named if n is not None and n != self.requester))

    @property
    def attachments(self) -> tuple[AttachmentView, ...]:
        """Those attached and not taken away again, in order."""
        carried: dict[str, AttachmentView] = {}
        for event in self.events:
            if event.facts.attachment is None:
                continue
            if event.step == Step.ATTACH:
                carried[event.facts.attachment.id] = event.facts.attachment
            else:
                carried.pop(event.facts.attachment.id, None)
        return tuple(carried.values())


def begun(request_id: str, event: Event) -> AccessRequest:
    """The draft that a `create` makes. Raises InvalidInput for people it cannot name."""
    form = event.facts.form
    if form is None:
        raise InvalidInput(Message("A request begins with its form."))
    draft = AccessRequest(
        request_id, event.actor, form.dataset, form.project, form.purpose, form.workspace,
        form.months, State.DRAFT, event.at, event.at, (event,), form.data_use,
        form.extent, form.run,
    )  # fmt: skip
    _refuse_unfit_members(draft)
    return draft


def after(request: AccessRequest, event: Event) -> AccessRequest:
    """The request once the event has happened."""
    state = request.state if event.facts.state is None else State(event.facts.state)
    moved = replace(request, state=state, updated=event.at, events=(*request.events, event))
    form = event.facts.form
    if form is None:
        return moved
    changed = replace(
        moved,
        project=form.project,
        purpose=form.purpose,
        workspace=form.workspace,
        months=form.months,
        data_use=form.data_use,
        extent=form.extent,
        run=form.run,
    )
    _refuse_unfit_members(changed)
    return changed


def part_of(request: AccessRequest, identity: str, committee: tuple[str, ...]) -> Part | None:
    """The requester stays the requester, and a member a member, even where they sit on the
    committee; a draft is nobody else's business. None means: for this person the request does not
    exist."""
    if identity == request.requester:
        return Part.REQUESTER
    if request.state is State.DRAFT:
        return None
    if identity in request.members:
        return Part.MEMBER
    return Part.COMMITTEE if identity in committee else None


def advance(state: State, step: Step, part: Part) -> State:
    """The state after the step.

    Raises StepNotPossible, NotYourStep, and SeparationOfDuties where somebody whom the request is
    for would decide."""
    if part in {Part.REQUESTER, Part.MEMBER} and step in DECISIONS:
        raise SeparationOfDuties(Message("Nobody decides on a request of their own."))
    move = _MOVES.get((state, step))
    if move is None:
        raise StepNotPossible(
            Message(
                "A request that is %(state)s cannot be taken through %(step)s.",
                state=state,
                step=step,
            )
        )
    target, needed = move
    if part is not needed:
        raise NotYourStep(
            Message("The step %(step)s belongs to the %(needed)s.", step=step, needed=needed)
        )
    return target


def refuse_own(request: AccessRequest, same: Collection[str]) -> None:
    """Raises SeparationOfDuties where it is for the person; `same` are their identities."""
    if is_for(request, same):
        raise SeparationOfDuties(Message("Nobody decides on a request of their own."))


def is_for(request: AccessRequest, same: Collection[str]) -> bool:
    return not {request.requester, *request.members}.isdisjoint(same)


def steps_open_to(state: State, part: Part) -> tuple[Step, ...]:
    """The steps a page may offer; `advance` has the last word."""
    return tuple(
        step for (origin, step), (_, by) in _MOVES.items() if (origin, by) == (state, part)
    )


def _refuse_unfit_members(request: AccessRequest) -> None:
    if len(request.members) > MAX_MEMBERS:
        raise InvalidInput(Message("A request names at most %(most)s people.", most=MAX_MEMBERS))
    if any(_IDENTITY.fullmatch(member) is None for member in request.members):
        raise InvalidInput(Message("Name each collaborator by an identity: sub@issuer."))
