"""Quality of variants from pooled genotype counts: call rate, frequency, Hardy-Weinberg.

Sites send four counts per variant and nothing of a person. The exact test of Hardy-Weinberg
proportions is that of Wigginton, Cutler and Abecasis (2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.design import MISSING, Dosages, Floats, blocks, there
from workspaces.analysis.sums import Shape, Sums, joined

EXACT_BLOCK = 512  # variants tested at a time
EXACT_CELLS = 1 << 17  # and numbers tried over all of them: a core's own memory holds them
SPREADS, FEW = 8, 25  # how far from the mean numbers are tried, where the seen one is half as near

Counts = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class GenotypeCounts(Sums):
    """`counts` (m, 4): people with 0, 1, 2 copies of the effect allele, and without a call."""

    counts: Floats

    @staticmethod
    def shapes(variants: int, covariates: int) -> tuple[Shape, ...]:
        return ((variants, 4),)


@dataclass(frozen=True, slots=True)
class Quality:
    """Per variant (m,): share called, frequency of the effect allele, exact p of Hardy-Weinberg."""

    call_rate: Floats
    frequency: Floats
    hardy_weinberg: Floats

    def passing(
        self, *, call_rate: float, minor: float, hardy_weinberg: float
    ) -> NDArray[np.bool_]:
        """Which variants pass these lower bounds, as booleans (m,)."""
        rarer = np.minimum(self.frequency, 1 - self.frequency)
        kept = (self.call_rate >= call_rate) & (rarer >= minor)
        return np.asarray(kept & (self.hardy_weinberg >= hardy_weinberg))


def genotype_counts(dosages: Dosages) -> GenotypeCounts:
    """Of hard calls; a dosage between is counted as the nearest."""
    return joined(GenotypeCounts, [_counted(block) for block in blocks(dosages)])


def _counted(block: Dosages) -> GenotypeCounts:
    nearest = block
    if block.dtype != np.int8:
        nearest = np.rint(np.where(there(block), block, MISSING)).astype(np.int8)
    counts = np.empty((block.shape[1], 4))
    for copies in range(3):
        counts[:, copies] = np.count_nonzero(nearest == copies, axis=0)
    counts[:, 3] = block.shape[0] - counts[:, :3].sum(axis=1)
    return GenotypeCounts(counts)


def quality(pooled: GenotypeCounts) -> Quality:
    none, one, two, missing = pooled.counts.T
    called = none + one + two
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = (one + 2 * two) / (2 * called)
        rate = called / (called + missing)
    return Quality(rate, frequency, hardy_weinberg(none, one, two))


def hardy_weinberg(none: Floats, one: Floats, two: Floats) -> Floats:
    """The probability (m,) of proportions at least as unlikely, given the allele counts; 1 where
    nobody is called. A block holds variants with about as many numbers to try."""
    people = np.rint(none + one + two).astype(np.intp)
    rare = np.rint(2 * np.minimum(none, two) + one).astype(np.intp)
    twice = np.rint(np.minimum(none, two)).astype(np.intp)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, people.max(initial=0) + 1)))])
    low, high = _likely(twice, rare, people)
    exact = np.ones(people.size)
    order = np.argsort(high - low, kind="stable")
    first = 0
    while first < order.size:
        last = order[min(first + EXACT_BLOCK, order.size) - 1]
        widest = int(high[last] - low[last]) + 1
        some = order[first : first + max(1, min(EXACT_BLOCK, EXACT_CELLS // widest))]
        exact[some] = _exact(twice[some], low[some], high[some], rare[some], people[some], logs)
        first += some.size
    return exact


def _likely(twice: Counts, rare: Counts, people: Counts) -> tuple[Counts, Counts]:
    """The least and the greatest number of people with two rare alleles that is worth trying: all
    others together have a chance below 1e-9 of that of the `twice` seen, or else all are tried."""
    alleles = np.maximum(2.0 * people, 2.0)
    mean = rare * np.maximum(rare - 1, 0) / (2 * (alleles - 1))
    spread = np.sqrt(people) * (rare / alleles) * (1 - rare / alleles)
    reach = np.ceil(SPREADS * spread) + FEW
    narrow = np.abs(twice - mean) <= reach / 2
    low = np.where(narrow, np.maximum(np.floor(mean) - reach, 0), 0)
    high = np.where(narrow, np.minimum(np.ceil(mean) + reach, rare // 2), rare // 2)
    return low.astype(np.intp), high.astype(np.intp)


def _exact(
    twice: Counts, low: Counts, high: Counts, rare: Counts, people: Counts, logs: Floats
) -> Floats:
    """Every number from `low` to `high` of people with two rare alleles, against the `twice` seen;
    `logs` are logarithms of factorials."""
    tried = low[:, None] + np.arange((high - low).max(initial=0) + 1)
    allowed = tried <= high[:, None]
    tried = np.minimum(tried, high[:, None])
    once = rare[:, None] - 2 * tried
    ways = once * np.log(2) - logs[once] - logs[tried] - logs[(people - rare)[:, None] + tried]
    ways = np.where(allowed, ways, -np.inf)
    chances = np.exp(ways - ways.max(axis=1, keepdims=True))
    seen = np.take_along_axis(chances, (twice - low)[:, None], axis=1)
    unlikely = np.where(chances <= seen * (1 + 1e-9), chances, 0.0).sum(axis=1)
    return np.asarray(np.minimum(1.0, unlikely / chances.sum(axis=1)), dtype=np.float64)
