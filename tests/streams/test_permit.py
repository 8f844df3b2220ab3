"""A permit covers exactly its objects, dataset, recipient, bytes and time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.grants import Permit
from streams.permit import Use, cover

PERMIT = Permit(
    permit_id="p1",
    subject="p-someone",
    audience="https://node.example",
    dataset="ds1",
    objects=("a", "b"),
    workspace="w1",
    recipient="ab" * 32,
    byte_budget=100,
    issued=1000,
    expires=2000,
)
USE = Use("a", "ds1", "ab" * 32, 100)


def test_what_it_names_is_covered_until_the_last_second() -> None:
    assert cover(PERMIT, USE, now=1999).covered


@pytest.mark.parametrize(
    ("use", "now", "reason"),
    [
        (replace(USE, object_id="c"), 1500, "permit_object"),
        (replace(USE, dataset="ds2"), 1500, "permit_dataset"),
        (replace(USE, recipient="cd" * 32), 1500, "permit_recipient"),
        (replace(USE, sent_bytes=101), 1500, "permit_budget"),
        (replace(USE, sent_bytes=-1), 1500, "permit_budget"),
        (USE, 2000, "permit_expired"),
    ],
)
def test_anything_else_is_not_covered_and_says_why(use: Use, now: int, reason: str) -> None:
    assert cover(PERMIT, use, now=now).reasons == (reason,)


def test_a_permit_that_names_nothing_covers_nothing() -> None:
    empty = PERMIT.model_copy(update={"objects": ()})
    assert not cover(empty, USE, now=1500).covered


def test_every_reason_is_given() -> None:
    assert len(cover(PERMIT, Use("x", "y", "z", 999), now=9999).reasons) == 5
