"""Dates and regions as the modifiers reckon them."""

from __future__ import annotations

from datetime import date

import pytest

from duo.modifiers import after_months
from duo.regions import countries


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 3, 31), 1, date(2026, 4, 30)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 6, 15), 12, date(2027, 6, 15)),
        (date(9999, 6, 15), 12, date.max),
    ],
)
def test_months_end_on_the_same_day_or_the_last_of_a_shorter_month(
    start: date, months: int, end: date
) -> None:
    assert after_months(start, months) == end


def test_regions_stand_for_their_countries() -> None:
    eu, mapped = countries(["EU"])
    assert mapped
    assert len(eu) == 27
    assert "GB" not in eu
    assert countries(["EEA"])[0] - eu == {"IS", "LI", "NO"}


def test_usual_names_are_read_as_iso() -> None:
    assert countries(["UK", "iso3166-1:de", "ISO3166:FR"]) == (frozenset({"GB", "DE", "FR"}), True)


@pytest.mark.parametrize("value", ["GAZ:00002938", "Germany", "", "not DE"])
def test_what_is_not_in_the_vocabulary_is_said_so(value: str) -> None:
    assert countries([value]) == (frozenset(), False)
