"""Changes that wait for a second admin happen once, by another person, and on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from access.admin_changes import (
    KEPT_SECONDS,
    MAX_FACTS_CHARS,
    MAX_WAITING,
    AdminChanges,
    Change,
    ChangeState,
)
from access.errors import (
    NoSuchThing,
    PolicyInvalid,
    SeparationOfDuties,
    StepNotPossible,
    TooManyOpen,
)
from schemas.errors import InvalidInput
from tests.support.access_node import NOW, AccessNode, at

FACTS = {"dataset": "isle", "version": "v1", "text": "secret words"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


@pytest.fixture
def changes(node: AccessNode) -> AdminChanges:
    return AdminChanges(node.store, record=node.record)


def proposed(changes: AdminChanges, *, now: int = NOW) -> Change:
    return changes.propose("dataset.remove", FACTS, reason="Old.", by=at("adam"), now=now)


def test_another_person_confirms_what_was_proposed(node: AccessNode, changes: AdminChanges) -> None:
    change = proposed(changes)
    seen: list[Change] = []
    done = changes.confirm(change.id, by=at("anna"), now=NOW, make=seen.append)
    assert [one.facts for one in seen] == [FACTS]
    assert (done.state, done.decided_by) == (ChangeState.DONE, at("anna"))
    kinds = " ".join(node.kinds())
    assert "admin.proposed" in kinds
    assert "admin.confirmed" in kinds


def test_the_record_holds_names_and_digests_and_never_a_text_or_a_person(
    node: AccessNode, changes: AdminChanges
) -> None:
    proposed(changes)
    written = " ".join(node.kinds())
    assert "isle" in written
    assert "secret words" not in written
    assert "adam" not in written


def test_who_proposed_it_cannot_confirm_it(changes: AdminChanges) -> None:
    change = proposed(changes)
    with pytest.raises(SeparationOfDuties):
        changes.confirm(change.id, by=at("adam"), now=NOW, make=_never)
    assert changes.get(change.id).state is ChangeState.WAITING


def test_it_happens_once(changes: AdminChanges) -> None:
    change = proposed(changes)
    changes.confirm(change.id, by=at("anna"), now=NOW, make=lambda _: None)
    with pytest.raises(StepNotPossible):
        changes.confirm(change.id, by=at("anna"), now=NOW, make=_never)
    with pytest.raises(StepNotPossible):
        changes.withdraw(change.id, by=at("anna"), now=NOW)


def test_of_two_who_confirm_at_once_one_makes_it(changes: AdminChanges) -> None:
    change = proposed(changes)

    def again(_change: Change) -> None:
        with pytest.raises(StepNotPossible):
            changes.confirm(change.id, by=at("otto"), now=NOW, make=_never)

    changes.confirm(change.id, by=at("anna"), now=NOW, make=again)
    assert changes.get(change.id).decided_by == at("anna")


def test_a_change_that_fails_says_why_and_does_not_wait_on(changes: AdminChanges) -> None:
    change = proposed(changes)

    def fails(_change: Change) -> None:
        raise PolicyInvalid("line 3: no such thing")

    with pytest.raises(PolicyInvalid):
        changes.confirm(change.id, by=at("anna"), now=NOW, make=fails)
    found = changes.get(change.id)
    assert (found.state, found.note) == (ChangeState.FAILED, "line 3: no such thing")


def test_it_is_withdrawn_by_who_proposed_it(changes: AdminChanges) -> None:
    change = proposed(changes)
    assert changes.withdraw(change.id, by=at("adam"), now=NOW).state is ChangeState.WITHDRAWN
    with pytest.raises(StepNotPossible):
        changes.confirm(change.id, by=at("anna"), now=NOW, make=_never)


def test_after_a_month_it_waits_no_more(changes: AdminChanges) -> None:
    change, late = proposed(changes), NOW + KEPT_SECONDS
    assert changes.waiting(now=late - 1) == (change,)
    assert changes.waiting(now=late) == ()
    with pytest.raises(StepNotPossible):
        changes.confirm(change.id, by=at("anna"), now=late, make=_never)


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
def test_a_reason_is_one_line(changes: AdminChanges, reason: str) -> None:
    with pytest.raises(InvalidInput):
        changes.propose("dataset.remove", FACTS, reason=reason, by=at("adam"), now=NOW)
    with pytest.raises(InvalidInput):
        changes.made("dataset.remove", FACTS, reason=reason, by=at("adam"))
    assert changes.listed() == ()


def test_too_many_and_too_large_are_refused(changes: AdminChanges) -> None:
    with pytest.raises(InvalidInput):
        changes.propose(
            "x", {"text": "a" * (MAX_FACTS_CHARS + 1)}, reason="Big.", by=at("adam"), now=NOW
        )
    for _ in range(MAX_WAITING):
        proposed(changes)
    with pytest.raises(TooManyOpen):
        proposed(changes)
    assert proposed(changes, now=NOW + KEPT_SECONDS).proposed > NOW


def test_an_unknown_change_is_not_there(changes: AdminChanges) -> None:
    with pytest.raises(NoSuchThing):
        changes.confirm("change-0", by=at("anna"), now=NOW, make=_never)


def _never(_change: Change) -> None:
    pytest.fail("must not be made")
