"""What one site holds for an analysis: phenotype, covariates, genotypes; and their shapes.

n people, C covariates with the intercept first, m variants. A missing genotype is NaN; people
without a phenotype or a covariate are left out before a `Design` is made. Dosages count copies of
the harmonised effect allele (0 to 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCK = 4_096  # variants worked on at a time


@dataclass(frozen=True, slots=True)
class Design:
    """`phenotype` (n,), `covariates` (n, C), `dosages` (n, m)."""

    phenotype: Floats
    covariates: Floats
    dosages: Floats

    def __post_init__(self) -> None:
        people = self.phenotype.shape[0]
        if self.covariates.shape[0] != people or self.dosages.shape[0] != people:
            raise ValueError("phenotype, covariates and dosages are of different people")
        if not (np.isfinite(self.phenotype).all() and np.isfinite(self.covariates).all()):
            raise ValueError("a phenotype or covariate is missing")

    @property
    def people(self) -> int:
        return int(self.phenotype.shape[0])

    @property
    def variants(self) -> int:
        return int(self.dosages.shape[1])


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
