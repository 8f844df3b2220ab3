"""When a run must stop: a no, the end of its time, or a minute without a word, in this order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.job import (
    MAX_POLL_SECONDS,
    SILENCE_SECONDS,
    STOP_SECONDS,
    Outcome,
    Watched,
    must_stop,
)


@pytest.mark.parametrize(
    ("watched", "now", "outcome"),
    [
        (Watched(heard=100, expires=1_000), 100, None),
        (Watched(heard=100, expires=1_000), 159.9, None),
        (Watched(heard=100, expires=1_000), 160, Outcome.UNHEARD),
        (Watched(heard=990, expires=1_000), 1_000, Outcome.OUT_OF_TIME),
        (Watched(heard=100, expires=1_000), 1_000, Outcome.OUT_OF_TIME),
        (Watched(heard=100, expires=1_000, refused=True), 100, Outcome.REFUSED),
        (Watched(heard=0, expires=0, refused=True), 100, Outcome.REFUSED),
    ],
)
def test_a_run_stops_when_it_must(watched: Watched, now: float, outcome: Outcome | None) -> None:
    assert must_stop(watched, now=now) is outcome


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9))
def test_no_run_outlives_its_time_or_a_silent_minute(
    heard: float, expires: float, now: float
) -> None:
    goes_on = must_stop(Watched(heard, expires), now=now) is None
    assert goes_on == (now < expires and now - heard < SILENCE_SECONDS)


def test_two_polls_fit_into_the_silence_and_a_stop_into_ten_seconds() -> None:
    assert 2 * MAX_POLL_SECONDS <= SILENCE_SECONDS
    assert STOP_SECONDS < 10
