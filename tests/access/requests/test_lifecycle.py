from __future__ import annotations

import itertools

import pytest

from access.errors import NotYourStep, SeparationOfDuties, StepNotPossible
from access.requests.lifecycle import (
    AccessRequest,
    Part,
    State,
    Step,
    advance,
    part_of,
    steps_open_to,
)
from schemas.errors import SkerryError

LIVES = {
    (State.DRAFT, Step.SUBMIT, Part.REQUESTER): State.SUBMITTED,
    (State.RETURNED, Step.SUBMIT, Part.REQUESTER): State.SUBMITTED,
    (State.SUBMITTED, Step.RETURN, Part.COMMITTEE): State.RETURNED,
    (State.SUBMITTED, Step.APPROVE, Part.COMMITTEE): State.APPROVED,
    (State.SUBMITTED, Step.REJECT, Part.COMMITTEE): State.REJECTED,
    (State.APPROVED, Step.REVOKE, Part.COMMITTEE): State.REVOKED,
    (State.DRAFT, Step.CLOSE, Part.REQUESTER): State.CLOSED,
    (State.SUBMITTED, Step.CLOSE, Part.REQUESTER): State.CLOSED,
    (State.RETURNED, Step.CLOSE, Part.REQUESTER): State.CLOSED,
    (State.APPROVED, Step.CLOSE, Part.REQUESTER): State.CLOSED,
    (State.APPROVED, Step.EXPIRE, Part.NODE): State.EXPIRED,
    **{
        (state, step, Part.REQUESTER): state
        for state in (State.DRAFT, State.RETURNED)
        for step in (Step.EDIT, Step.ATTACH, Step.DETACH)
    },
    **{
        (state, step, part): state
        for state in (State.SUBMITTED, State.RETURNED, State.APPROVED)
        for step, part in ((Step.ACCEPT, Part.MEMBER), (Step.REMIND, Part.NODE))
    },
}
ALL = list(itertools.product(State, Step, Part))


@pytest.mark.parametrize(("state", "step", "part"), ALL)
def test_every_step_not_in_the_table_is_refused(state: State, step: Step, part: Part) -> None:
    expected = LIVES.get((state, step, part))
    if expected is not None:
        assert advance(state, step, part) is expected
        assert step in steps_open_to(state, part)
        return
    assert step not in steps_open_to(state, part)
    with pytest.raises(SkerryError):
        advance(state, step, part)


@pytest.mark.parametrize("state", [State.REJECTED, State.REVOKED, State.CLOSED, State.EXPIRED])
def test_what_is_over_stays_over(state: State) -> None:
    for step, part in itertools.product(Step, Part):
        with pytest.raises((StepNotPossible, SeparationOfDuties)):
            advance(state, step, part)


@pytest.mark.parametrize("step", [Step.APPROVE, Step.REJECT, Step.RETURN])
@pytest.mark.parametrize("part", [Part.REQUESTER, Part.MEMBER])
def test_whom_a_request_is_for_never_decides(step: Step, part: Part) -> None:
    with pytest.raises(SeparationOfDuties):
        advance(State.SUBMITTED, step, part)


def test_a_committee_does_not_submit_or_close_for_others() -> None:
    for state, step in ((State.RETURNED, Step.SUBMIT), (State.SUBMITTED, Step.CLOSE)):
        with pytest.raises(NotYourStep):
            advance(state, step, Part.COMMITTEE)


def request(state: State) -> AccessRequest:
    return AccessRequest("r", "grace@i", "ds", "p", "why", "ws", 6, state, 1, 1)


def test_a_requester_on_the_committee_is_only_the_requester() -> None:
    assert part_of(request(State.SUBMITTED), "grace@i", ("grace@i",)) is Part.REQUESTER


def test_a_draft_is_nobody_elses_business() -> None:
    assert part_of(request(State.DRAFT), "dora@i", ("dora@i",)) is None
    assert part_of(request(State.SUBMITTED), "dora@i", ("dora@i",)) is Part.COMMITTEE


def test_without_a_committee_nobody_else_sees_it() -> None:
    assert part_of(request(State.SUBMITTED), "dora@i", ()) is None
