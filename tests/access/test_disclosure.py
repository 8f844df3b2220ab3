"""What an answer may hold under each profile, level and granularity."""

from __future__ import annotations

import pytest

from access.disclosure import Answer, protect
from access.errors import InconsistentAnswer
from access.policy import Action, Decision, Granularity, Level, Outcome, Profile
from schemas.errors import Suppressed


def decision(
    *,
    profile: Profile = Profile.OPEN,
    level: Level = Level.PUBLIC,
    ceiling: Granularity | None = Granularity.RECORD,
    outcome: Outcome = Outcome.PERMIT,
    action: Action = Action.DISCOVER,
) -> Decision:
    return Decision(
        dataset="heart",
        action=action,
        outcome=outcome,
        level=level,
        ceiling=ceiling,
        profile=profile,
        reasons=(),
        expires=None,
        policy_version="1",
    )


@pytest.mark.parametrize(
    "refused",
    [
        decision(outcome=Outcome.DENY),
        decision(outcome=Outcome.REVIEW),
        decision(ceiling=None),
        decision(action=Action.STREAM),
        decision(action=Action.TRAIN, level=Level.CONTROLLED),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_without_a_permit_to_discover_nothing_is_answered_not_even_no(
    refused: Decision, exists: bool
) -> None:
    with pytest.raises(Suppressed):
        protect(exists=exists, count=int(exists), requested=Granularity.BOOLEAN, decision=refused)


@pytest.mark.parametrize("profile", [Profile.DEFAULT, Profile.CONTROLLED])
@pytest.mark.parametrize("level", [Level.PUBLIC, Level.REGISTERED])
@pytest.mark.parametrize("requested", Granularity)
def test_callers_without_a_grant_are_told_presence_alone(
    profile: Profile, level: Level, requested: Granularity
) -> None:
    answer = protect(
        exists=True, count=3, requested=requested, decision=decision(profile=profile, level=level)
    )
    assert answer == Answer(
        exists=True, count=None, granularity=Granularity.BOOLEAN, precision=None, adjusted_to=None
    )


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("count", [0, 1, 2504])
def test_a_grant_gives_the_exact_count(profile: Profile, count: int) -> None:
    answer = protect(
        exists=count > 0,
        count=count,
        requested=Granularity.COUNT,
        decision=decision(profile=profile, level=Level.CONTROLLED),
    )
    assert (answer.exists, answer.count, answer.precision) == (count > 0, count, "exact")


@pytest.mark.parametrize("requested", Granularity)
@pytest.mark.parametrize("ceiling", Granularity)
def test_an_open_dataset_answers_up_to_the_lesser_of_ceiling_and_request(
    requested: Granularity, ceiling: Granularity
) -> None:
    answer = protect(exists=True, count=5, requested=requested, decision=decision(ceiling=ceiling))
    assert answer.granularity is min(requested, ceiling)
    assert answer.count == (None if answer.granularity is Granularity.BOOLEAN else 5)


@pytest.mark.parametrize(("exists", "count"), [(True, 0), (False, 1), (False, -1)])
@pytest.mark.parametrize("requested", Granularity)
def test_presence_and_count_must_agree(exists: bool, count: int, requested: Granularity) -> None:
    with pytest.raises(InconsistentAnswer):
        protect(exists=exists, count=count, requested=requested, decision=decision())
