"""Which part is sent: as the compliance suite of refget 2.0.0 wants it, and never beyond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import NotAcceptable, OutOfSequence, SubsequenceInvalid
from streams.refget.subsequence import JSON, PLAIN, Part, json_type, part_of, plain_type

LENGTH = 5386


def part(
    start: str | None = None,
    end: str | None = None,
    byte_range: str | None = None,
    *,
    circular: bool = False,
) -> Part:
    return part_of(LENGTH, circular=circular, start=start, end=end, byte_range=byte_range)


@pytest.mark.parametrize(
    ("asked", "stretches", "status"),
    [
        ({}, ((0, LENGTH),), 200),
        ({"start": "10"}, ((10, LENGTH),), 200),
        ({"end": "5"}, ((0, 5),), 200),
        ({"start": "5", "end": "5"}, ((5, 5),), 200),
        ({"start": "0", "end": "5386"}, ((0, 5386),), 200),
        ({"byte_range": "bytes=0-0"}, ((0, 1),), 206),
        ({"byte_range": "bytes=10-9999"}, ((10, LENGTH),), 206),
        ({"start": "5200", "end": "19", "circular": True}, ((5200, LENGTH), (0, 19)), 200),
    ],
)
def test_what_may_be_asked(asked: dict[str, object], stretches: object, status: int) -> None:
    assert part(**asked) == Part(stretches, status)  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"start": "5386"}, OutOfSequence),
        ({"end": "5387"}, OutOfSequence),
        ({"start": "20", "end": "10"}, OutOfSequence),
        ({"start": "-1"}, SubsequenceInvalid),
        ({"start": "x"}, SubsequenceInvalid),
        ({"start": "1.0"}, SubsequenceInvalid),
        ({"start": ""}, SubsequenceInvalid),
        ({"start": "9" * 19}, SubsequenceInvalid),
        ({"start": "\u0661"}, SubsequenceInvalid),
        ({"start": "1", "byte_range": "bytes=0-1"}, SubsequenceInvalid),
        ({"byte_range": "units=0-1"}, SubsequenceInvalid),
        ({"byte_range": "bytes=-10--19"}, SubsequenceInvalid),
        ({"byte_range": "bytes=-10-"}, SubsequenceInvalid),
        ({"byte_range": "bytes=="}, SubsequenceInvalid),
        ({"byte_range": "bytes=0-1,4-5"}, SubsequenceInvalid),
        ({"byte_range": "bytes=5386-5387"}, OutOfSequence),
        ({"byte_range": "bytes=10-5"}, OutOfSequence),
    ],
)
def test_what_may_not(asked: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        part(**asked)  # type: ignore[arg-type]  # a table
    assert type(raised.value) is error


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 50), st.booleans())
def test_no_part_ever_reaches_beyond_the_sequence(
    start: int, end: int, length: int, circular: bool
) -> None:
    try:
        made = part_of(length, circular=circular, start=str(start), end=str(end), byte_range=None)
    except OutOfSequence:
        return
    assert all(0 <= first <= last <= length for first, last in made.stretches)
    assert made.length == (end - start if start <= end else length - start + end)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/*", PLAIN),
        ("text/plain", "text/plain"),
        ("text/vnd.ga4gh.refget.v1.0.0+plain", "text/vnd.ga4gh.refget.v1.0.0+plain"),
        ("text/embl, text/plain;q=0.5", "text/plain"),
    ],
)
def test_the_media_type_is_one_that_is_accepted(accept: str, kind: str) -> None:
    assert plain_type(accept) == f"{kind}; charset=us-ascii"


@pytest.mark.parametrize("accept", ["text/embl", "application/xml, image/png"])
def test_what_cannot_be_sent_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        plain_type(accept)
    with pytest.raises(NotAcceptable):
        json_type(accept)


def test_metadata_is_json_of_the_standard_or_plain_json() -> None:
    assert json_type("") == JSON
    assert json_type("application/json") == "application/json"
