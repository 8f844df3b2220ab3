from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.errors import (
    NoSuchThing,
    RecordUnavailable,
    StepNotPossible,
    StoreUnavailable,
    TooManyOpen,
    UnknownSchema,
)
from access.requests.lifecycle import AccessRequest, Event, State, Step
from access.rows import IssuedGrant
from access.store import MAX_OPEN_REQUESTS, Store
from schemas.grants import EventFacts
from tests.support.access_node import NOW, AccessNode, at
from tests.support.grants import active_grant


@pytest.fixture(params=["sqlite", "postgresql"])
def node(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AccessNode]:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    made = AccessNode(tmp_path, control_url=url)
    yield made
    made.close()


def draft(number: int = 1, *, state: State = State.DRAFT, workspace: str = "ws") -> AccessRequest:
    return AccessRequest(
        f"req-{number}", at("grace"), "ds1", "p", "why", workspace, 6, state, NOW, NOW
    )


def grant(request_id: str, workspace: str, *, expires: int = NOW + 100) -> IssuedGrant:
    return IssuedGrant(
        grant_id=f"grant-{request_id}",
        identity=at("grace"),
        dataset="ds1",
        workspace=workspace,
        expires=expires,
        request_id=request_id,
        issued=NOW,
    )


def unwritable() -> None:
    raise RecordUnavailable("The record can't be written.")


def step(name: Step, to: State) -> Event:
    return Event(NOW, name, at("dora"), "", EventFacts(state=to))


def test_what_cannot_be_recorded_is_not_kept(node: AccessNode) -> None:
    with pytest.raises(RecordUnavailable):
        node.store.add_request(draft(), before_commit=unwritable)
    assert node.store.request("req-1") is None


def test_a_step_that_cannot_be_recorded_is_not_taken(node: AccessNode) -> None:
    workspace = node.workspace()
    asked = draft(state=State.SUBMITTED, workspace=workspace)
    node.store.add_request(asked, before_commit=lambda: None)
    with pytest.raises(RecordUnavailable):
        node.store.take_step(
            asked,
            step(Step.APPROVE, State.APPROVED),
            grants=(grant("req-1", workspace),),
            before_commit=unwritable,
        )
    left = node.store.request("req-1")
    assert left is not None
    assert (left.state, left.events) == (State.SUBMITTED, ())
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is None


def test_of_two_who_decide_on_the_same_state_the_second_is_refused(node: AccessNode) -> None:
    asked = draft(state=State.SUBMITTED)
    node.store.add_request(asked, before_commit=lambda: None)

    def decide(name: Step, to: State) -> None:
        node.store.take_step(asked, step(name, to), before_commit=lambda: None)

    decide(Step.REJECT, State.REJECTED)
    with pytest.raises(StepNotPossible):
        decide(Step.RETURN, State.RETURNED)
    left = node.store.request("req-1")
    assert left is not None
    assert left.state is State.REJECTED


def test_a_grant_for_an_unknown_workspace_is_not_given(node: AccessNode) -> None:
    asked = draft(state=State.SUBMITTED)
    node.store.add_request(asked, before_commit=lambda: None)
    with pytest.raises(NoSuchThing):
        node.store.take_step(
            asked,
            step(Step.APPROVE, State.APPROVED),
            grants=(grant("req-1", "ws-none"),),
            before_commit=lambda: None,
        )
    assert node.store.grants_of("req-1") == ()


def test_a_grant_is_active_until_its_last_second_and_for_its_dataset_only(
    node: AccessNode,
) -> None:
    workspace = node.workspace()
    asked = draft(state=State.SUBMITTED, workspace=workspace)
    node.store.add_request(asked, before_commit=lambda: None)
    node.store.take_step(
        asked,
        step(Step.APPROVE, State.APPROVED),
        grants=(grant("req-1", workspace),),
        before_commit=lambda: None,
    )
    assert active_grant(node.store, at("grace"), "ds1", now=NOW + 99) is not None
    assert active_grant(node.store, at("grace"), "ds1", now=NOW + 100) is None
    assert active_grant(node.store, at("grace"), "ds2", now=NOW) is None
    assert active_grant(node.store, "grace@https://other", "ds1", now=NOW) is None


def test_open_requests_are_capped_per_person(node: AccessNode) -> None:
    for number in range(MAX_OPEN_REQUESTS):
        node.store.add_request(draft(number), before_commit=lambda: None)
    with pytest.raises(TooManyOpen):
        node.store.add_request(draft(99), before_commit=lambda: None)
    decided = draft(100)
    with pytest.raises(TooManyOpen):
        node.store.add_request(decided, before_commit=lambda: None)


def test_a_committee_without_datasets_is_listed_nothing(node: AccessNode) -> None:
    node.store.add_request(draft(state=State.SUBMITTED), before_commit=lambda: None)
    assert node.store.requests_for(()) == ()
    assert len(node.store.requests_for(("ds1",))) == 1


def test_drafts_are_listed_to_their_author_only(node: AccessNode) -> None:
    node.store.add_request(draft(), before_commit=lambda: None)
    assert node.store.requests_for(("ds1",)) == ()
    assert len(node.store.requests_of(at("grace"))) == 1


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'control.db'}"
    Store(url).close()
    connection = sqlite3.connect(tmp_path / "control.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(UnknownSchema):
        Store(url)


def test_the_database_is_write_ahead_logged_and_outlives_its_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'control.db'}"
    first = Store(url)
    first.add_request(draft(), before_commit=lambda: None)
    first.close()
    connection = sqlite3.connect(tmp_path / "control.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    second = Store(url)
    assert second.request("req-1") == draft()
    second.close()


def test_a_locked_database_is_unavailable_and_decides_nothing(
    node: AccessNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.database.BUSY_SECONDS", 0.05)
    impatient = Store(node.store_url)
    with node.store.writing() as held:
        held.connection()
        with pytest.raises(StoreUnavailable):
            impatient.add_request(draft(), before_commit=lambda: None)
    impatient.close()
    assert node.store.request("req-1") is None
