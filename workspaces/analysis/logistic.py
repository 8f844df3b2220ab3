"""Logistic regression of a yes-or-no trait on each variant, exactly pooled from per-site sums.

First a score test for all variants under a null model of the covariates (one exchange), then
Newton's method for the promising ones (a few exchanges each, all of them at once). Every message is
a sum over a site's people. The phenotype is 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from workspaces.analysis.design import BLOCK, Design, Floats, pairs, symmetric
from workspaces.analysis.linear import Associations

MAX_STEP = 5.0  # of one coefficient in one Newton step


@dataclass(frozen=True, slots=True)
class NullSums:
    """`score` (C,) and packed `hessian` of the model of covariates alone, at some coefficients."""

    people: float
    score: Floats
    hessian: Floats

    def __add__(self, other: NullSums) -> NullSums:
        return NullSums(
            self.people + other.people, self.score + other.score, self.hessian + other.hessian
        )


def null_sums(design: Design, coefficients: Floats) -> NullSums:
    x = design.covariates
    rows, columns = pairs(x.shape[1])
    p = special.expit(x @ coefficients)
    w = p * (1 - p)
    return NullSums(
        float(design.people), x.T @ (design.phenotype - p), w @ (x[:, rows] * x[:, columns])
    )


def next_null(sums: NullSums, coefficients: Floats) -> Floats:
    """Newton's next coefficients; raises `numpy.linalg.LinAlgError` where there are none."""
    step = np.linalg.solve(symmetric(sums.hessian, coefficients.size), sums.score)
    return np.asarray(coefficients + np.clip(step, -MAX_STEP, MAX_STEP))


@dataclass(frozen=True, slots=True)
class ScoreSums:
    """Per variant at the null model: `people` (m,), `gr` (m,), `gwg` (m,), `gwx` (m, C) and `xwx`
    (m, C * (C + 1) / 2), over the people genotyped for it."""

    people: Floats
    gr: Floats
    gwg: Floats
    gwx: Floats
    xwx: Floats

    def __add__(self, other: ScoreSums) -> ScoreSums:
        return ScoreSums(
            self.people + other.people,
            self.gr + other.gr,
            self.gwg + other.gwg,
            self.gwx + other.gwx,
            self.xwx + other.xwx,
        )


def score_sums(design: Design, null: Floats) -> ScoreSums:
    """One site's part of the score test, at the pooled null coefficients."""
    x = design.covariates
    rows, columns = pairs(x.shape[1])
    p = special.expit(x @ null)
    w, residual = p * (1 - p), design.phenotype - p
    made = []
    for first in range(0, design.variants, BLOCK):
        dosages = design.dosages[:, first : first + BLOCK]
        seen = np.isfinite(dosages)
        g = np.where(seen, dosages, 0.0)
        there = seen.astype(np.float64).T
        made.append(
            (
                there.sum(axis=1),
                g.T @ residual,
                (g * g).T @ w,
                g.T @ (x * w[:, None]),
                there @ (w[:, None] * x[:, rows] * x[:, columns]),
            )
        )
    return ScoreSums(*(np.concatenate(part) for part in zip(*made, strict=True)))


def score_test(sums: ScoreSums) -> Floats:
    """p per variant (m,): for screening, not for publication."""
    count = sums.gwx.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        solved = np.linalg.solve(
            symmetric(sums.xwx, count) + 1e-12 * np.eye(count), sums.gwx[..., None]
        )[..., 0]
        variance = sums.gwg - np.einsum("mc,mc->m", sums.gwx, solved)
        found = np.where(variance > 0, sums.gr**2 / variance, np.nan)
        return np.asarray(stats.chi2.sf(found, 1))


@dataclass(frozen=True, slots=True)
class NewtonSums:
    """Per variant: `people` (m,), `score` (m, C + 1) and packed `hessian`, at given coefficients;
    the variant's own coefficient comes last."""

    people: Floats
    score: Floats
    hessian: Floats

    def __add__(self, other: NewtonSums) -> NewtonSums:
        return NewtonSums(
            self.people + other.people, self.score + other.score, self.hessian + other.hessian
        )


def newton_sums(design: Design, coefficients: Floats) -> NewtonSums:
    """One site's part of a step for all variants; `coefficients` is (m, C + 1)."""
    count = design.covariates.shape[1] + 1
    rows, columns = pairs(count)
    people = np.empty(design.variants)
    score = np.empty((design.variants, count))
    hessian = np.empty((design.variants, rows.size))
    for number in range(design.variants):
        g = design.dosages[:, number]
        seen = np.isfinite(g)
        z = np.column_stack([design.covariates[seen], g[seen]])
        p = special.expit(z @ coefficients[number])
        people[number] = seen.sum()
        score[number] = z.T @ (design.phenotype[seen] - p)
        hessian[number] = (p * (1 - p)) @ (z[:, rows] * z[:, columns])
    return NewtonSums(people, score, hessian)


def next_newton(sums: NewtonSums, coefficients: Floats) -> tuple[Floats, float]:
    """The next coefficients (m, C + 1), and the largest change: below 1e-9 it has converged. A
    variant without a maximum (separation) becomes NaN and stays so."""
    count = coefficients.shape[1]
    hessians = symmetric(sums.hessian, count)
    step = np.full(coefficients.shape, np.nan)
    for number, hessian in enumerate(hessians):
        try:
            step[number] = np.linalg.solve(hessian, sums.score[number])
        except np.linalg.LinAlgError:
            continue
    step = np.clip(step, -MAX_STEP, MAX_STEP)
    moved = np.nan_to_num(np.abs(step))
    return coefficients + step, float(moved.max(initial=0.0))


def wald(sums: NewtonSums, coefficients: Floats) -> Associations:
    """Of converged coefficients and the sums taken at them."""
    count = coefficients.shape[1]
    beta = coefficients[:, -1]
    variance = np.full(beta.shape, np.nan)
    for number, hessian in enumerate(symmetric(sums.hessian, count)):
        try:
            variance[number] = np.linalg.inv(hessian)[-1, -1]
        except np.linalg.LinAlgError:
            continue
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.where(variance > 0, variance, np.nan))
        statistic = beta / error
        p = 2 * stats.norm.sf(np.abs(statistic))
    return Associations(sums.people, beta, error, statistic, p)
