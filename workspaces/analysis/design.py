"""What one site holds for an analysis: phenotype, covariates, genotypes; and their shapes.

n people, C covariates with the intercept first, m variants. A missing genotype is NaN; people
without a phenotype or a covariate are left out before a `Design` is made, and a site that has
neither is a `Design` of nobody, whose sums are zeros. Dosages count copies of the harmonised effect
allele (0 to 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Dosages = NDArray[np.floating]  # float32 as read from files
BLOCK = 4_096  # variants worked on at a time


@dataclass(frozen=True, slots=True)
class Design:
    """`phenotype` (n,), `covariates` (n, C), `dosages` (n, m)."""

    phenotype: Floats
    covariates: Floats
    dosages: Dosages

    def __post_init__(self) -> None:
        people = self.phenotype.shape[0]
        if self.covariates.shape[0] != people or self.dosages.shape[0] != people:
            raise ValueError("phenotype, covariates and dosages are of different people")
        if not (np.isfinite(self.phenotype).all() and np.isfinite(self.covariates).all()):
            raise ValueError("a phenotype or covariate is missing")

    @classmethod
    def nobody(cls, *, covariates: int, variants: int) -> Design:
        return cls(np.zeros(0), np.zeros((0, covariates)), np.zeros((0, variants)))

    def blocks(self) -> Iterator[Dosages]:
        """(n, BLOCK) at a time; one block of no variants where there are none."""
        for first in range(0, max(self.variants, 1), BLOCK):
            yield self.dosages[:, first : first + BLOCK]

    @property
    def people(self) -> int:
        return int(self.phenotype.shape[0])

    @property
    def variants(self) -> int:
        return int(self.dosages.shape[1])


def called(dosages: Dosages) -> tuple[Floats, Floats]:
    """The dosages with 0 where a call is missing, and 1 or 0 for called or missing."""
    seen = np.isfinite(dosages)
    return np.where(seen, dosages, 0.0).astype(np.float64), seen.astype(np.float64)


def pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the upper triangle: how a symmetric matrix travels as a vector."""
    return np.triu_indices(count)


def symmetric(packed: Floats, count: int) -> Floats:
    """(..., count, count) of its packed upper triangle (..., count * (count + 1) / 2)."""
    rows, columns = pairs(count)
    full = np.empty((*packed.shape[:-1], count, count))
    full[..., rows, columns] = packed
    full[..., columns, rows] = packed
    return full
