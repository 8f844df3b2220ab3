"""Quality of variants from pooled genotype counts: call rate, frequency, Hardy-Weinberg.

Sites send four counts per variant and nothing of a person. The exact test of Hardy-Weinberg
proportions is that of Wigginton, Cutler and Abecasis (2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.design import Dosages, Floats
from workspaces.analysis.sums import Shape, Sums


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
    called = np.isfinite(dosages)
    nearest = np.where(called, np.rint(np.where(called, dosages, 0)), 3).astype(np.int64)
    return GenotypeCounts(
        np.stack([(nearest == copies).sum(axis=0) for copies in range(4)], axis=1).astype(float)
    )


def quality(pooled: GenotypeCounts) -> Quality:
    none, one, two, missing = pooled.counts.T
    called = none + one + two
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = (one + 2 * two) / (2 * called)
        rate = called / (called + missing)
    exact = np.array([_exact(int(o), int(min(n, t)), int(max(n, t)))
                      for n, o, t in zip(none, one, two, strict=True)])  # fmt: skip
    return Quality(rate, frequency, exact)


def _exact(heterozygous: int, rare: int, common: int) -> float:
    """The probability of proportions at least as unlikely, given the allele counts."""
    people = heterozygous + rare + common
    copies = 2 * rare + heterozygous
    if people == 0 or copies == 0:
        return 1.0
    # Logarithms of the odds of one more pair of heterozygotes, summed from the least count.
    first = copies % 2
    steps = np.arange(first, copies - 1, 2, dtype=float)
    homozygous_rare = (copies - steps) / 2
    homozygous_common = people - steps - homozygous_rare
    odds = np.log(4 * homozygous_rare * homozygous_common) - np.log((steps + 1) * (steps + 2))
    weights = np.concatenate([[0.0], np.cumsum(odds)])
    chances = np.exp(weights - weights.max())
    chances /= chances.sum()
    observed = chances[(heterozygous - first) // 2]
    return float(min(1.0, chances[chances <= observed * (1 + 1e-9)].sum()))
