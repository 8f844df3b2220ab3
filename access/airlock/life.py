"""The life of one output at the airlock: what each step leads to, and who may take it. Pure.

    offered ─ checker ─┬─> released
                       ├─> waiting ── approve, approve ──> released
                       │      └────── refuse ───────────> refused
                       └─> refused ── contest (once) ───> contested ─> as waiting

Two different members of the dataset's committee release, each with a reason; to refuse, one is
enough.
Nobody decides on what is theirs. What the permit has no class for is refused for good.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from access.errors import NotYourStep, SeparationOfDuties, StepNotPossible
from access.requests.lifecycle import Part
from schemas.messages import Message

REVIEWERS = 2


class CandidateState(StrEnum):
    WAITING = "waiting"
    CONTESTED = "contested"
    RELEASED = "released"
    REFUSED = "refused"


class AirlockStep(StrEnum):
    OFFER = "offer"
    APPROVE = "approve"
    REFUSE = "refuse"
    CONTEST = "contest"
    TAKE = "take"


_OPEN = frozenset({CandidateState.WAITING, CandidateState.CONTESTED})
DECIDING = frozenset({AirlockStep.APPROVE, AirlockStep.REFUSE})
_ASKING = frozenset({Part.REQUESTER, Part.MEMBER})


@dataclass(frozen=True, slots=True)
class AirlockEvent:
    at: int
    step: str
    actor: str
    note: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """`contestable` is false for what no person may release either; `epsilon` is what is still due
    for it; `released_sha256` is of the form that leaves or would, where the checkers made one."""

    candidate_id: str
    run_id: str
    request_id: str
    dataset: str
    kind: str
    state: CandidateState
    sha256: str
    size: int
    offered: int
    reasons: tuple[str, ...]
    contestable: bool
    epsilon: float = 0.0
    released_sha256: str | None = None
    released_size: int | None = None
    events: tuple[AirlockEvent, ...] = ()

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Since it was offered or contested last."""
        found: list[str] = []
        for event in self.events:
            if event.step == AirlockStep.APPROVE:
                found.append(event.actor)
            elif event.step == AirlockStep.CONTEST:
                found.clear()
        return tuple(found)

    @property
    def was_contested(self) -> bool:
        return any(event.step == AirlockStep.CONTEST for event in self.events)


def steps_open_to(
    candidate: Candidate, part: Part, same: Collection[str]
) -> tuple[AirlockStep, ...]:
    """What the person, of these identities, may do with it now."""
    open_steps: list[AirlockStep] = []
    if candidate.state in _OPEN and part is Part.COMMITTEE:
        if not _has_approved(candidate, same):
            open_steps.append(AirlockStep.APPROVE)
        open_steps.append(AirlockStep.REFUSE)
    if part in _ASKING and candidate.state is CandidateState.REFUSED and candidate.contestable:
        open_steps += [] if candidate.was_contested else [AirlockStep.CONTEST]
    if part in _ASKING and candidate.state is CandidateState.RELEASED:
        open_steps.append(AirlockStep.TAKE)
    return tuple(open_steps)


def advance(
    candidate: Candidate, step: AirlockStep, part: Part, *, same: Collection[str]
) -> CandidateState:
    """The state after the step. Raises SeparationOfDuties, NotYourStep or StepNotPossible."""
    if step in DECIDING and part in _ASKING:
        raise SeparationOfDuties(Message("Nobody decides on an output of their own."))
    if step is AirlockStep.APPROVE and _has_approved(candidate, same):
        raise SeparationOfDuties(
            Message("You have approved this output; another member must do so too.")
        )
    if step not in steps_open_to(candidate, part, same):
        if step is AirlockStep.CONTEST and part not in _ASKING:
            raise NotYourStep(Message("Those whom an output is for contest its refusal."))
        raise StepNotPossible(
            Message(
                "An output that is %(state)s cannot be taken through %(step)s.",
                state=candidate.state,
                step=step,
            )
        )
    match step:
        case AirlockStep.REFUSE:
            return CandidateState.REFUSED
        case AirlockStep.CONTEST:
            return CandidateState.CONTESTED
        case AirlockStep.APPROVE if len(candidate.approved_by) + 1 >= REVIEWERS:
            return CandidateState.RELEASED
        case _:
            return candidate.state


def _has_approved(candidate: Candidate, same: Collection[str]) -> bool:
    return any(one in same for one in candidate.approved_by)
