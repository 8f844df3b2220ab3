"""Links between identities are followed alike in both databases, and never cut silently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from access.errors import SeparationOfDuties
from access.linked import MAX_IDENTITIES, Linked
from access.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def linked(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Linked]:
    url = f"sqlite:///{tmp_path / 'control.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    store = Store(url)
    yield Linked(store)
    store.close()


def test_links_are_followed_over_any_number_of_steps_and_both_ways(linked: Linked) -> None:
    linked.join("a", frozenset({"b"}))
    linked.join("c", frozenset({"b", "d"}))
    linked.join("y", frozenset({"z"}))
    for one in "abcd":
        assert linked.same(one) == frozenset("abcd")
    assert linked.same("alone") == {"alone"}
    assert linked.people(["a", "d", "y", "alone"]) == 3


def test_what_was_joined_before_is_joined_once_more_without_harm(linked: Linked) -> None:
    for _ in range(2):
        linked.join("a", frozenset({"b", "c"}))
    assert linked.same("c") == frozenset("abc")


def test_as_many_as_are_followed_are_one_person_and_one_more_is_refused(linked: Linked) -> None:
    linked.join("a", frozenset(f"n{number}" for number in range(MAX_IDENTITIES - 1)))
    assert len(linked.same("n3")) == MAX_IDENTITIES
    linked.join("n5", frozenset({"b"}))
    for one in ("a", "b", "n3"):
        with pytest.raises(SeparationOfDuties):
            linked.same(one)
    with pytest.raises(SeparationOfDuties):
        linked.people(["alone", "b"])
