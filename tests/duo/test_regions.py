"""Regions as a geographical restriction names them."""

from __future__ import annotations

import pytest

from duo.regions import countries


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
