"""Attackers who hold somebody's genome and ask whether its owner is in a dataset.

Three orders of asking (Shringarpure and Bustamante 2015: at random; Raisaro et al. 2017: the rarest
first; and the most telling under the declared rule), one test: the sum of log P(answer | in) minus
log P(answer | out). Power is the share of members above what one control in twenty reaches. Knows
mechanisms by their public rules only; where answers come from is left to its callers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05
RESAMPLED = 200
_TINY = 1e-6  # an answer that a rule excludes may be a mistyped genome

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """Sites by public frequency; who of the members and of the controls carries which."""

    frequencies: Floats
    members: Bools
    controls: Bools

    @property
    def size(self) -> int:
        return len(self.members)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a mechanism says of each site, as everybody may know it: the probability of each of its
    answers when the person (a carrier) is in and when out, in the same order of answers."""

    inside: Floats  # answers by sites
    outside: Floats

    def telling(self) -> Floats:
        """How much an answer about each site is expected to tell of a member, in nats."""
        some = np.where(self.inside > 0, self.inside, 1.0)
        ratio = np.log(some) - np.log(np.maximum(self.outside, _TINY))
        told: Floats = np.where(self.inside > 0, self.inside * ratio, 0.0).sum(axis=0)
        return told

    def scores(self, answers: NDArray[np.int64]) -> Floats:
        """The evidence of each site's answer; none where nothing was answered (-1)."""
        sites = np.arange(len(answers))
        asked = np.maximum(answers, 0)
        inside = np.maximum(self.inside[asked, sites], _TINY)
        outside = np.maximum(self.outside[asked, sites], _TINY)
        evidence: Floats = np.where(answers >= 0, np.log(inside) - np.log(outside), 0.0)
        return evidence


def simulated(*, members: int, controls: int, sites: int, seed: int, lowest: float = 1e-4) -> World:
    """Unrelated people and independent sites, frequencies as drift makes them."""
    rng = np.random.default_rng(seed)
    frequencies = np.exp(rng.uniform(np.log(lowest), np.log(0.5), sites))
    carried = 1 - (1 - frequencies) ** 2
    drawn = rng.random((members + controls, sites), np.float32) < carried.astype(np.float32)
    return World(frequencies, drawn[:members], drawn[members:])


def presence(world: World, *, answered: Bools | None = None) -> Rule:
    """«Yes» (1) where anybody carries the allele, «no» (0) where nobody does; answers about sites
    that are not `answered` tell nothing."""
    absent = (1 - world.frequencies) ** (2 * world.size)
    inside = np.stack([np.zeros_like(absent), np.ones_like(absent)])
    outside = np.stack([absent, 1 - absent])
    if answered is not None:
        inside[:, ~answered] = outside[:, ~answered] = 0.5
    return Rule(inside, outside)


def carriers_of(world: World) -> tuple[Floats, Floats]:
    """How probable each number of carriers (rows) is at each site, with a carrier in and out."""
    from scipy.stats import binom

    possible = np.arange(world.size + 1)
    carried = 1 - (1 - world.frequencies) ** 2
    outside: Floats = binom.pmf(possible[:, None], world.size, carried[None, :])
    others = binom.pmf(possible[:, None], world.size - 1, carried[None, :])
    return np.vstack([np.zeros((1, len(carried))), others[:-1]]), outside


def counts(world: World, *, shown: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> Rule:
    """Of a count of carriers, told as `shown` says; answers are what it shows, in ascending
    order."""
    inside, outside = carriers_of(world)
    _, groups = np.unique(shown(np.arange(world.size + 1)), return_inverse=True)
    return Rule(_summed(inside, groups), _summed(outside, groups))


def noisy_counts(world: World, *, scale: int, step: int) -> Rule:
    """Of a count with discrete Laplace noise, told in whole steps; what is below one is answer 0,
    a step more the next."""
    inside, outside = carriers_of(world)
    reach = world.size + 20 * scale
    noise = np.arange(-reach, reach + 1)
    odds = np.exp(-np.abs(noise) / scale)
    odds /= odds.sum()
    told = np.zeros((reach // step + world.size // step + 2, world.size + 1))
    for count in range(world.size + 1):
        np.add.at(told[:, count], np.maximum(count + noise, 0) // step, odds)
    return Rule(told @ inside, told @ outside)


def _summed(rows: Floats, groups: NDArray[np.int64]) -> Floats:
    summed = np.zeros((int(groups.max()) + 1, rows.shape[1]))
    np.add.at(summed, groups, rows)
    return summed


def orders(world: World, rule: Rule, *, seed: int) -> Mapping[str, NDArray[np.int64]]:
    """Each attacker's order of all sites, whoever the target; only what it carries is asked."""
    sites = np.arange(len(world.frequencies))
    return {
        "random": np.random.default_rng(seed).permutation(sites),
        "rarest": np.argsort(world.frequencies, kind="stable"),
        "telling": np.argsort(-rule.telling(), kind="stable"),
    }


def evidence(
    carried: Bools, scores: Floats, order: NDArray[np.int64], questions: Sequence[int]
) -> Floats:
    """Of each person (rows) after so many questions (columns) about what they carry."""
    after = np.array(questions) - 1
    found = np.zeros((len(carried), len(questions)))
    ordered_scores = scores[order]
    for person, row in enumerate(carried[:, order]):
        told = np.cumsum(ordered_scores[np.flatnonzero(row)[: after[-1] + 1]])
        if len(told):
            found[person] = told[np.minimum(after, len(told) - 1)]
    return found


def power(members: Floats, controls: Floats) -> float:
    """The share of members above what one control in twenty reaches, ties broken by lot."""
    critical = np.quantile(controls, 1 - ALPHA, method="higher")
    above, at = float(np.mean(controls > critical)), float(np.mean(controls == critical))
    lot = (ALPHA - above) / at if at > 0 else 0.0
    return float(np.mean(members > critical)) + lot * float(np.mean(members == critical))


def lower_bound(members: Floats, controls: Floats, *, seed: int = 1) -> float:
    """What the power is at least, 19 times of 20 that people are drawn anew."""
    rng = np.random.default_rng(seed)
    drawn = [
        power(rng.choice(members, len(members)), rng.choice(controls, len(controls)))
        for _ in range(RESAMPLED)
    ]
    return float(np.quantile(drawn, 0.05))


@dataclass(frozen=True, slots=True)
class Attack:
    """What came of one attacker after some questions."""

    order: str
    questions: int
    power: float
    at_least: float


def attacked(
    world: World, rule: Rule, answers: NDArray[np.int64], *, questions: Sequence[int], seed: int
) -> list[Attack]:
    """All three attackers on answers that are the same for everybody."""
    found = []
    for name, order in orders(world, rule, seed=seed).items():
        scores = rule.scores(answers)
        inside = evidence(world.members, scores, order, questions)
        outside = evidence(world.controls, scores, order, questions)
        for column, most in enumerate(questions):
            pair = inside[:, column], outside[:, column]
            found.append(Attack(name, most, power(*pair), lower_bound(*pair)))
    return found


def worst(attacks: Sequence[Attack]) -> Attack:
    return max(attacks, key=lambda one: one.power)


def charged(
    world: World, carried: Bools, order: NDArray[np.int64], *, allowance: float, questions: int
) -> Floats:
    """The evidence against one person by one account that asks about what they carry, in order,
    where answers are «yes» only of people whose allowance can pay, as `access.privacy` prices
    them. Once the person's own would be spent, nothing more is told of them."""
    from access.privacy.pricing import price

    spent = np.zeros(world.size)
    own, score, scores = 0.0, 0.0, []
    for site in order[carried[order]][:questions]:
        frequency = float(world.frequencies[site])
        nats = price(frequency, world.size)
        for _ in range(4):
            left = world.size - int(np.count_nonzero(spent > allowance - nats))
            nats = price(frequency, left)
        if own + nats <= allowance:
            carriers = np.flatnonzero(world.members[:, site])
            payers = carriers[spent[carriers] + nats <= allowance]
            spent[payers] += nats
            if len(payers):
                own += nats
                score += nats
            else:
                score += np.log(_TINY)
        scores.append(score)
    return np.array(scores or [0.0])


def charged_attacks(
    world: World, *, allowance: float, questions: Sequence[int], seed: int
) -> list[Attack]:
    """All three attackers, each target asked about by an account of its own. What is not
    answerable at all is passed over, as the refusal says so beforehand."""
    from access.privacy.pricing import price

    payable = np.array([price(f, world.size) <= allowance for f in world.frequencies])
    found = []
    for name, order in orders(world, presence(world, answered=payable), seed=seed).items():
        chosen = order[payable[order]]
        pair = [
            np.stack([_at(charged(world, row, chosen, allowance=allowance,
                                  questions=questions[-1]), questions) for row in people])
            for people in (world.members, world.controls)
        ]  # fmt: skip
        for column, most in enumerate(questions):
            inside, outside = (each[:, column] for each in pair)
            found.append(Attack(name, most, power(inside, outside), lower_bound(inside, outside)))
    return found


def _at(scores: Floats, questions: Sequence[int]) -> Floats:
    told: Floats = scores[np.minimum(np.array(questions) - 1, len(scores) - 1)]
    return told
