"""Newton's steps on sums over sites end at the pooled maximum likelihood of statsmodels."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
import statsmodels.api as sm

from workspaces.analysis import logistic
from workspaces.analysis.design import Design, Floats


def site(seed: int, people: int, *, variants: int = 12) -> Design:
    draw = np.random.default_rng(seed)
    dosages = draw.binomial(2, draw.uniform(0.1, 0.5, variants), (people, variants)).astype(float)
    age = draw.normal(0, 1, people)
    odds = 0.8 * dosages[:, 0] + 0.5 * age - 0.6 + 0.2 * seed
    cases = (draw.random(people) < 1 / (1 + np.exp(-odds))).astype(float)
    dosages[draw.random(dosages.shape) < 0.02] = np.nan
    return Design(cases, np.column_stack([np.ones(people), age]), dosages)


SITES = [site(seed, people) for seed, people in ((1, 150), (2, 90), (3, 120))]


def null() -> Floats:
    coefficients = np.zeros(2)
    for _ in range(6):
        sums = reduce(add, (logistic.null_sums(one, coefficients) for one in SITES))
        coefficients = logistic.next_null(sums, coefficients)
    return coefficients


def everybody(number: int) -> tuple[Floats, Floats]:
    g = np.concatenate([one.dosages[:, number] for one in SITES])
    x = np.concatenate([one.covariates for one in SITES])
    y = np.concatenate([one.phenotype for one in SITES])
    seen = np.isfinite(g)
    return y[seen], np.column_stack([x[seen], g[seen]])


def test_the_null_model_is_the_pooled_one() -> None:
    x = np.concatenate([one.covariates for one in SITES])
    y = np.concatenate([one.phenotype for one in SITES])
    fitted = sm.Logit(y, x).fit(disp=0)
    assert np.abs(null() - fitted.params).max() < 1e-8


@pytest.mark.parametrize("hard", [True, False], ids=["bytes", "floats"])
def test_blocks_of_any_width_and_either_form_sum_alike(
    hard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the definition, variant for variant, over the people called for it."""
    one = SITES[0]
    coefficients = np.random.default_rng(5).normal(0, 0.5, (12, 3))
    calls = np.where(np.isfinite(one.dosages), one.dosages, -1).astype(np.int8)
    design = Design(one.phenotype, one.covariates, calls if hard else one.dosages)
    monkeypatch.setattr("workspaces.analysis.design._CELLS", 5 * one.people)
    found = logistic.newton_sums(design, coefficients)
    scored = logistic.score_sums(design, coefficients[0, :2])
    whole = logistic.score_sums(one, coefficients[0, :2])
    assert np.allclose(scored.vector(), whole.vector(), rtol=0, atol=1e-11)
    for number in range(12):
        seen = np.isfinite(one.dosages[:, number])
        z = np.column_stack([one.covariates, one.dosages[:, number]])[seen]
        p = 1 / (1 + np.exp(-z @ coefficients[number]))
        hessian = (z * (p * (1 - p))[:, None]).T @ z
        assert found.people[number] == seen.sum() < one.people
        assert np.allclose(found.score[number], z.T @ (one.phenotype[seen] - p), atol=1e-11)
        assert np.allclose(found.hessian[number], hessian[np.triu_indices(3)], atol=1e-11)


def test_newton_ends_at_the_pooled_maximum() -> None:
    coefficients = np.column_stack([np.tile(null(), (12, 1)), np.zeros(12)])
    for _ in range(12):
        sums = reduce(add, (logistic.newton_sums(one, coefficients) for one in SITES))
        coefficients, moved = logistic.next_newton(sums, coefficients)
        if moved.max() < 1e-9:
            break
    sums = reduce(add, (logistic.newton_sums(one, coefficients) for one in SITES))
    found = logistic.wald(sums, coefficients, moved < 1e-9)
    for number in range(12):
        fitted = sm.Logit(*everybody(number)).fit(disp=0)
        assert abs(found.beta[number] - fitted.params[-1]) < 1e-7
        assert abs(found.standard_error[number] - fitted.bse[-1]) < 1e-6
        assert abs(found.p[number] - fitted.pvalues[-1]) < 1e-6


def test_the_score_test_screens_in_the_order_of_the_full_test() -> None:
    sums = reduce(add, (logistic.score_sums(one, null()) for one in SITES))
    p = logistic.score_test(sums).p
    assert p[0] == min(p)
    assert ((p >= 0) & (p <= 1)).all()


def test_a_separated_variant_is_no_number_and_harms_no_other() -> None:
    one = SITES[0]
    dosages = one.dosages.copy()
    dosages[:, 1] = np.nan
    coefficients = np.zeros((12, 3))
    for _ in range(12):
        design = Design(one.phenotype, one.covariates, dosages)
        sums = logistic.newton_sums(design, coefficients)
        coefficients, moved = logistic.next_newton(sums, coefficients)
    found = logistic.wald(sums, coefficients, moved < 1e-9)
    assert np.isnan(found.beta[1])
    assert np.isfinite(np.delete(found.beta, 1)).all()
