"""The life of an access request: which step leads from which state, and who may take it.

Pure. A committee decides and one person never plays two parts (four eyes); the names of states
and steps are those of REMS. Leaves keeping and recording to `store` and `requests`.

    draft ── submit ──> submitted ── approve ──> approved ── revoke ──> revoked
      ^                  │   │  └─── reject ───> rejected
      │                  │   └────── return ───> returned ── submit ──> submitted
      └ (created)        └────────── close ────> closed   (from any state that is still alive)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from access.errors import NotYourStep, SeparationOfDuties, StepNotPossible
from schemas.data_use import DataUseRequest

SECONDS_PER_MONTH = 30 * 24 * 3600


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"
    CLOSED = "closed"


class Step(StrEnum):
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    REJECT = "reject"
    REVOKE = "revoke"
    CLOSE = "close"


class Part(StrEnum):
    """The part a person plays towards one request."""

    REQUESTER = "requester"
    COMMITTEE = "committee"


OPEN_STATES = frozenset({State.DRAFT, State.SUBMITTED, State.RETURNED})

_MOVES: dict[tuple[State, Step], tuple[State, Part]] = {
    (State.DRAFT, Step.SUBMIT): (State.SUBMITTED, Part.REQUESTER),
    (State.RETURNED, Step.SUBMIT): (State.SUBMITTED, Part.REQUESTER),
    (State.SUBMITTED, Step.RETURN): (State.RETURNED, Part.COMMITTEE),
    (State.SUBMITTED, Step.APPROVE): (State.APPROVED, Part.COMMITTEE),
    (State.SUBMITTED, Step.REJECT): (State.REJECTED, Part.COMMITTEE),
    (State.APPROVED, Step.REVOKE): (State.REVOKED, Part.COMMITTEE),
    (State.DRAFT, Step.CLOSE): (State.CLOSED, Part.REQUESTER),
    (State.SUBMITTED, Step.CLOSE): (State.CLOSED, Part.REQUESTER),
    (State.RETURNED, Step.CLOSE): (State.CLOSED, Part.REQUESTER),
    (State.APPROVED, Step.CLOSE): (State.CLOSED, Part.REQUESTER),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One step that was taken; `at` is in epoch seconds."""

    at: int
    step: str
    actor: str
    note: str


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


def part_of(request: AccessRequest, identity: str, committee: tuple[str, ...]) -> Part | None:
    """The requester stays the requester even where they sit on the committee; a draft is nobody
    else's business. None means: for this person the request does not exist."""
    if identity == request.requester:
        return Part.REQUESTER
    if identity in committee and (request.state is not State.DRAFT):
        return Part.COMMITTEE
    return None


def advance(state: State, step: Step, part: Part) -> State:
    """The state after the step.

    Raises StepNotPossible, NotYourStep, and SeparationOfDuties where a requester would decide."""
    if part is Part.REQUESTER and step in {Step.APPROVE, Step.REJECT, Step.RETURN}:
        raise SeparationOfDuties("Nobody decides on a request of their own.")
    move = _MOVES.get((state, step))
    if move is None:
        raise StepNotPossible(f"A request that is {state} cannot be taken through {step}.")
    target, needed = move
    if part is not needed:
        raise NotYourStep(f"The step {step} belongs to the {needed}.")
    return target


def steps_open_to(state: State, part: Part) -> tuple[Step, ...]:
    """The steps a page may offer; `advance` has the last word."""
    return tuple(
        step for (origin, step), (_, by) in _MOVES.items() if (origin, by) == (state, part)
    )


def granted_until(now: int, *, asked_months: int, allowed_months: int | None) -> int:
    """A committee may shorten what was asked for, never lengthen it."""
    months = asked_months if allowed_months is None else min(asked_months, allowed_months)
    return now + months * SECONDS_PER_MONTH
