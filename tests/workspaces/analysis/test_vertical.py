"""Sites with different variables of the same people fit what one site with all of them would."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm

from workspaces.airlock import candidates
from workspaces.analysis.design import Floats
from workspaces.analysis.rounds import Round, limb_sum, plain_sum, run
from workspaces.analysis.vertical import Part, VerticalLogistic

NAMES = ("age", "bmi", "urate", "score", "dose", "grade", "expression")


def parts(
    people: int = 3_000, *, shared: float = 0.5, effect: float = 0.6
) -> tuple[list[Part], Floats, Floats]:
    """Three sites' variables, which depend on each other, and everything together."""
    draw = np.random.default_rng(11)
    common = draw.normal(0, 1, (people, 1))
    x = (1 - shared) * draw.normal(0, 1, (people, 7)) + shared * common
    x = x * [12, 5, 1e-2, 1, 40, 1, 3] + [60, 27, 0.3, 0, 200, 2, 0]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    score = effect * (z @ [1, -0.7, 0.5, 0.2, -1, 0.4, 0]) - 0.8
    y = (draw.random(people) < 1 / (1 + np.exp(-score))).astype(float)
    sites = [Part(NAMES[:3], x[:, :3], y), Part(NAMES[3:5], x[:, 3:5]), Part(NAMES[5:], x[:, 5:])]
    return sites, x, y


@pytest.mark.parametrize("add", [plain_sum, limb_sum])
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.75])
def test_the_joint_regression_is_the_pooled_one_in_few_rounds(shared: float, add: object) -> None:
    sites, x, y = parts(shared=shared)
    found = run(VerticalLogistic(NAMES, 3_000), sites, add=add)  # type: ignore[arg-type]
    fitted = sm.Logit(y, sm.add_constant(x)).fit(disp=0, tol=1e-12)
    spread = x.std(axis=0)
    mine = np.array(list(found.coefficients.values()))
    assert np.abs((mine - fitted.params[1:]) * spread).max() < 1e-6
    assert found.intercept == pytest.approx(fitted.params[0], abs=1e-5)
    assert found.rounds <= 40


def test_the_result_is_a_model_that_the_airlock_reads() -> None:
    sites, _, _ = parts(400)
    found = run(VerticalLogistic(NAMES, 400), sites)
    read = candidates.read(json.dumps(found.document()).encode())
    assert isinstance(read, candidates.AggregateModel)
    assert (read.people, read.sites) == (400, 3)


def test_a_variable_that_does_not_vary_or_is_said_twice_in_other_words_harms_nothing() -> None:
    sites, x, _ = parts(600)
    same = Part(("constant", "age again"), np.column_stack([np.full(600, 7.0), 2 * x[:, 0]]))
    found = run(VerticalLogistic((*NAMES, *same.variables), 600), [*sites, same])
    assert found.coefficients["constant"] == 0
    alone = run(VerticalLogistic(NAMES, 600), sites)
    together = found.coefficients["age"] + 2 * found.coefficients["age again"]
    assert together == pytest.approx(alone.coefficients["age"], abs=1e-6)


def test_outcomes_that_variables_tell_apart_have_no_maximum() -> None:
    sites, _, y = parts(400)
    told = Part(("told",), y[:, None] * 2.0)
    with pytest.raises(ValueError, match=r"apart|converged"):
        run(VerticalLogistic((*NAMES, "told"), 400), [*sites, told])


def test_every_variable_and_the_outcome_has_exactly_one_holder() -> None:
    sites, _, _ = parts(400)
    plan = VerticalLogistic(NAMES, 400)
    without = [Part(one.variables, one.columns) for one in sites]
    for wrong in (sites[:2], without, [*sites, sites[1]], [sites[0], *sites]):
        with pytest.raises(ValueError, match="exactly one"):
            run(plan, wrong)


def test_other_people_variables_or_questions_are_refused() -> None:
    sites, x, y = parts(400)
    plan = VerticalLogistic(NAMES, 400)
    fewer = Part(NAMES[:3], x[:-1, :3], y[:-1])
    strange = Part(("other",), x[:, :1])
    for wrong in (fewer, strange):
        with pytest.raises(ValueError, match="other people or variables"):
            plan.answer(wrong, plan.first())
    with pytest.raises(ValueError, match="not a question"):
        plan.answer(sites[0], Round("rows"))
    with pytest.raises(ValueError, match="missing"):
        Part(("a",), np.array([[np.nan]]))
    with pytest.raises(ValueError, match="0 or 1"):
        Part((), np.zeros((1, 0)), np.array([2.0]))
    for names, people in ((NAMES, 19), (("a", "a"), 400)):
        with pytest.raises(ValueError, match="each variable once"):
            VerticalLogistic(names, people)
