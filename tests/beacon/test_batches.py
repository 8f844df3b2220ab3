"""Newcomers are seen by those without a grant fifty at a time; whoever leaves is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.privacy.ledger import MIN_BATCH
from beacon import batches, manifest
from beacon.batches import NO_BATCH, Batch, released, turned
from beacon.errors import CatalogError

_PEOPLE = st.frozensets(st.integers(0, 200).map(str), max_size=150)


def people(*ranges: range) -> frozenset[str]:
    return frozenset(str(n) for each in ranges for n in each)


def note(folder: Path, version: str, who: frozenset[str], served: Iterable[str] = ()) -> Batch:
    return batches.note(folder, "d", version, who, served=lambda: served)


def test_the_first_version_tells_of_all_and_the_next_of_a_batch(tmp_path: Path) -> None:
    assert note(tmp_path, "a", people(range(30))) == Batch(30, 0, {"a": frozenset()})
    grown = note(tmp_path, "b", people(range(30 + MIN_BATCH - 1)))
    assert grown.turnover == 30
    assert grown.waiting["b"] == people(range(30, 30 + MIN_BATCH - 1))
    enough = note(tmp_path, "c", people(range(30 + MIN_BATCH)))
    assert enough.turnover == 30 + MIN_BATCH
    assert enough.waiting["c"] == frozenset()
    assert batches.read(tmp_path)["d"].turnover == 30 + MIN_BATCH


def test_newcomers_who_trickle_in_wait_for_one_another(tmp_path: Path) -> None:
    note(tmp_path, "0", people(range(100)))
    for number in range(1, MIN_BATCH):
        after = note(tmp_path, str(number), people(range(100 + number)))
        assert len(after.waiting[str(number)]) == number
    assert not note(tmp_path, "all", people(range(100 + MIN_BATCH))).waiting["all"]


def test_people_exchanged_for_others_do_not_come_unseen(tmp_path: Path) -> None:
    """As many come as go, so that the size says nothing."""
    note(tmp_path, "a", people(range(100)))
    after = note(tmp_path, "b", people(range(25, 125)))
    assert after.waiting["b"] == people(range(100, 125))
    assert (after.turnover, after.left) == (100, 25)
    again = note(tmp_path, "c", people(range(50, 125)))
    assert (again.turnover, again.left) == (150, 0)


def test_a_dataset_of_before_knows_the_people_it_served(tmp_path: Path) -> None:
    after = note(tmp_path, "b", people(range(101)), served=people(range(100)))
    assert after.waiting["b"] == {"100"}
    assert after.turnover == 100


def test_who_leaves_is_in_no_file(tmp_path: Path) -> None:
    note(tmp_path, "a", frozenset({"stays", "leaves"}))
    note(tmp_path, "b", frozenset({"stays", "waits"}))
    note(tmp_path, "c", frozenset({"stays"}))
    text = "".join(path.read_text() for path in tmp_path.glob("*.json"))
    assert "stays" in text
    assert "leaves" not in text
    assert "waits" not in text


def test_versions_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    note(tmp_path, "a", people(range(10)))
    note(tmp_path, "b", people(range(11)))
    assert set(note(tmp_path, "c", people(range(12))).waiting) == {"c"}
    manifest.switch(tmp_path, "d", manifest.Entry("d.c.segment", "c", 1, ""))
    assert set(note(tmp_path, "e", people(range(13))).waiting) == {"c", "e"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"d": {}}',
        '{"d": {"turnover": 1, "left": 0}}',
        '{"d": {"turnover": 1, "left": 0, "waiting": []}}',
        '{"d": {"turnover": "x", "left": 0, "waiting": {}}}',
    ],
)
def test_what_cannot_be_read_is_never_read_as_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "batches.json").write_text(text)
    with pytest.raises(CatalogError):
        batches.read(tmp_path)


@given(st.lists(_PEOPLE, min_size=1, max_size=8))
def test_nobody_is_told_of_in_a_batch_of_less_than_fifty(versions: list[frozenset[str]]) -> None:
    """A no-to-yes flip between any two versions has fifty who can have made it."""
    told, known = frozenset[str](), NO_BATCH
    for number, who in enumerate(versions):
        tells, after = released(told, who, known), turned(told, who, known)
        new = tells - told
        assert tells <= who
        assert number == 0 or not new or len(new) >= MIN_BATCH
        assert after.turnover >= known.turnover
        assert not new or number == 0 or after.turnover - known.turnover >= len(new)
        assert after.left < MIN_BATCH
        told, known = tells, after


def test_the_files_hold_no_more_than_they_say(tmp_path: Path) -> None:
    note(tmp_path, "a", people(range(3)))
    stated = json.loads((tmp_path / "batches.json").read_text())
    assert stated == {"d": {"turnover": 3, "left": 0, "waiting": {}}}
