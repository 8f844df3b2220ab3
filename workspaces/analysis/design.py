"""What one site holds for an analysis: phenotype, covariates, genotypes; and their shapes.

n people, C covariates with the intercept first, m variants. People without a phenotype or a
covariate are left out before a `Design` is made, and a site that has neither is a `Design` of
nobody, whose sums are zeros. Dosages count copies of the harmonised effect allele: hard calls take
a byte each, 0 to 2 and `MISSING`; others are floats, NaN where a genotype is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Dosages = NDArray[np.floating] | NDArray[np.int8]
MISSING = -1  # of a hard call
_CELLS = 1 << 18  # dosages worked on at a time: as floats they stay in a core's own memory


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
        return blocks(self.dosages)

    @property
    def people(self) -> int:
        return int(self.phenotype.shape[0])

    @property
    def variants(self) -> int:
        return int(self.dosages.shape[1])


def blocks(dosages: Dosages) -> Iterator[Dosages]:
    """Some variants of all people at a time; one block of no variants where there are none."""
    people, variants = dosages.shape
    width = max(1, _CELLS // max(people, 1))
    for first in range(0, max(variants, 1), width):
        yield dosages[:, first : first + width]


def there(dosages: Dosages) -> NDArray[np.bool_]:
    """Which genotypes are not missing, in either form."""
    return np.asarray(dosages >= 0)


def called(dosages: Dosages) -> tuple[Floats, NDArray[np.bool_]]:
    """The dosages with 0 where a call is missing, and which are called."""
    seen = there(dosages)
    whole = dosages if seen.all() else np.where(seen, dosages, np.zeros((), dosages.dtype))
    return whole.astype(np.float64), seen


def over_called(seen: NDArray[np.bool_], rows: Floats) -> Floats:
    """(m, k): for each variant the sum of `rows` (n, k) of the people called for it."""
    if seen.all():
        return np.broadcast_to(rows.sum(axis=0), (seen.shape[1], rows.shape[1]))
    return seen.T.astype(np.float64) @ rows


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


def newton_step(curvature: Floats, slope: Floats) -> Floats:
    """(C,) of a curvature (C, C). Raises `ValueError` where it has no inverse."""
    try:
        return np.asarray(np.linalg.solve(curvature, slope))
    except np.linalg.LinAlgError as error:
        raise ValueError("a column is the same for everybody, or is made of others") from error
