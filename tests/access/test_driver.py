from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from access.errors import StoreUnavailable
from access.store import Store
from schemas.errors import InvalidInput


@pytest.fixture(params=["sqlite", "postgresql"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'control.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    made = Store(url)
    yield made
    made.close()


def charge(store: Store, subject: str) -> None:
    with store.charging() as charging:
        charging.run(
            "INSERT INTO privacy_account (subject, dataset, stamp, singles, near, alarm, packed) "
            "VALUES (:subject, 'd', 0, 0, 0, 0, :packed)",
            subject=subject,
            packed=b"",
        )


def subjects(store: Store) -> list[str]:
    return [name for (name,) in store.find("SELECT subject FROM privacy_account ORDER BY subject")]


def test_what_is_committed_is_found_at_once_and_nothing_before(store: Store) -> None:
    charge(store, "grace")
    assert subjects(store) == ["grace"]
    with store.charging() as charging:
        charging.run("DELETE FROM privacy_account")
        assert subjects(store) == ["grace"]
    assert subjects(store) == []
    charge(store, "hugo")
    assert subjects(store) == ["hugo"]


def test_a_connection_that_was_lost_is_made_anew(store: Store) -> None:
    charge(store, "grace")
    assert subjects(store)
    store._finding._line.driver.close()
    assert subjects(store) == ["grace"]


def test_what_the_database_refuses_is_no_empty_answer(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.find("SELECT 1 FROM no_such_table")
    assert subjects(store) == []


def test_a_text_that_cannot_be_kept_is_found_nowhere(store: Store) -> None:
    question = "SELECT subject FROM privacy_account WHERE subject = :subject"
    try:
        assert store.find(question, subject="a\0b") == []
    except InvalidInput:
        assert not store._finding._line.is_sqlite


def test_threads_take_turns(store: Store) -> None:
    charge(store, "grace")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: subjects(store), range(200)))
    assert found == [["grace"]] * 200
