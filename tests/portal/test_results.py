"""A finished result is for the browser and the sign-in that asked, for a while."""

from __future__ import annotations

import pytest

from portal.errors import SearchGone
from portal.results import Results
from portal.settings import Limits
from portal.visitors import Visitor

MINE = Visitor("k" * 43, is_new=False, session=None, session_id="s1")
DOCUMENT = {"rows": ["x" * 100]}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_is_given_to_the_one_who_asked_as_often_as_wanted() -> None:
    results = Results(limits=Limits(), clock=Clock())
    results.keep("a", MINE, DOCUMENT)
    assert results.get("a", MINE) == results.get("a", MINE) == DOCUMENT


@pytest.mark.parametrize(
    "other",
    [
        Visitor("o" * 43, is_new=False, session=None, session_id="s1"),
        Visitor("k" * 43, is_new=False, session=None, session_id="s2"),
        Visitor("k" * 43, is_new=False, session=None, session_id=None),
        Visitor("", is_new=True, session=None, session_id=None),
    ],
)
def test_another_browser_or_sign_in_gets_nothing(other: Visitor) -> None:
    results = Results(limits=Limits(), clock=Clock())
    results.keep("a", MINE, DOCUMENT)
    with pytest.raises(SearchGone):
        results.get("a", other)


def test_it_is_forgotten_after_a_while_and_an_unknown_one_was_never_there() -> None:
    clock = Clock()
    results = Results(limits=Limits(search_seconds=10), clock=clock)
    results.keep("a", MINE, DOCUMENT)
    clock.now = 10
    for name in ("a", "b"):
        with pytest.raises(SearchGone):
            results.get(name, MINE)


def test_the_oldest_make_room() -> None:
    results = Results(limits=Limits(results_bytes=300), clock=Clock())
    for name in "abc":
        results.keep(name, MINE, DOCUMENT)
    with pytest.raises(SearchGone):
        results.get("a", MINE)
    assert results.get("c", MINE) == DOCUMENT


def test_one_larger_than_all_room_is_not_kept() -> None:
    results = Results(limits=Limits(results_bytes=50), clock=Clock())
    results.keep("a", MINE, DOCUMENT)
    with pytest.raises(SearchGone):
        results.get("a", MINE)
