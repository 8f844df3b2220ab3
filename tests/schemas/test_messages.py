"""A message is its own English, and keeps what a catalogue needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from schemas.errors import NotFound
from schemas.messages import Message, Value, following, packed, plural, span, unpacked


@pytest.mark.parametrize(
    ("value", "english"),
    [
        ("a b", "a b"),
        (1234567, "1,234,567"),
        (0.0012, "0.0012"),
        (2.0, "2"),
        (datetime(2027, 3, 5, 7, 8, tzinfo=UTC), "5 March 2027, 07:08 UTC"),
        ((), ""),
        (("a",), "a"),
        (("a", "b"), "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (Message("it is %(one)s", one="x"), "it is x"),
    ],
)
def test_values_are_written_in_english(value: Value, english: str) -> None:
    assert Message("<%(value)s>", value=value) == f"<{english}>"


def test_without_values_a_percent_sign_means_itself() -> None:
    assert Message("5 % of all, %(not)s a value") == "5 % of all, %(not)s a value"


def test_a_value_that_is_missing_is_found_where_the_message_is_made() -> None:
    with pytest.raises(KeyError):
        Message("%(one)s and %(other)s", one="x")


@pytest.mark.parametrize(("count", "english"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes")])
def test_a_plural_is_chosen_by_its_count(count: int, english: str) -> None:
    made = plural("%(count)s node", "%(count)s nodes", count=count)
    assert made == english
    assert made.msgid == "%(count)s node"
    assert made.plural == ("%(count)s nodes", count)


def test_sentences_follow_one_another_and_a_range_has_two_ends_or_one() -> None:
    assert following(Message("One."), Message("Two.")) == "One. Two."
    assert following(Message("One.")) == "One."
    assert following("a", "b", by=", ") == "a, b"
    assert (span(1, 1000), span(7, 7)) == ("1–1,000", "7")


def test_programs_read_its_english() -> None:
    made = Message("Found at %(place)s.", place="Isle")
    assert json.dumps({"said": made}) == '{"said": "Found at Isle."}'
    assert NotFound(made).public == "Found at Isle."
    assert isinstance(NotFound(made).public, Message)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same_message(copied: Callable[[Message], Message]) -> None:
    made = plural("%(count)s node", "%(count)s nodes", count=2)
    again = copied(made)
    assert (again, again.msgid, again.plural, again.values) == (
        made, made.msgid, made.plural, made.values,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "plain text, 5 %",
        Message("no value, 5 %"),
        Message("%(file)s: %(what)s", file="a.vcf", what=Message("at most %(most)s", most=10_000)),
        plural("%(count)s node", "%(count)s nodes", count=1),
        plural("%(count)s of %(all)s", "%(count)s from %(all)s", count=3, all=["a", "b"]),
    ],
)
def test_a_message_outlives_its_process_in_json(words: str) -> None:
    again = unpacked(json.loads(json.dumps(packed(words))))
    assert again == words
    assert type(again) is type(words)
    for name in ("msgid", "plural", "values"):
        assert getattr(again, name, None) == getattr(words, name, None)
