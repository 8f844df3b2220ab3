"""Sums over sites give the pooled least squares, as statsmodels computes it from all the data."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from workspaces.analysis.design import Design, Floats
from workspaces.analysis.limbs import decode, encode
from workspaces.analysis.linear import LinearSums, local_sums, solve


def site(seed: int, people: int, *, variants: int = 40, missing: float = 0.03) -> Design:
    draw = np.random.default_rng(seed)
    frequency = draw.uniform(0.05, 0.5, variants)
    dosages = draw.binomial(2, frequency, (people, variants)).astype(float)
    sex, age = draw.integers(0, 2, people), draw.normal(0, 1, people)
    trait = 0.4 * dosages[:, 0] + 0.3 * sex + 0.2 * age + draw.normal(seed, 1, people)
    dosages[draw.random(dosages.shape) < missing] = np.nan
    return Design(trait, np.column_stack([np.ones(people), sex, age]), dosages)


SITES = [site(seed, people) for seed, people in ((1, 60), (2, 35), (3, 90))]


def pooled(sites: list[Design]) -> LinearSums:
    total = local_sums(sites[0])
    for one in sites[1:]:
        total = total + local_sums(one)
    return total


def ordinary(sites: list[Design], number: int) -> tuple[float, float, float]:
    """beta, standard error, p of one variant, from everybody's rows."""
    g = np.concatenate([one.dosages[:, number] for one in sites])
    x = np.concatenate([one.covariates for one in sites])
    y = np.concatenate([one.phenotype for one in sites])
    seen = np.isfinite(g)
    fitted = sm.OLS(y[seen], np.column_stack([x[seen], g[seen]])).fit()
    return fitted.params[-1], fitted.bse[-1], fitted.pvalues[-1]


def assert_pooled(found: LinearSums, sites: list[Design], tolerance: float) -> None:
    solved = solve(found)
    for number in range(sites[0].variants):
        beta, error, p = ordinary(sites, number)
        assert abs(solved.beta[number] - beta) < tolerance
        assert abs(solved.standard_error[number] - error) < tolerance
        assert abs(solved.p[number] - p) < tolerance


def test_pooled_sums_are_the_analysis_of_all_people_together() -> None:
    assert_pooled(pooled(SITES), SITES, 1e-10)


def test_a_site_that_drops_out_leaves_the_analysis_of_the_others() -> None:
    assert_pooled(pooled(SITES[:2]), SITES[:2], 1e-10)


def test_a_secure_sum_of_integers_gives_the_same() -> None:
    vectors = [local_sums(one).vector() for one in SITES]
    summed = np.sum([encode(vector) for vector in vectors], axis=0)
    back = decode(summed, sites=3)
    assert_pooled(LinearSums.of_vector(back, variants=40, covariates=3), SITES, 1e-6)
    exact, secured = (
        solve(pooled(SITES)),
        solve(LinearSums.of_vector(back, variants=40, covariates=3)),
    )
    assert np.abs(exact.beta - secured.beta).max() < 1e-9


def test_a_vector_comes_back_as_it_went() -> None:
    sums = local_sums(SITES[0])
    again = LinearSums.of_vector(sums.vector(), variants=40, covariates=3)
    for mine, theirs in zip(sums.parts(), again.parts(), strict=True):
        assert np.array_equal(mine, theirs)
    with pytest.raises(ValueError, match="not of this many"):
        LinearSums.of_vector(sums.vector()[:-1], variants=40, covariates=3)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = local_sums(SITES[0]).vector()
    monkeypatch.setattr("workspaces.analysis.design._CELLS", 7 * SITES[0].people)
    assert np.allclose(local_sums(SITES[0]).vector(), whole, rtol=0, atol=1e-9)


def without_variant(design: Design, number: int) -> Design:
    dosages = design.dosages.copy()
    dosages[:, number] = np.nan
    return Design(design.phenotype, design.covariates, dosages)


def test_a_site_without_the_variant_adds_nothing_to_it() -> None:
    sites = [SITES[0], without_variant(SITES[1], 5), SITES[2]]
    solved = solve(pooled(sites))
    beta, _, p = ordinary([SITES[0], SITES[2]], 5)
    assert abs(solved.beta[5] - beta) < 1e-10
    assert abs(solved.p[5] - p) < 1e-10


@pytest.mark.parametrize(
    "column", [np.zeros(60), np.full(60, 2.0), np.full(60, np.nan), SITES[0].covariates[:, 1]]
)
def test_what_cannot_be_estimated_is_no_number(column: Floats) -> None:
    dosages = SITES[0].dosages.copy()
    dosages[:, 3] = column
    solved = solve(local_sums(Design(SITES[0].phenotype, SITES[0].covariates, dosages)))
    assert np.isnan(solved.beta[3])
    assert np.isnan(solved.p[3])
    assert np.isfinite(solved.beta[4])


def test_a_design_with_holes_or_of_different_people_is_refused() -> None:
    one = SITES[0]
    with pytest.raises(ValueError, match="missing"):
        Design(np.where(np.arange(60) == 3, np.nan, one.phenotype), one.covariates, one.dosages)
    with pytest.raises(ValueError, match="different people"):
        Design(one.phenotype[:-1], one.covariates, one.dosages)
