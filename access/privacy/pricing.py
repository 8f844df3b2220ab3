"""What an answer about an allele costs, by its public frequency and the size of the dataset alone.

A «yes» tells an attacker who holds somebody's genome the more, the less probable it was that
anybody else made it one (Raisaro et al. 2017, third strategy). A «no» tells that every carrier is
not a member, so answers for everybody come from a floor below which nothing is said at all. No rule
here sees the dataset: pricing or hiding by what it holds would leak what it holds. Spending is
`ledger`'s, which frequency an allele has the panel's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

# How many of a person's alleles a dataset may show to be absent, in expectation. An attacker who
# holds a genome gains no more than a factor of 1 / (1 - EXCLUSIONS) over guessing.
EXCLUSIONS = 0.05
MIN_PUBLIC_PEOPLE = 100
FREE_NATS = 1e-7  # a million answers of this price are a tenth of a nat

_STEPS = 4  # per doubling of the frequency
_BINS = 28 * _STEPS + 1  # down to one in 2^28, one allele of all people alive


def absent(frequency: float, people: int) -> float:
    """The probability that none of so many people carries an allele of this frequency."""
    if frequency >= 1:
        return 0.0
    return math.exp(2 * people * math.log1p(-frequency))


def price(frequency: float, people: int) -> float:
    """Nats that a «yes» costs each person who made it one, when `people` could have."""
    if frequency <= 0 or people <= 0:
        return math.inf
    missing = absent(frequency, people)
    return math.inf if missing >= 1 else -math.log1p(-missing)


def any_of(frequencies: Iterable[float]) -> float:
    """The frequency of a haplotype's having at least one of several alleles."""
    return -math.expm1(sum(math.log1p(-min(each, 1 - 1e-12)) for each in frequencies))


@dataclass(frozen=True, slots=True)
class Spectrum:
    """How many alleles of a panel have which frequency, in steps of 2^(1/4) from one downwards."""

    alleles: tuple[int, ...]

    @classmethod
    def of(cls, frequencies: Iterable[float]) -> Spectrum:
        """Alleles of frequency zero are not counted: nobody is known to carry them."""
        alleles = [0] * _BINS
        for each in frequencies:
            if each > 0:
                alleles[min(int(-math.log2(min(each, 1.0)) * _STEPS), _BINS - 1)] += 1
        return cls(tuple(alleles))


@dataclass(frozen=True, slots=True)
class Floors:
    """The least public frequency that everybody is answered about; None where there is none.

    A range's is higher: its «no» speaks of every allele in it, not of those one person carries."""

    allele: float | None
    span: float | None


def floors(spectrum: Spectrum, people: int) -> Floors:
    """Of a dataset of this size; of a small one, and without a panel, there are none."""
    if people < MIN_PUBLIC_PEOPLE or not any(spectrum.alleles):
        return Floors(None, None)
    edges = [2.0 ** (-step / _STEPS) for step in range(_BINS + 1)]
    found = list(enumerate(spectrum.alleles))
    seen_absent = accumulate(each * absent(edges[at + 1], people) for at, each in found)
    carried_absent = accumulate(
        each * _carried(edges[at]) * absent(edges[at + 1], people) for at, each in found
    )
    return Floors(_lowest(carried_absent, edges), _lowest(seen_absent, edges))


def _carried(frequency: float) -> float:
    """The probability that one person carries the allele at all."""
    return 1 - (1 - frequency) ** 2


def _lowest(exclusions: Iterable[float], edges: list[float]) -> float | None:
    lowest = None
    for at, expected in enumerate(exclusions):
        if expected > EXCLUSIONS:
            break
        lowest = edges[at + 1]
    return lowest
