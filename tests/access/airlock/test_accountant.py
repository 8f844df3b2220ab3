"""What noisy tables cost together is the least that is true, and never above their plain sum."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import exp, inf, log

import pytest

from access.airlock import accountant
from schemas.runs import PrivacyBudget


def worst_delta(epsilon: float, *, draws: int, above: float) -> float:
    """Every pattern of true and untrue answers, one by one: the definition of (epsilon, delta)."""
    true = exp(epsilon) / (1 + exp(epsilon))
    total = 0.0
    for lies in product((False, True), repeat=draws):
        here = there = 1.0
        for lie in lies:
            here *= 1 - true if lie else true
            there *= true if lie else 1 - true
        total += max(0.0, here - exp(above) * there)
    return total


@pytest.mark.parametrize("draws", [1, 2, 5, 10])
@pytest.mark.parametrize("epsilon", [0.02, 0.5, 2.0])
@pytest.mark.parametrize("share", [0.0, 0.31, 0.77])
def test_the_tail_is_that_of_all_patterns(draws: int, epsilon: float, share: float) -> None:
    above = share * draws * epsilon
    found = accountant.spilled(epsilon, draws=draws, above=above)
    assert found == pytest.approx(worst_delta(epsilon, draws=draws, above=above), abs=1e-12)


@pytest.mark.parametrize("scale", [1, 3, 20])
def test_discrete_laplace_noise_tells_what_a_yes_or_no_answer_does(scale: int) -> None:
    """Two neighbouring counts, every draw within reach: the tail is the same."""
    ratio = exp(-1 / scale)
    normal = (1 - ratio) / (1 + ratio)
    for above in (0.0, 0.3 / scale, 0.9 / scale):
        direct = sum(
            max(0.0, normal * (ratio ** abs(at) - exp(above) * ratio ** abs(at - 1)))
            for at in range(-60 * scale, 60 * scale)
        )
        assert accountant.spilled(1 / scale, draws=1, above=above) == pytest.approx(direct)


@pytest.mark.parametrize(("draws", "epsilon"), [(7, 0.3), (600, 1 / 60), (100_000, 0.001)])
@pytest.mark.parametrize("delta", [1e-4, 1e-6, 1e-12])
def test_it_is_read_from_above_and_hardly_above(draws: int, epsilon: float, delta: float) -> None:
    found = accountant.composed(epsilon, draws=draws, delta=delta)
    assert found <= draws * epsilon
    assert accountant.spilled(epsilon, draws=draws, above=found) <= delta
    assert accountant.spilled(epsilon, draws=draws, above=found * 0.999) > delta


def test_a_hundred_tables_of_six_sites_cost_a_fifth_of_their_sum() -> None:
    """Plainly 10; and no less than the Gaussian limit, which is below it for so many draws."""
    privacy = PrivacyBudget(epsilon=10, per_table=0.1, delta=1e-6)
    found = accountant.reads(privacy, sites=6, tables=100)
    assert 1.5 < found < 2.2


def test_many_sites_with_more_noise_tell_less_than_one_with_little() -> None:
    privacy = PrivacyBudget(epsilon=10, per_table=0.5, delta=1e-6)
    costs = [accountant.reads(privacy, sites=sites, tables=20) for sites in (1, 3, 6, 64)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0] / 2


def test_with_no_delta_costs_add_up_plainly() -> None:
    privacy = PrivacyBudget(epsilon=10, per_table=0.25)
    assert accountant.reads(privacy, sites=6, tables=12) == 3.0


def test_one_table_never_costs_more_than_it_says() -> None:
    for sites in (1, 2, 7, 64):
        for per_table in (0.001, 0.03, 0.7, 3.0, 20.0):
            privacy = PrivacyBudget(epsilon=20, per_table=per_table, delta=1e-9)
            assert accountant.reads(privacy, sites=sites, tables=1) <= per_table
            scale = accountant.scale_of(privacy, sites=sites)
            assert Fraction(sites, scale) <= Fraction(per_table) + Fraction(1, 10**12)


def test_more_tables_never_cost_less() -> None:
    privacy = PrivacyBudget(epsilon=10, per_table=0.1, delta=1e-6)
    costs = [accountant.reads(privacy, sites=3, tables=tables) for tables in range(60)]
    assert costs == sorted(costs)
    assert costs[0] == 0


def test_what_is_too_much_to_count_adds_up_plainly() -> None:
    draws = accountant.MAX_DRAWS + 1
    assert accountant.composed(0.5, draws=draws, delta=1e-6) == draws * 0.5


@pytest.mark.parametrize("delta", [-1e-9, 1e-3, 1.0, inf])
def test_a_delta_that_would_give_somebody_away_is_no_budget(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        PrivacyBudget(epsilon=1, per_table=0.1, delta=delta)


def test_a_single_draw_at_a_great_delta_is_free() -> None:
    tiny = log(1 + 1e-8)
    assert accountant.composed(tiny, draws=1, delta=1e-4) == 0
