"""Logistic regression of a yes-or-no trait on each variant, exactly pooled from per-site sums.

First a score test for all variants under a null model of the covariates (one exchange), then
Newton's method for the promising ones (a few exchanges each, all of them at once). Every message is
a sum over a site's people. The phenotype is 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from workspaces.analysis.design import (
    Design,
    Dosages,
    Floats,
    called,
    newton_step,
    over_called,
    pairs,
    symmetric,
)
from workspaces.analysis.linear import Associations
from workspaces.analysis.sums import Shape, Sums, joined, triangle

MAX_STEP = 5.0  # of one coefficient in one Newton step
CONVERGED = 1e-8  # the largest change of a coefficient in the last step


@dataclass(frozen=True, slots=True)
class NullSums(Sums):
    """`people` (1,), `score` (C,) and packed `hessian` of the model of covariates alone."""

    people: Floats
    score: Floats
    hessian: Floats

    @staticmethod
    def shapes(variants: int, covariates: int) -> tuple[Shape, ...]:
        return (1,), (covariates,), (triangle(covariates),)


def null_sums(design: Design, coefficients: Floats) -> NullSums:
    """One site's part of a step; `coefficients` (C,) are log odds, the intercept's first."""
    x = design.covariates
    rows, columns = pairs(x.shape[1])
    p = special.expit(x @ coefficients)
    w = p * (1 - p)
    return NullSums(
        np.array([float(design.people)]),
        x.T @ (design.phenotype - p),
        w @ (x[:, rows] * x[:, columns]),
    )


def next_null(sums: NullSums, coefficients: Floats) -> Floats:
    """Newton's next coefficients (C,) of the pooled sums taken at `coefficients`, none of them more
    than `MAX_STEP` away. Raises `ValueError` where the covariates do not settle them."""
    step = newton_step(symmetric(sums.hessian, coefficients.size), sums.score)
    return np.asarray(coefficients + np.clip(step, -MAX_STEP, MAX_STEP))


@dataclass(frozen=True, slots=True)
class ScoreSums(Sums):
    """Per variant at the null model: `people` (m,), `gr` (m,), `gwg` (m,), `gwx` (m, C) and `xwx`
    (m, C * (C + 1) / 2), over the people genotyped for it."""

    people: Floats
    gr: Floats
    gwg: Floats
    gwx: Floats
    xwx: Floats

    @staticmethod
    def shapes(variants: int, covariates: int) -> tuple[Shape, ...]:
        one = (variants,)
        return one, one, one, (variants, covariates), (variants, triangle(covariates))


def score_sums(design: Design, null: Floats) -> ScoreSums:
    """One site's part of the score test, at the pooled null coefficients."""
    p = special.expit(design.covariates @ null)
    weights, residual = p * (1 - p), design.phenotype - p
    blocks = (_score_block(design, dosages, weights, residual) for dosages in design.blocks())
    return joined(ScoreSums, list(blocks))


def _score_block(design: Design, dosages: Dosages, weights: Floats, residual: Floats) -> ScoreSums:
    x = design.covariates
    rows, columns = pairs(x.shape[1])
    g, seen = called(dosages)
    return ScoreSums(
        people=seen.sum(axis=0),
        gr=g.T @ residual,
        gwg=(g * g).T @ weights,
        gwx=g.T @ (x * weights[:, None]),
        xwx=over_called(seen, weights[:, None] * x[:, rows] * x[:, columns]),
    )


def score_test(sums: ScoreSums) -> Associations:
    """One step from the null model: for screening, not for publication."""
    count = sums.gwx.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        solved = np.linalg.solve(
            symmetric(sums.xwx, count) + 1e-12 * np.eye(count), sums.gwx[..., None]
        )[..., 0]
        variance = sums.gwg - np.einsum("mc,mc->m", sums.gwx, solved)
        variance = np.where(variance > 1e-9 * sums.gwg, variance, np.nan)
        beta, error = sums.gr / variance, 1 / np.sqrt(variance)
        return _associations(sums.people, beta, error)


@dataclass(frozen=True, slots=True)
class NewtonSums(Sums):
    """Per variant: `people` (m,), `score` (m, C + 1) and packed `hessian`, at given coefficients;
    the variant's own coefficient comes last."""

    people: Floats
    score: Floats
    hessian: Floats

    @staticmethod
    def shapes(variants: int, covariates: int) -> tuple[Shape, ...]:
        return (variants,), (variants, covariates + 1), (variants, triangle(covariates + 1))


def newton_sums(design: Design, coefficients: Floats) -> NewtonSums:
    """One site's part of a step for all variants; `coefficients` is (m, C + 1)."""
    first, parts = 0, []
    for dosages in design.blocks():
        last = first + dosages.shape[1]
        parts.append(_newton_block(design, dosages, coefficients[first:last]))
        first = last
    return joined(NewtonSums, parts)


def _newton_block(design: Design, dosages: Dosages, coefficients: Floats) -> NewtonSums:
    x, count = design.covariates, design.covariates.shape[1]
    g, seen = called(dosages)
    p = special.expit((coefficients[:, :count] @ x.T).T + g * coefficients[:, count])
    residual = np.where(seen, design.phenotype[:, None] - p, 0.0)
    weights = np.where(seen, p * (1 - p), 0.0)
    of_variant = weights * g
    rows, columns = pairs(count)
    with_variant = pairs(count + 1)[1] == count
    hessian = np.empty((g.shape[1], with_variant.size))
    hessian[:, ~with_variant] = weights.T @ (x[:, rows] * x[:, columns])
    hessian[:, with_variant] = np.column_stack(
        [of_variant.T @ x, np.einsum("nm,nm->m", of_variant, g)]
    )
    score = np.column_stack([residual.T @ x, np.einsum("nm,nm->m", residual, g)])
    return NewtonSums(np.count_nonzero(seen, axis=0).astype(np.float64), score, hessian)


def next_newton(sums: NewtonSums, coefficients: Floats) -> tuple[Floats, Floats]:
    """The next coefficients (m, C + 1), and per variant the largest change: below `CONVERGED` it
    has converged. Where there is no next step (no variation, separation) the coefficients stay and
    the change is infinite."""
    step, solvable = _solved(sums, coefficients.shape[1])
    moved = np.where(solvable, np.abs(step).max(axis=1, initial=0.0), np.inf)
    return coefficients + np.clip(step, -MAX_STEP, MAX_STEP), moved


def _solved(sums: NewtonSums, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Newton's steps (m, C + 1), zeros where the pooled Hessian has no inverse to speak of."""
    hessians = symmetric(sums.hessian, count)
    solvable = np.linalg.cond(hessians) < 1 / (100 * np.finfo(float).eps)
    safe = np.where(solvable[:, None, None], hessians, np.eye(count))
    step = np.linalg.solve(safe, sums.score[..., None])[..., 0]
    return np.where(solvable[:, None], step, 0.0), solvable


def wald(sums: NewtonSums, coefficients: Floats, converged: NDArray[np.bool_]) -> Associations:
    """Of converged coefficients and the sums taken at them, or within the last step of them."""
    count = coefficients.shape[1]
    hessians = symmetric(sums.hessian, count)
    safe = np.where(converged[:, None, None], hessians, np.eye(count))
    variance = np.linalg.inv(safe)[:, -1, -1]
    usable = converged & (variance > 0)
    error = np.sqrt(np.where(usable, variance, np.nan))
    return _associations(sums.people, np.where(usable, coefficients[:, -1], np.nan), error)


def _associations(people: Floats, beta: Floats, error: Floats) -> Associations:
    statistic = beta / error
    return Associations(people, beta, error, statistic, 2 * stats.norm.sf(np.abs(statistic)))
