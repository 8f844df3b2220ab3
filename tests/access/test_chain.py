"""The one byte form of an entry: what is written is what verification encodes again."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from access.chain import MAX_LINE, START, Entry, fit, written_after

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
