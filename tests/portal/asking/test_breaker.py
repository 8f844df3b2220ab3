"""A node that keeps failing is left alone for a while; one that answers or refuses is not."""

from __future__ import annotations

import pytest

from portal.asking.answer import Outcome
from portal.asking.breaker import Breakers
from portal.settings import Limits

NODE = "http://127.0.0.1:9"
LIMITS = Limits(failures=3, pause_seconds=30)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _broken(clock: Clock) -> Breakers:
    breakers = Breakers(LIMITS, clock)
    for _ in range(LIMITS.failures):
        assert breakers.refuses(NODE) is None
        breakers.saw(NODE, Outcome.LATE)
    return breakers


def test_a_node_that_failed_often_enough_is_not_asked_and_the_reason_says_when() -> None:
    assert _broken(Clock()).refuses(NODE) == ("Failed 3 times in a row; it is asked again in 30 s.")


def test_another_node_is_asked_all_the_same() -> None:
    assert _broken(Clock()).refuses("http://127.0.0.1:10") is None


@pytest.mark.parametrize("answer", [Outcome.OK, Outcome.EMPTY, Outcome.REFUSED, Outcome.SUPPRESSED])
def test_an_answer_or_a_refusal_clears_the_failures_before_it(answer: Outcome) -> None:
    breakers = Breakers(LIMITS, Clock())
    for outcome in (Outcome.ERROR, Outcome.ERROR, answer, Outcome.ERROR, Outcome.ERROR):
        breakers.saw(NODE, outcome)
    assert breakers.refuses(NODE) is None


def test_after_the_pause_one_question_goes_through_and_no_second_beside_it() -> None:
    clock = Clock()
    breakers = _broken(clock)
    clock.now += LIMITS.pause_seconds
    assert breakers.refuses(NODE) is None
    assert breakers.refuses(NODE) is not None


def test_a_failed_trial_starts_another_pause_and_a_good_one_ends_it() -> None:
    clock = Clock()
    breakers = _broken(clock)
    clock.now += LIMITS.pause_seconds
    assert breakers.refuses(NODE) is None
    breakers.saw(NODE, Outcome.UNREACHABLE)
    assert breakers.refuses(NODE) is not None
    clock.now += LIMITS.pause_seconds
    assert breakers.refuses(NODE) is None
    breakers.saw(NODE, Outcome.OK)
    assert breakers.refuses(NODE) is None


def test_a_trial_whose_asker_left_lets_the_next_one_try() -> None:
    clock = Clock()
    breakers = _broken(clock)
    clock.now += LIMITS.pause_seconds
    assert breakers.refuses(NODE) is None
    breakers.gave_up(NODE)
    assert breakers.refuses(NODE) is None
