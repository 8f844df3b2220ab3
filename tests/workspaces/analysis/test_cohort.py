"""The design of a site: people both table and files have, variants of the panel, in their order."""

from __future__ import annotations

import numpy as np
import pytest

from workspaces.analysis.alleles import Allele, Harmony
from workspaces.analysis.cohort import Clinical, design_of
from workspaces.analysis.genotypes import Genotypes

PEOPLE = tuple(f"p{number}" for number in range(6))
SOURCE = np.random.default_rng(3)
HELD = Genotypes(
    PEOPLE,
    tuple(Allele("1", 10 + number, "A", "G") for number in range(5)),
    SOURCE.integers(0, 3, (6, 5)).astype(np.float32),
)


@pytest.mark.parametrize("order", [PEOPLE, PEOPLE[::-1], PEOPLE[1:4], ("p5", "stranger", "p0")])
@pytest.mark.parametrize("columns", [[0, 1, 2, 3, 4], [4, 2, 0], [1, -1, 3, 3], [-1, -1], [0, 1]])
def test_dosages_are_those_of_the_people_and_variants_asked_for(
    order: tuple[str, ...], columns: list[int]
) -> None:
    table = Clinical(order, {"height": np.arange(float(len(order))), "age": np.ones(len(order))})
    found = design_of(
        table, HELD, Harmony(np.array(columns), (), (), ()), trait="height", covariates=["age"]
    )
    known = [one for one in order if one in PEOPLE]
    assert found.phenotype.tolist() == [order.index(one) for one in known]
    for row, person in enumerate(known):
        for at, column in enumerate(columns):
            expected = HELD.dosages[PEOPLE.index(person), column] if column >= 0 else np.nan
            np.testing.assert_equal(found.dosages[row, at], expected)
