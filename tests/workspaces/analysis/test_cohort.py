"""The design of a site: people both table and files have, variants of the panel, in their order."""

from __future__ import annotations

import numpy as np
import pytest

from workspaces.analysis.cohort import Clinical, design_of, of_panel
from workspaces.analysis.design import Dosages
from workspaces.analysis.genotypes import floating

PEOPLE = tuple(f"p{number}" for number in range(6))
SOURCE = np.random.default_rng(3)
CALLS = SOURCE.integers(0, 3, (6, 5)).astype(np.int8)


@pytest.mark.parametrize("held", [CALLS, CALLS.astype(np.float32)], ids=["hard", "floats"])
@pytest.mark.parametrize("order", [PEOPLE, PEOPLE[::-1], PEOPLE[1:4], ("p5", "stranger", "p0")])
@pytest.mark.parametrize("columns", [[0, 1, 2, 3, 4], [4, 2, 0], [1, -1, 3, 3], [-1, -1], [0, 1]])
def test_dosages_are_those_of_the_people_and_variants_asked_for(
    held: Dosages, order: tuple[str, ...], columns: list[int]
) -> None:
    table = Clinical(order, {"height": np.arange(float(len(order))), "age": np.ones(len(order))})
    panel = of_panel(held, np.array(columns))
    found = design_of(table, PEOPLE, panel, trait="height", covariates=["age"])
    known = [one for one in order if one in PEOPLE]
    assert found.phenotype.tolist() == [order.index(one) for one in known]
    for row, person in enumerate(known):
        for at, column in enumerate(columns):
            expected = held[PEOPLE.index(person), column] if column >= 0 else np.nan
            np.testing.assert_equal(floating(found.dosages)[row, at], expected)


def test_a_site_without_variants_has_none_of_the_panel() -> None:
    found = of_panel(CALLS[:, :0], np.array([-1, -1]))
    assert np.isnan(floating(found)).all()
    assert found.shape == (6, 2)
