"""The truth of a planted study, from other arithmetic; and that the traits are as they are said."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm

from gateway.demo import population
from gateway.demo.countries import traits
from gateway.demo.countries import truth as countries_truth
from gateway.demo.countries.traits import AGE, CORONARY, LDL, Planted
from gateway.demo.countries.truth import Rows
from gateway.demo.population import Population
from tests.support.beacon_schemas import Schemas


@pytest.fixture(scope="module")
def planted() -> tuple[Population, Planted]:
    return traits.plant(population.simulate(people=60, seed=5), seed=5)


@pytest.fixture(scope="module")
def rows(planted: tuple[Population, Planted], tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Of two sites."""
    folder = tmp_path_factory.mktemp("sites")
    for name, people in (("one", range(25)), ("two", range(25, 60))):
        population.write(planted[0], folder / name, people=people)
    return countries_truth.rows(
        (folder / name / "individuals.json", folder / name / "variants.vcf.gz")
        for name in ("one", "two")
    )


def test_the_same_seed_plants_the_same(planted: tuple[Population, Planted]) -> None:
    again = traits.plant(population.simulate(people=60, seed=5), seed=5)
    assert again[1] == planted[1]
    assert again[0].people == planted[0].people


def test_planted_variants_are_common_and_apart(planted: tuple[Population, Planted]) -> None:
    made, truth = planted
    chosen = [*truth.ldl, truth.coronary, truth.confounder]
    assert len({one.start0 for one in chosen}) == 5
    for one in chosen:
        frequency = made.genotypes[made.sites.index(one)].mean()
        assert 0.2 <= min(frequency, 1 - frequency) <= 0.45


def test_records_are_valid_by_the_official_schemas(planted: tuple[Population, Planted]) -> None:
    for person in planted[0].people:
        Schemas().entry(json.loads(json.dumps(person)), "individuals")


def test_the_rows_of_all_sites_are_everybodys_own(
    planted: tuple[Population, Planted], rows: Rows
) -> None:
    made, _ = planted
    assert rows.covariates.shape == (60, 4)
    for site, calls in zip(made.sites, made.genotypes, strict=True):
        assert rows.copies[site.name].tolist() == calls.sum(axis=1).tolist()
    person = json.loads(json.dumps(made.people[31]))
    measured = {
        one["assayCode"]["id"]: one["measurementValue"]["value"] for one in person["measurements"]
    }
    assert rows.traits["ldl"][31] == measured[LDL]
    assert rows.covariates[31, 1] == measured[AGE]
    features = [one["featureType"]["id"] for one in person["phenotypicFeatures"]]
    assert rows.traits["coronary"][31] == (CORONARY in features)


def test_least_squares_are_statsmodels(planted: tuple[Population, Planted], rows: Rows) -> None:
    for site in planted[1].ldl:
        found = countries_truth.linear(rows, [site.name])[site.name]
        x = np.column_stack([rows.covariates, rows.copies[site.name]])
        other = sm.OLS(rows.traits["ldl"], x).fit()
        assert found.beta == pytest.approx(other.params[-1], rel=1e-9)
        assert found.standard_error == pytest.approx(other.bse[-1], rel=1e-9)
        assert found.p == pytest.approx(other.pvalues[-1], rel=1e-7)


def test_the_maximum_of_the_likelihood_is_statsmodels(
    planted: tuple[Population, Planted], rows: Rows
) -> None:
    name = planted[1].coronary.name
    found = countries_truth.logistic(rows, [name])[name]
    x = np.column_stack([rows.covariates, rows.copies[name]])
    other = sm.Logit(rows.traits["coronary"], x).fit(disp=False, tol=1e-12)
    assert found.beta == pytest.approx(other.params[-1], rel=1e-6)
    assert found.p == pytest.approx(other.pvalues[-1], rel=1e-5)
