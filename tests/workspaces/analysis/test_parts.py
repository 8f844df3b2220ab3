"""Quality, components and the exact sums, each against another way to the same answer."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.analysis import components, limbs
from workspaces.analysis.design import Floats
from workspaces.analysis.gwas import AXIS_ROUNDS
from workspaces.analysis.quality import GenotypeCounts, genotype_counts, hardy_weinberg, quality


def exact_by_listing(none: int, one: int, two: int) -> float:
    """All ways to have these allele counts, by plain binomials."""
    people, copies = none + one + two, 2 * two + one
    ways = {}
    for heterozygous in range(copies % 2, min(copies, 2 * people - copies) + 1, 2):
        rare = (copies - heterozygous) // 2
        ways[heterozygous] = (
            comb(people, heterozygous) * comb(people - heterozygous, rare) * (2**heterozygous)
        )
    likely = ways[one]
    unlikely = sum(way for way in ways.values() if way <= likely)
    return float(unlikely / sum(ways.values()))


@given(st.integers(0, 25), st.integers(0, 25), st.integers(0, 25))
def test_hardy_weinberg_is_the_exact_test(none: int, one: int, two: int) -> None:
    if none + one + two == 0:
        return
    found = quality(GenotypeCounts(np.array([[none, one, two, 0.0]])))
    assert found.hardy_weinberg[0] == pytest.approx(exact_by_listing(none, one, two), rel=1e-9)


def test_blocks_of_the_exact_test_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(2).integers(0, 60, (300, 3)).astype(float)
    whole = hardy_weinberg(*counts.T)
    monkeypatch.setattr("workspaces.analysis.quality.EXACT_CELLS", 70)
    assert np.allclose(hardy_weinberg(*counts.T), whole, rtol=1e-12, atol=0)


def test_numbers_too_unlikely_to_matter_are_left_out_of_the_exact_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Against all numbers: from a few people to as many as a large study's, near and far from the
    proportions."""
    draw = np.random.default_rng(7)
    people = np.repeat([3, 40, 500, 3_000, 20_000], 60)
    share, excess = draw.uniform(0, 1, people.size) ** 2, draw.normal(0, 0.05, people.size)
    twice = np.clip(share**2 + excess * (np.arange(people.size) % 3), 0, 1)
    once = np.clip(2 * share * (1 - share), 0, 1 - twice)
    chances = np.column_stack([1 - once - twice, once, twice])
    counts = draw.multinomial(people, chances / chances.sum(axis=1, keepdims=True)).astype(float)
    found = hardy_weinberg(*counts.T)
    monkeypatch.setattr("workspaces.analysis.quality.FEW", 1_000_000)
    assert np.allclose(found, hardy_weinberg(*counts.T), rtol=1e-9, atol=0)


def test_counts_add_over_sites_and_missing_ones_are_seen() -> None:
    one = np.array([[0.0, 2.0], [1.0, np.nan], [2.0, 0.1]])
    both = genotype_counts(one) + genotype_counts(one)
    assert both.counts.tolist() == [[2, 2, 2, 0], [2, 0, 2, 2]]
    found = quality(both)
    assert found.call_rate.tolist() == [1.0, pytest.approx(2 / 3)]
    assert found.frequency.tolist() == [0.5, 0.5]
    assert found.passing(call_rate=0.9, minor=0.01, hardy_weinberg=0).tolist() == [True, False]


def test_a_variant_nobody_was_called_for_passes_nothing() -> None:
    found = quality(GenotypeCounts(np.array([[0.0, 0, 0, 9]])))
    assert not found.passing(call_rate=0, minor=0, hardy_weinberg=0).any()


def turned(rounds: int) -> tuple[Floats, Floats]:
    """The directions (400, 4) that six sites of three groups find, and those of all rows."""
    draw = np.random.default_rng(5)
    groups = draw.uniform(0.05, 0.95, (3, 400))
    people = [draw.binomial(2, groups[n % 3], (40, 400)).astype(float) for n in range(6)]
    together = np.concatenate(people)
    frequency = together.mean(axis=0) / 2
    sites = [components.standardised(one, frequency) for one in people]
    directions = components.start(400, 4, seed=1)
    for _ in range(rounds):
        steps = [components.local_step(one, directions) for one in sites]
        directions = components.next_directions(np.sum(steps, axis=0))
    _, _, right = np.linalg.svd(components.standardised(together, frequency), full_matrices=False)
    return directions, right.T


def test_components_over_sites_are_those_of_all_people_together() -> None:
    directions, true = turned(40)
    for place in range(2):
        assert abs(abs(directions[:, place] @ true[:, place]) - 1) < 1e-6
    assert np.allclose(directions.T @ directions, np.eye(4), atol=1e-9)


def test_the_rounds_of_a_study_find_the_plane_that_three_groups_lie_in() -> None:
    directions, true = turned(AXIS_ROUNDS)
    nearest = np.linalg.svd(directions[:, :2].T @ true[:, :2], compute_uv=False).min()
    assert nearest > 1 - 1e-6


numbers = st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=20)


@given(st.integers(1, 15), st.data())
def test_limbs_add_up_to_the_sum_of_the_numbers(sites: int, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 8))
    values = np.array(
        data.draw(
            st.lists(
                st.lists(st.floats(-1e5, 1e5), min_size=length, max_size=length),
                min_size=sites, max_size=sites,
            )
        )
    )  # fmt: skip
    summed = np.sum([limbs.encode(one) for one in values], axis=0)
    assert (summed < 2**32).all()
    found = limbs.decode(summed, sites=sites)
    assert np.abs(found - values.sum(axis=0)).max() <= sites * 2.0**-30


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 131_072.0, -131_072.0, 1e300])
def test_a_number_that_does_not_fit_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="scale it first"):
        limbs.encode(np.array([1.0, bad]))


def test_a_sum_that_no_sites_could_have_given_is_refused() -> None:
    good = limbs.encode(np.array([1.0, 2.0]))
    for summed, sites in ((good - 2**24, 1), (good * 3, 1), (good[:-1], 1), (good, 0), (good, 256)):
        with pytest.raises(ValueError, match="sites"):
            limbs.decode(summed, sites=sites)


def test_limbs_keep_the_order_of_numbers() -> None:
    values = np.array([-1000.5, -1.0, 0.0, 2.0**-30, 1.0, 99_999.25])
    back = limbs.decode(limbs.encode(values), sites=1)
    assert np.array_equal(back, values)
    assert all(first < second for first, second in pairwise(back))
