"""Linear regression of a trait on each variant, exactly pooled from per-site sums.

Every number a site gives is a sum over its people, so adding sites is the pooled analysis and not a
meta-analysis of it. Variants are judged on the people genotyped for them, as PLINK does. A site
without a variant gives zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from workspaces.analysis.design import (
    Design,
    Dosages,
    Floats,
    called,
    over_called,
    pairs,
    symmetric,
)
from workspaces.analysis.sums import Shape, Sums, joined, triangle


@dataclass(frozen=True, slots=True)
class LinearSums(Sums):
    """Per variant, over the people genotyped for it: `people` (m,), `gg` (m,), `gy` (m,), `yy`
    (m,), `gx` (m, C), `xy` (m, C), `xx` (m, C * (C + 1) / 2)."""

    people: Floats
    gg: Floats
    gy: Floats
    yy: Floats
    gx: Floats
    xy: Floats
    xx: Floats

    @staticmethod
    def shapes(variants: int, covariates: int) -> tuple[Shape, ...]:
        one, each = (variants,), (variants, covariates)
        return one, one, one, one, each, each, (variants, triangle(covariates))


@dataclass(frozen=True, slots=True)
class Associations:
    """Per variant (m,): NaN where it can't be estimated (too few people, no variation)."""

    people: Floats
    beta: Floats
    standard_error: Floats
    statistic: Floats
    p: Floats

    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        return self.people, self.beta, self.standard_error, self.statistic, self.p


def local_sums(design: Design) -> LinearSums:
    """One site's part, in blocks of variants."""
    return joined(LinearSums, [_block(design, dosages) for dosages in design.blocks()])


def _block(design: Design, dosages: Dosages) -> LinearSums:
    x, y = design.covariates, design.phenotype[:, None]
    rows, columns = pairs(x.shape[1])
    g, seen = called(dosages)
    of_variant = g.T @ np.column_stack([y, x])
    everybody = np.column_stack([np.ones_like(y), y * y, x * y, x[:, rows] * x[:, columns]])
    of_people = over_called(seen, everybody)
    count = x.shape[1]
    return LinearSums(
        people=of_people[:, 0],
        gg=np.einsum("nm,nm->m", g, g),
        gy=of_variant[:, 0],
        yy=of_people[:, 1],
        gx=of_variant[:, 1:],
        xy=of_people[:, 2 : 2 + count],
        xx=of_people[:, 2 + count :],
    )


def solve(sums: LinearSums) -> Associations:
    """The pooled answer: least squares of the trait on covariates and the variant."""
    count = sums.xy.shape[1]
    freedom = sums.people - count - 1
    usable = freedom > 0
    xx = symmetric(sums.xx, count)
    xx[~usable] = np.eye(count)
    with np.errstate(divide="ignore", invalid="ignore"):
        solved = _solve_all(xx, np.stack([sums.gx, sums.xy], axis=-1))
        gxa, xya = solved[..., 0], solved[..., 1]
        variation = sums.gg - np.einsum("mc,mc->m", sums.gx, gxa)
        covariation = sums.gy - np.einsum("mc,mc->m", sums.gx, xya)
        remaining = sums.yy - np.einsum("mc,mc->m", sums.xy, xya)
        # Below this, the variant is a combination of the covariates, as far as floats can tell.
        usable &= variation > 1e-9 * np.maximum(sums.gg, 1e-300)
        beta = np.where(usable, covariation / variation, np.nan)
        residual = np.maximum(remaining - beta * covariation, 0.0)
        error = np.sqrt(residual / freedom / variation)
        statistic = beta / error
        p = 2 * stats.t.sf(np.abs(statistic), freedom)
    return Associations(sums.people, beta, np.where(usable, error, np.nan), statistic, p)


def _solve_all(matrices: Floats, right: Floats) -> Floats:
    """One by one only where the batch meets a singular matrix: that variant is NaN."""
    try:
        return np.asarray(np.linalg.solve(matrices, right), dtype=np.float64)
    except np.linalg.LinAlgError:
        solved = np.full(right.shape, np.nan)
        for number, matrix in enumerate(matrices):
            try:
                solved[number] = np.linalg.solve(matrix, right[number])
            except np.linalg.LinAlgError:
                continue
        return solved
