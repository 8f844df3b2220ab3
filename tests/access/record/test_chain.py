"""The one byte form of an entry: what is written is what verification encodes again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.errors import FactRefused
from access.record.chain import (
    MAX_FACTS,
    MAX_LINE,
    MAX_TEXT,
    START,
    Entry,
    Form,
    fit,
    written_after,
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50)
)  # fmt: skip
FACTS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    SCALARS | st.lists(SCALARS, max_size=5),
    max_size=8,
)


@given(facts=FACTS, time=st.floats(0, 1e12) | st.integers(0, 10**12))
def test_the_written_line_is_the_canonical_form_of_its_entry(
    facts: dict[str, object], time: float
) -> None:
    line, head = written_after(
        START, time=time, kind="answer.sent", facts=fit("answer.sent", facts)
    )
    assert len(line) <= MAX_LINE
    entry = Entry(**json.loads(line))
    assert line == entry.encoded() + b"\n"
    assert entry.facts == facts
    assert (head, entry.computed_hash()) == (entry.head, entry.hash)


DIGEST = "q-" + "0f" * 20


@given(facts=FACTS.filter(lambda facts: facts and all(name < "question" for name in facts)))
def test_a_form_gives_what_looking_through_all_of_its_facts_gives(facts: dict[str, object]) -> None:
    form = Form("answer.sent", facts, last="question")
    assert form.of(DIGEST) == fit("answer.sent", {**facts, "question": DIGEST})


@pytest.mark.parametrize(
    "text", ["", DIGEST.upper(), DIGEST + "0", DIGEST[:-1], DIGEST + "\n", 'q-"' + "0" * 39, "eyJ"]
)
def test_a_form_takes_a_digest_and_nothing_else(text: str) -> None:
    with pytest.raises(FactRefused):
        Form("answer.sent", {"outcome": "answered"}, last="question").of(text)


@pytest.mark.parametrize(
    ("same", "last"),
    [
        ({"zygosity": "x"}, "question"),
        ({"question": "x"}, "question"),
        ({}, "question"),
        ({"outcome": "x"}, 'question"'),
        ({"outcome": "bearer abcdefghijk"}, "question"),
    ],
)
def test_a_form_whose_rest_may_not_stand_in_the_record_is_refused(
    same: dict[str, object], last: str
) -> None:
    with pytest.raises(FactRefused):
        Form("answer.sent", same, last=last)


def test_a_form_refuses_what_its_digest_makes_too_large() -> None:
    most = {f"a{n}": "x" * MAX_TEXT for n in range(MAX_FACTS)}
    whole: dict[str, object] = {}
    for name, text in most.items():
        try:
            fit("answer.sent", whole | {name: text})
        except FactRefused:
            break
        whole[name] = text
    left = next(n for n in range(MAX_TEXT) if not _fits(whole | {"b": "x" * (n + 1)}))
    with pytest.raises(FactRefused):
        Form("answer.sent", whole | {"b": "x" * left}, last="question").of(DIGEST)


def _fits(facts: dict[str, object]) -> bool:
    try:
        fit("answer.sent", facts)
    except FactRefused:
        return False
    return True
