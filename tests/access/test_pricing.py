"""Prices and floors follow public frequencies and the size of a dataset, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.privacy.pricing import (
    EXCLUSIONS,
    MIN_PUBLIC_PEOPLE,
    Floors,
    Spectrum,
    absent,
    any_of,
    floors,
    price,
)

frequencies = st.floats(1e-9, 1.0)
people = st.integers(1, 1_000_000)


def neutral(sites: int) -> Spectrum:
    """As many alleles of each frequency as drift makes: proportional to one over it."""
    return Spectrum.of(10 ** (-5 * (number + 0.5) / sites) for number in range(sites))


@given(frequencies, people)
def test_a_rarer_allele_never_costs_less(frequency: float, size: int) -> None:
    assert price(frequency / 2, size) >= price(frequency, size)


@given(frequencies, people)
def test_a_smaller_dataset_never_costs_less(frequency: float, size: int) -> None:
    assert price(frequency, size) >= price(frequency, size + 1)


def test_the_price_is_the_likelihood_ratio_of_a_yes() -> None:
    others = 1 - (1 - 0.001) ** (2 * 500)
    assert math.isclose(price(0.001, 500), -math.log(others))


@pytest.mark.parametrize(("frequency", "size"), [(0.0, 1000), (-0.1, 1000), (0.1, 0), (1e-300, 1)])
def test_an_unknown_frequency_and_an_empty_dataset_can_never_be_paid(
    frequency: float, size: int
) -> None:
    assert price(frequency, size) == math.inf


def test_an_allele_everybody_has_costs_nothing() -> None:
    assert price(1.0, 1000) == 0


@given(st.lists(frequencies, min_size=1, max_size=20))
def test_one_of_several_alleles_is_at_least_as_frequent_as_the_commonest(of: list[float]) -> None:
    assert any_of(of) >= max(of) - 1e-9
    assert any_of(of) <= min(1.0, sum(of)) + 1e-9


def test_no_alleles_have_no_frequency() -> None:
    assert any_of([]) == 0


@pytest.mark.parametrize("size", [0, 1, MIN_PUBLIC_PEOPLE - 1])
def test_below_a_hundred_people_there_is_no_floor(size: int) -> None:
    assert floors(neutral(60_000), size) == Floors(None, None)


@pytest.mark.parametrize("spectrum", [Spectrum(()), Spectrum.of([]), Spectrum.of([0.0, 0.0])])
def test_without_a_panel_there_is_no_floor(spectrum: Spectrum) -> None:
    assert floors(spectrum, 100_000) == Floors(None, None)


@pytest.mark.parametrize("size", [100, 500, 1_000, 10_000])
def test_few_of_a_persons_alleles_above_the_floor_are_absent(size: int) -> None:
    sites = [10 ** (-5 * (number + 0.5) / 60_000) for number in range(60_000)]
    floor = floors(Spectrum.of(sites), size).allele
    assert floor is not None
    shown = sum((1 - (1 - f) ** 2) * absent(f, size) for f in sites if f >= floor)
    assert 0 < shown <= EXCLUSIONS


@pytest.mark.parametrize("size", [500, 1_000, 10_000])
def test_the_floor_of_ranges_is_the_higher(size: int) -> None:
    found = floors(neutral(60_000), size)
    assert found.allele is not None
    assert found.span is not None
    assert found.span > found.allele


def test_a_larger_dataset_answers_about_rarer_alleles() -> None:
    small, large = (floors(neutral(60_000), size).allele for size in (200, 20_000))
    assert small is not None
    assert large is not None
    assert large < small / 20


def test_the_floor_agrees_with_the_published_constant() -> None:
    """60,000 sites and 1,000 people: 2N*AF of 4.8 in theory."""
    floor = floors(neutral(60_000), 1_000).allele
    assert floor is not None
    assert 3.5 < 2 * 1_000 * floor < 6.5
