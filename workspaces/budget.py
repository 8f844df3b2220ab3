"""What releases with noise cost together: Rényi differential privacy, read as (ε, δ). Pure.

A mechanism has a curve: the Rényi divergence it allows at each order (Mironov 2017). Curves of
releases over the same people add; their sum reads as ε at a δ by the conversion of Canonne, Kamath
and Steinke (2020), and never as more than plain addition of the ε of mechanisms that have one. Who
may spend, and that a spending and its release are one step, is the airlock's ledger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, inf, isfinite, lgamma, log, log1p

ORDERS: tuple[float, ...] = (
    *(1 + tenth / 10 for tenth in range(1, 20)), *range(3, 65), 80, 96, 128, 192, 256, 512, 1024,
)  # fmt: skip
MAX_RELEASES = 1_000_000


def _positive(**figures: float) -> None:
    for name, figure in figures.items():
        if not (isfinite(figure) and figure > 0):
            raise ValueError(f"{name} must be above 0")


@dataclass(frozen=True, slots=True)
class Cost:
    """Divergence per order of ORDERS, and the plain sum of ε, infinite where a part has none."""

    curve: tuple[float, ...] = (0.0,) * len(ORDERS)
    pure: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        added = tuple(mine + theirs for mine, theirs in zip(self.curve, other.curve, strict=True))
        return Cost(added, self.pure + other.pure)

    def times(self, releases: int) -> Cost:
        """Of the same mechanism used so often."""
        if not 0 <= releases <= MAX_RELEASES:
            raise ValueError(f"from 0 to {MAX_RELEASES} releases")
        if releases == 0:
            return NOTHING
        return Cost(tuple(one * releases for one in self.curve), self.pure * releases)

    def epsilon(self, delta: float) -> float:
        """The least ε this can be read as, at `delta`; with delta 0 that of pure mechanisms."""
        if not 0 <= delta < 1:
            raise ValueError("delta is from 0 to below 1")
        if delta == 0:
            return self.pure
        if not any(self.curve):
            return 0.0
        read = (
            divergence + log1p(-1 / order) - (log(delta) + log(order)) / (order - 1)
            for order, divergence in zip(ORDERS, self.curve, strict=True)
        )
        return max(0.0, min(self.pure, *read))


NOTHING = Cost()


def pure(epsilon: float) -> Cost:
    """Of any ε-differentially private mechanism; it is ε²/2-concentrated too."""
    _positive(epsilon=epsilon)
    return Cost(tuple(min(epsilon, order * epsilon**2 / 2) for order in ORDERS), epsilon)


def laplace(*, scale: float, sensitivity: float = 1.0) -> Cost:
    """Laplace noise of `scale` on a figure that one person changes by at most `sensitivity`."""
    _positive(scale=scale, sensitivity=sensitivity)
    epsilon = sensitivity / scale
    return Cost(tuple(_laplace(order, epsilon) for order in ORDERS), epsilon)


def gaussian(*, deviation: float, sensitivity: float = 1.0) -> Cost:
    """Gaussian noise of this standard deviation (a discrete one costs no more)."""
    _positive(deviation=deviation, sensitivity=sensitivity)
    return concentrated((sensitivity / deviation) ** 2 / 2)


def concentrated(rho: float) -> Cost:
    """Of any ρ-zero-concentrated mechanism (Bun and Steinke 2016)."""
    _positive(rho=rho)
    return Cost(tuple(order * rho for order in ORDERS), inf)


def sampled_gaussian(*, multiplier: float, rate: float) -> Cost:
    """One step over people each drawn with probability `rate`: noise of `multiplier` times the
    sensitivity (Mironov, Talwar and Zhang 2019); between whole orders from above."""
    _positive(multiplier=multiplier, rate=rate)
    if rate > 1:
        raise ValueError("rate is at most 1")
    if rate == 1:
        return gaussian(deviation=multiplier)
    moments = {order: _moment(order, multiplier, rate) for order in {*map(int, ORDERS), 3}}
    return Cost(tuple(_between(moments, order) for order in ORDERS), inf)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What all releases over the same people may cost together."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        _positive(epsilon=self.epsilon)
        if not 0 <= self.delta < 1:
            raise ValueError("delta is from 0 to below 1")


@dataclass(frozen=True, slots=True)
class Spending:
    """Whether a release may be paid; `spent` is what has been paid after it, and `epsilon` how that
    reads. Without permission nothing is paid."""

    allowed: bool
    spent: Cost
    epsilon: float
    left: float = field(default=0.0)


def spend(spent: Cost, cost: Cost, allowance: Allowance) -> Spending:
    """The decision alone; write `spent` in the transaction that releases."""
    after = spent + cost
    reads = after.epsilon(allowance.delta)
    if reads <= allowance.epsilon:
        return Spending(True, after, reads, allowance.epsilon - reads)  # noqa: FBT003
    before = spent.epsilon(allowance.delta)
    return Spending(False, spent, before, max(0.0, allowance.epsilon - before))  # noqa: FBT003


def _laplace(order: float, epsilon: float) -> float:
    """Mironov 2017, table II; the sum of exponentials without overflow. It is never above ε."""
    ahead = log(order / (2 * order - 1)) + (order - 1) * epsilon
    behind = log((order - 1) / (2 * order - 1)) - order * epsilon
    return min(epsilon, max(0.0, (ahead + log1p(exp(behind - ahead))) / (order - 1)))


def _moment(order: int, multiplier: float, rate: float) -> float:
    """(order - 1) times the divergence at a whole order."""
    terms = [
        _log_choose(order, drawn)
        + drawn * log(rate)
        + (order - drawn) * log1p(-rate)
        + drawn * (drawn - 1) / (2 * multiplier**2)
        for drawn in range(order + 1)
    ]
    most = max(terms)
    return max(0.0, most + log(sum(exp(term - most) for term in terms)))


def _between(moments: Mapping[int, float], order: float) -> float:
    """The divergence at any order, from above: moments are convex, so a chord lies over them."""
    low = int(order)
    share = order - low
    moment = moments[low] if not share else (1 - share) * moments[low] + share * moments[low + 1]
    return moment / (order - 1)


def _log_choose(of: int, drawn: int) -> float:
    return lgamma(of + 1) - lgamma(drawn + 1) - lgamma(of - drawn + 1)
