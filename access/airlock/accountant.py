"""What equal noisy releases cost together, exactly: optimal composition of pure mechanisms. Pure.

Each draw is ε-differentially private, and none tells more than answering a yes-or-no question
truthfully with probability e^ε/(1+e^ε) (Kairouz, Oh and Viswanath 2015; discrete Laplace noise on a
count does tell that much). Of so many answers the loss is binomial, so δ at any ε is a sum of its
tail: no bound is lost, as it would be by plain addition or by Rényi curves. Who may spend, and that
a spending and its release are one step, is `airlock.ledger`'s.
"""

from __future__ import annotations

from math import ceil, exp, expm1, lgamma, log1p

from schemas.runs import PrivacyBudget

MAX_DRAWS = 10_000_000
_HALVINGS = 40
_NEGLIGIBLE = 1e-9


def scale_of(privacy: PrivacyBudget, *, sites: int) -> int:
    """Of the noise that each node of a roster draws for one table. Every node may release the same
    sum with a draw of its own, unknown to the others: together they are worth `per_table`."""
    return ceil(sites / privacy.per_table)


def reads(privacy: PrivacyBudget, *, sites: int, tables: int) -> float:
    """The ε, at the budget's δ, of so many tables drawn by every node of a roster; never above the
    sum of what each costs alone, which it is where δ is 0."""
    plain = tables * privacy.per_table
    if privacy.delta == 0 or tables == 0:
        return plain
    draw = 1 / scale_of(privacy, sites=sites)
    return min(plain, composed(draw, draws=sites * tables, delta=privacy.delta))


def composed(epsilon: float, *, draws: int, delta: float) -> float:
    """The least ε, from above, of `draws` independent mechanisms of `epsilon` each, at `delta`."""
    low, high = 0.0, draws * epsilon
    if draws > MAX_DRAWS:
        return high
    if spilled(epsilon, draws=draws, above=0.0) <= delta:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if spilled(epsilon, draws=draws, above=middle) <= delta:
            high = middle
        else:
            low = middle
    return high


def spilled(epsilon: float, *, draws: int, above: float) -> float:
    """δ of so many draws at the ε `above`: the chance of a greater loss, less what `above` allows.

    With `lies` untrue answers the loss is (draws - 2 lies) ε. The terms fall on the far side of the
    likeliest number of lies; what is left out of the sum there is added as if it did not."""
    lies = min(draws, int((draws - above / epsilon) / 2) + 1)
    likeliest = draws / (1 + exp(epsilon))
    total = 0.0
    while lies >= 0:
        chance = exp(
            _log_choose(draws, lies) + (draws - lies) * epsilon - draws * _log1pexp(epsilon)
        )
        total += chance * max(0.0, -expm1(above - (draws - 2 * lies) * epsilon))
        if lies < likeliest and (rest := chance * lies) <= _NEGLIGIBLE * total:
            return total + rest
        lies -= 1
    return total


def _log1pexp(value: float) -> float:
    return value + log1p(exp(-value))


def _log_choose(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)
