"""A result is for the browser and the sign-in that asked, for a while."""

from __future__ import annotations

import pytest

from portal.asking.answer import NodeAnswer, Outcome, SetAnswer
from portal.errors import SearchGone
from portal.questions.question import parse
from portal.results.kept import Result, Results
from portal.settings import Limits
from portal.visitors import Visitor

MINE = Visitor("k" * 43, is_new=False, session=None, session_id="s1")
QUESTION = parse("MONDO:1")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _open(results: Results, name: str, asked: int = 1) -> Result:
    return results.open(name, QUESTION, MINE, asked=asked, when="2026-01-01T00:00:00Z")


def _row(name: str, outcome: Outcome = Outcome.OK, sets: int = 0) -> NodeAnswer:
    found = tuple(SetAnswer(str(n), True, 1, "exact") for n in range(sets))
    return NodeAnswer(f"https://{name}", name, outcome, "", 5, "anonymous", found)


def test_it_is_given_to_the_one_who_asked_as_often_as_wanted() -> None:
    results = Results(limits=Limits(), clock=Clock())
    made = _open(results, "a")
    assert results.get("a", MINE) is results.get("a", MINE) is made


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
    _open(results, "a")
    with pytest.raises(SearchGone):
        results.get("a", other)


def test_it_is_forgotten_after_a_while_and_an_unknown_one_was_never_there() -> None:
    clock = Clock()
    results = Results(limits=Limits(search_seconds=10), clock=clock)
    _open(results, "a")
    clock.now = 10
    for name in ("a", "b"):
        with pytest.raises(SearchGone):
            results.get(name, MINE)


def test_the_oldest_make_room() -> None:
    results = Results(limits=Limits(results_bytes=1_500), clock=Clock())
    for name in "abc":
        _open(results, name)
    with pytest.raises(SearchGone):
        results.get("a", MINE)
    assert results.get("c", MINE).question == QUESTION


def test_one_that_grew_larger_than_all_room_is_not_kept() -> None:
    results = Results(limits=Limits(results_bytes=5_000), clock=Clock())
    made = _open(results, "a")
    made.put(_row("one", sets=20))
    results.keep("a", made)
    with pytest.raises(SearchGone):
        results.get("a", MINE)


def test_a_node_asked_again_takes_its_own_place() -> None:
    made = _open(Results(limits=Limits(), clock=Clock()), "a", asked=2)
    for row in (_row("one", Outcome.LATE), _row("two"), _row("one")):
        made.put(row)
    assert [(row.name, row.outcome) for row in made.rows] == [
        ("one", Outcome.OK),
        ("two", Outcome.OK),
    ]
    assert made.whole
