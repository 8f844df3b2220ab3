"""The template through its sums: near the pooled model, and closed to plans it cannot follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from workspaces.analysis.limbs import Integers
from workspaces.flapps.reading import Unfit
from workspaces.flapps.template.study import Own

PLAN: dict[str, Any] = {"outcome": "case", "features": ["age", "dose"], "rounds": 40}


@pytest.fixture
def sites(tmp_path: Path) -> list[Path]:
    made = []
    for number, people in enumerate((300, 240, 420)):
        draw = np.random.default_rng(number)
        age, dose = draw.normal(60, 10, people), draw.gamma(2, 1, people)
        case = draw.random(people) < 1 / (1 + np.exp(3.4 - 0.05 * age - 0.3 * dose))
        rows = zip(age, dose, case.astype(int), strict=True)
        lines = [
            f"{number}-{place}\t{one[0]}\t{one[1]}\t{one[2]}" for place, one in enumerate(rows)
        ]
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "clinical.tsv").write_text("\n".join(["id\tage\tdose\tcase", *lines]) + "\n")
        made.append(folder)
    return made


def ran(plan: dict[str, Any], sites: list[Path]) -> dict[str, Any]:
    application = Own()
    for one in sites:
        application.offer(plan, data=one, scratch=one)

    def ask(question: bytes, what: str) -> tuple[Integers, int]:
        answers = [application.answer(plan, b"", question, data=one, scratch=one) for one in sites]
        return np.sum(answers, axis=0), len(sites)

    (found,) = application.conclude(plan, b"", ask)
    return found


def test_what_is_averaged_comes_near_the_pooled_model(sites: list[Path]) -> None:
    rows = np.concatenate([np.loadtxt(one / "clinical.tsv", skiprows=1, usecols=(1, 2, 3))
                           for one in sites])  # fmt: skip
    scaled = (rows[:, :2] - rows[:, :2].mean(axis=0)) / rows[:, :2].std(axis=0)
    pooled = sm.Logit(rows[:, 2], sm.add_constant(scaled)).fit(disp=0).params
    found = ran(PLAN, sites)
    assert np.abs(np.array(found["coefficients"]["weights"]) - pooled).max() < 0.1
    assert (found["people"], found["sites"]) == (960, 3)


def test_a_site_without_a_column_changes_nothing(sites: list[Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "clinical.tsv").write_text("id\tage\tcase\nx\t50\t1\n")
    weights = ran(PLAN, sites)["coefficients"]["weights"]
    found = ran(PLAN, [*sites, tmp_path / "other"])
    assert np.abs(np.array(found["coefficients"]["weights"]) - weights).max() < 1e-6
    assert found["people"] == 960


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": ""}, {"features": []}, {"features": ["age", "age"]}, {"features": "age"},
        {"features": ["age", "case"]}, {"features": [f"f{n}" for n in range(201)]},
        {"rounds": 101}, {"rounds": 1.5}, {"steps": 3}, {"data": {"age": {}}},
    ],
)  # fmt: skip
def test_a_plan_it_cannot_follow_is_refused_before_the_first_sum(
    sites: list[Path], changes: dict[str, object]
) -> None:
    with pytest.raises(Unfit, match="plan"):
        Own().offer({**PLAN, **changes}, data=sites[0], scratch=sites[0])
