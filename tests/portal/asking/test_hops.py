"""A question that was here before, or came too far, is refused; others carry us on their way."""

from __future__ import annotations

import pytest

from portal.asking import hops
from portal.errors import AskedInCircles, UnreadableQuestion
from schemas.errors import SkerryError

OWN = "org.example.network"


def _read(passed: str = "", query_id: str = "q1") -> hops.Journey:
    return hops.read({hops.HOPS: passed, hops.QUERY_ID: query_id}, own_id=OWN)


def test_a_question_keeps_its_id_and_gains_us() -> None:
    journey = _read("org.a, org.b")
    assert journey.networks == ("org.a", "org.b", OWN)
    assert journey.headers == {"Beacon-Query-Id": "q1", "Beacon-Hops": f"org.a, org.b, {OWN}"}


def test_a_question_without_a_journey_begins_one() -> None:
    first, second = hops.read({}, own_id=OWN), hops.begun(OWN)
    assert first.networks == second.networks == (OWN,)
    assert first.query_id != second.query_id


@pytest.mark.parametrize(
    ("passed", "refusal"),
    [
        (OWN, AskedInCircles),
        (f"org.a,{OWN} ,org.b", AskedInCircles),
        ("a, b, c, d", AskedInCircles),
        ("a\r\nX: y", UnreadableQuestion),
        ("a" * 201, UnreadableQuestion),
        ("<script>", UnreadableQuestion),
    ],
)
def test_a_circle_a_long_way_and_nonsense_are_refused(
    passed: str, refusal: type[SkerryError]
) -> None:
    with pytest.raises(refusal):
        _read(passed)


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(UnreadableQuestion):
        _read(query_id="a b")
