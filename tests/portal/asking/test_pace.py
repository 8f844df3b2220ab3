"""The soonest begin first, then the slowest; who gave no answer comes last."""

from __future__ import annotations

import random

from portal.asking.pace import Paces


def _known(**seconds: float) -> Paces:
    paces = Paces()
    for url, taken in seconds.items():
        paces.saw(url, answered=True, seconds=taken)
    return paces


def _order(paces: Paces, urls: str, *, soonest: int = 2) -> str:
    return "".join(urls[place] for place in paces.order(list(urls), soonest=soonest))


def test_of_nodes_that_nothing_is_known_of_the_order_is_kept() -> None:
    assert _order(Paces(), "cab") == "cab"
    assert _order(Paces(), "") == ""


def test_the_soonest_begin_and_the_slowest_follow_them() -> None:
    paces = _known(a=0.3, b=0.1, c=0.5, d=0.2, e=0.4)
    assert _order(paces, "abcde") == "bd" + "cea"
    assert _order(paces, "abcde", soonest=1) == "b" + "cead"
    assert _order(paces, "abcde", soonest=9) == "bdaec"


def test_new_nodes_follow_those_that_are_known_and_silent_ones_come_last() -> None:
    paces = _known(a=0.3, b=0.1, c=0.2)
    paces.saw("b", answered=False, seconds=5)
    paces.saw("x", answered=False, seconds=5)
    assert _order(paces, "xnabmc", soonest=1) == "ca" + "nm" + "xb"


def test_a_node_that_answers_again_is_known_by_the_time_it_takes() -> None:
    paces = _known(a=0.3, b=0.1, c=0.2)
    paces.saw("b", answered=False, seconds=5)
    paces.saw("b", answered=True, seconds=1)
    assert _order(paces, "abc", soonest=1) == "cba"


def test_one_slow_answer_is_soon_forgotten() -> None:
    paces = _known(a=0.1, b=0.2)
    paces.saw("a", answered=True, seconds=2)
    assert _order(paces, "ab", soonest=1) == "ba"
    for _ in range(6):
        paces.saw("a", answered=True, seconds=0.1)
    assert _order(paces, "ab", soonest=1) == "ab"


def test_every_node_begins_once_whatever_is_known() -> None:
    dice = random.Random(7)  # noqa: S311 - a test's
    for _ in range(200):
        paces = Paces()
        urls = [str(number) for number in range(dice.randrange(40))]
        for url in urls:
            if dice.random() < 0.7:
                paces.saw(url, answered=dice.random() < 0.8, seconds=dice.choice([0.1, 0.2]))
        assert sorted(paces.order(urls, soonest=dice.randrange(30))) == list(range(len(urls)))
