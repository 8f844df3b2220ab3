"""Costs add up as published accountants add them, and nothing is spent beyond the allowance."""

from __future__ import annotations

from math import erfc, exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.budget import (
    NOTHING,
    ORDERS,
    Allowance,
    Cost,
    concentrated,
    gaussian,
    laplace,
    pure,
    sampled_gaussian,
    spend,
)


def exact_gaussian_delta(epsilon: float, deviation: float) -> float:
    """Of one Gaussian release of sensitivity 1 (Balle and Wang 2018)."""

    def below(x: float) -> float:
        return erfc(-x / sqrt(2)) / 2

    return below(1 / (2 * deviation) - epsilon * deviation) - exp(epsilon) * below(
        -1 / (2 * deviation) - epsilon * deviation
    )


@pytest.mark.parametrize("deviation", [0.8, 1.0, 3.0, 10.0, 50.0])
def test_a_gaussian_is_never_read_as_less_than_it_costs_and_hardly_as_more(
    deviation: float,
) -> None:
    found = gaussian(deviation=deviation).epsilon(1e-6)
    assert exact_gaussian_delta(found, deviation) <= 1e-6
    assert exact_gaussian_delta(found * 0.8, deviation) > 1e-6


@pytest.mark.parametrize(("multiplier", "published"), [(1.0, 5.89), (4.0, 0.76)])
def test_fifty_sampled_rounds_cost_what_dp_accounting_says(
    multiplier: float, published: float
) -> None:
    """dp-accounting 0.6.0, RDP, rate 0.1, delta 1e-5."""
    cost = sampled_gaussian(multiplier=multiplier, rate=0.1).times(50)
    assert published - 0.01 < cost.epsilon(1e-5) < 1.03 * published


def test_sampling_everybody_is_no_sampling_and_fewer_cost_less() -> None:
    assert sampled_gaussian(multiplier=2.0, rate=1.0) == gaussian(deviation=2.0)
    costs = [sampled_gaussian(multiplier=2.0, rate=rate).epsilon(1e-5) for rate in (0.01, 0.1, 0.9)]
    assert costs == sorted(costs)
    assert costs[-1] < 1.3 * gaussian(deviation=2.0).epsilon(1e-5)


def divergence_of_laplace(order: float, scale: float) -> float:
    """By numbers, of two Laplace densities one apart."""
    x = np.linspace(-60 * scale, 60 * scale + 1, 2_000_001)
    p, q = (-np.abs(x - at) / scale - log(2 * scale) for at in (0, 1))
    return float(log(np.trapezoid(np.exp(order * p + (1 - order) * q), x)) / (order - 1))


@pytest.mark.parametrize("scale", [0.7, 2.0, 20.0])
def test_the_curve_of_laplace_is_its_divergence(scale: float) -> None:
    curve = dict(zip(ORDERS, laplace(scale=scale).curve, strict=True))
    for order in (1.5, 2.0 + 1, 8, 32):
        assert curve[order] == pytest.approx(divergence_of_laplace(order, scale), rel=1e-4)


def test_many_small_releases_cost_far_less_than_their_sum() -> None:
    one = laplace(scale=50, sensitivity=2)
    assert one.epsilon(0) == pytest.approx(0.04)
    hundred = one.times(100)
    assert hundred.epsilon(0) == pytest.approx(4.0)
    assert hundred.epsilon(1e-6) < 2.2


def test_a_few_pure_releases_are_never_read_as_more_than_their_sum() -> None:
    assert pure(0.1).times(3).epsilon(1e-9) == pytest.approx(0.3)
    assert gaussian(deviation=1.0).epsilon(0) == inf
    assert (pure(0.1) + gaussian(deviation=5.0)).epsilon(0) == inf


costs = st.one_of(
    st.floats(0.01, 3).map(pure),
    st.floats(0.3, 100).map(lambda scale: laplace(scale=scale)),
    st.floats(0.3, 100).map(lambda deviation: gaussian(deviation=deviation)),
)


@given(costs, costs, st.floats(1e-12, 0.1))
def test_two_releases_cost_more_than_one_and_no_more_than_both(
    one: Cost, other: Cost, delta: float
) -> None:
    both = (one + other).epsilon(delta)
    assert both >= max(one.epsilon(delta), other.epsilon(delta)) - 1e-9
    assert both <= one.epsilon(delta / 2) + other.epsilon(delta / 2) + 0.7
    assert (one + other).curve == (other + one).curve
    assert NOTHING + one == one


@given(st.lists(costs, min_size=1, max_size=30), st.floats(0.05, 5))
def test_nothing_is_spent_beyond_the_allowance(releases: list[Cost], epsilon: float) -> None:
    allowance, spent = Allowance(epsilon, 1e-6), NOTHING
    for cost in releases:
        answer = spend(spent, cost, allowance)
        if answer.allowed:
            assert answer.spent == spent + cost
        else:
            assert answer.spent == spent
            assert (spent + cost).epsilon(1e-6) > epsilon
        spent = answer.spent
        assert answer.epsilon <= epsilon
        assert answer.left == pytest.approx(epsilon - answer.epsilon)
    assert spent.epsilon(1e-6) <= epsilon


def test_with_delta_zero_only_pure_releases_are_paid() -> None:
    allowance = Allowance(1.0, 0.0)
    assert not spend(NOTHING, gaussian(deviation=1_000.0), allowance).allowed
    first = spend(NOTHING, pure(0.6), allowance)
    assert first.allowed
    assert not spend(first.spent, pure(0.6), allowance).allowed


@pytest.mark.parametrize("figure", [0.0, -1.0, float("nan"), float("inf")])
def test_a_figure_that_is_no_noise_is_refused(figure: float) -> None:
    for make in (
        lambda: pure(figure), lambda: laplace(scale=figure), lambda: concentrated(figure),
        lambda: laplace(scale=1, sensitivity=figure), lambda: gaussian(deviation=figure),
        lambda: sampled_gaussian(multiplier=figure, rate=0.1), lambda: Allowance(figure, 1e-6),
        lambda: sampled_gaussian(multiplier=1, rate=figure),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="above 0"):
            make()


@pytest.mark.parametrize("delta", [-0.1, 1.0, float("nan")])
def test_a_delta_that_is_none_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        pure(1).epsilon(delta)
    with pytest.raises(ValueError, match="delta"):
        Allowance(1, delta)
    with pytest.raises(ValueError, match="at most 1"):
        sampled_gaussian(multiplier=1, rate=1.5)
    with pytest.raises(ValueError, match="releases"):
        pure(1).times(-1)
    assert gaussian(deviation=1.0).times(0) == NOTHING
