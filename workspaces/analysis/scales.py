"""A common scale for trait and covariates, so that every sum of them is of moderate size.

Sites agree on it by one wide sum (`limbs.WIDE`). Regression answers the same whatever the scale, so
it need not be exact; it must be the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workspaces.analysis.design import Floats


@dataclass(frozen=True, slots=True)
class Scales:
    """`centre` (C,) and `spread` (C,) of columns; a column that does not vary has spread 1."""

    centre: Floats
    spread: Floats

    @staticmethod
    def length(columns: int) -> int:
        """Numbers in `sums`."""
        return 1 + 2 * columns

    @staticmethod
    def sums(columns: Floats) -> Floats:
        """People, sums, sums of squares of (n, C)."""
        people = [float(columns.shape[0])]
        return np.concatenate([people, columns.sum(axis=0), (columns**2).sum(axis=0)])

    @classmethod
    def of_sums(cls, pooled: Floats) -> Scales:
        """Raises `ValueError` where no site has anybody."""
        people = pooled[0]
        if people < 1:
            raise ValueError("no site has a person with trait and covariates")
        first, second = np.split(pooled[1:], 2)
        centre = first / people
        variance = second / people - centre**2
        varies = variance > 1e-12 * np.maximum(centre**2, np.finfo(float).tiny)
        return cls(centre, np.sqrt(np.where(varies, variance, 1.0)))

    def of(self, columns: Floats) -> Floats:
        return (columns - self.centre) / self.spread
