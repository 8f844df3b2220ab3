"""Bitmaps are found once, and the ones asked for longest ago make room."""

from __future__ import annotations

import pytest
from pyroaring import BitMap

from beacon.segment.remembered import Remembered


class Finder:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def find(self, number: int) -> BitMap:
        self.asked.append(number)
        return BitMap([number])


def test_what_was_found_is_not_looked_for_again() -> None:
    finder, remembered = Finder(), Remembered()
    for _ in range(3):
        assert remembered.of(7, lambda: finder.find(7)) == BitMap([7])
    assert finder.asked == [7]


def test_each_key_has_its_own() -> None:
    finder, remembered = Finder(), Remembered()
    for number in (1, 2, 1):
        assert remembered.of(number, lambda n=number: finder.find(n)) == BitMap([number])  # type: ignore[misc]  # bound at once


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    finder, remembered = Finder(), Remembered(max_bytes=500)
    for number in (1, 2, 1, 3, 1, 2):
        remembered.of(number, lambda n=number: finder.find(n))  # type: ignore[misc]  # bound at once
    assert finder.asked == [1, 2, 3, 2]


def test_what_is_larger_than_the_cap_is_given_and_not_kept() -> None:
    finder, remembered = Finder(), Remembered(max_bytes=10)
    for _ in range(2):
        assert remembered.of(1, lambda: finder.find(1)) == BitMap([1])
    assert finder.asked == [1, 1]


def test_a_failure_is_not_kept() -> None:
    remembered = Remembered()

    def fail() -> BitMap:
        raise KeyError("unreadable")

    with pytest.raises(KeyError):
        remembered.of(1, fail)
    assert remembered.of(1, lambda: BitMap([1])) == BitMap([1])
