"""Models over sites are those that statsmodels fits to everybody's rows."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.duration.hazard_regression import PHReg

from workspaces.airlock import candidates
from workspaces.airlock.rules import Floors, Outcome, judge
from workspaces.analysis.averaging import Averaging
from workspaces.analysis.cohort import Clinical
from workspaces.analysis.cox import Cox, Ties
from workspaces.analysis.design import Floats
from workspaces.analysis.evaluation import Evaluation, Split
from workspaces.analysis.people import People
from workspaces.analysis.regression import RidgeLogistic
from workspaces.analysis.rounds import Round, limb_sum, run
from workspaces.analysis.survival import intervals
from workspaces.flapps.template import model

FEATURES = ("age", "dose")
EDGES = tuple(float(month) for month in range(1, 49))


def site(seed: int, people: int) -> Clinical:
    draw = np.random.default_rng(seed)
    age, dose = draw.normal(61, 12, people), draw.gamma(2, 0.01, people)
    odds = 0.05 * (age - 60) + 30 * dose - 1 + 0.3 * seed
    case = (draw.random(people) < 1 / (1 + np.exp(-odds))).astype(float)
    time = draw.exponential(30 * np.exp(-0.03 * (age - 60) - 12 * dose))
    leaves = draw.uniform(3, 70, people)
    variables = {
        "age": age, "dose": dose, "case": case,
        "time": np.minimum(time, leaves), "event": (time <= leaves).astype(float),
    }  # fmt: skip
    age[draw.random(people) < 0.05] = np.nan
    return Clinical(tuple(f"{seed}-{n}" for n in range(people)), variables)


CLINICAL = [site(seed, people) for seed, people in ((1, 130), (2, 90), (3, 160))]
CASES = [People.of(one, outcomes=["case"], features=FEATURES) for one in CLINICAL]
TIMES = [People.of(one, outcomes=["time", "event"], features=FEATURES) for one in CLINICAL]
NOBODY = Clinical((), {})


def rows(sites: list[People]) -> tuple[Floats, Floats]:
    return (
        np.concatenate([one.outcomes for one in sites]),
        np.concatenate([one.features for one in sites]),
    )


def test_without_penalty_it_is_the_maximum_of_the_likelihood() -> None:
    y, x = rows(CASES)
    fitted = sm.Logit(y[:, 0], sm.add_constant(x)).fit(disp=0, tol=1e-12)
    found = run(RidgeLogistic(FEATURES), CASES, add=limb_sum)
    assert found.people == len(y)
    assert np.abs(found.coefficients / fitted.params - 1).max() < 1e-6
    assert np.abs(found.standard_error / fitted.bse - 1).max() < 1e-6


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_a_penalty_ends_where_the_penalised_gradient_is_zero(penalty: float) -> None:
    y, x = rows(CASES)
    found = run(RidgeLogistic(FEATURES, penalty), CASES)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    scaled = found.coefficients[1:] * x.std(axis=0)
    gradient = z.T @ (y[:, 0] - found.predict(x)) - penalty * scaled
    assert np.abs(gradient).max() < 1e-6
    assert abs((y[:, 0] - found.predict(x)).sum()) < 1e-6
    free = run(RidgeLogistic(FEATURES), CASES).coefficients[1:] * x.std(axis=0)
    assert np.linalg.norm(scaled) < np.linalg.norm(free)


@pytest.mark.parametrize("analysis", [RidgeLogistic(FEATURES), Cox(FEATURES, EDGES)])
def test_a_feature_that_is_the_same_for_everybody_is_said_to_be(
    analysis: RidgeLogistic | Cox,
) -> None:
    sites = CASES if isinstance(analysis, RidgeLogistic) else TIMES
    same = [replace(one, features=one.features * [1.0, 0.0]) for one in sites]
    with pytest.raises(ValueError, match="the same for everybody"):
        run(analysis, same)


def test_separated_outcomes_need_a_penalty() -> None:
    sites = [People(one.outcomes, one.outcomes.repeat(2, axis=1) + [[0, 1]] * one.features)
             for one in CASES]  # fmt: skip
    with pytest.raises((ValueError, np.linalg.LinAlgError)):
        run(RidgeLogistic(FEATURES), sites)
    assert np.isfinite(run(RidgeLogistic(FEATURES, 1.0), sites).coefficients).all()


@pytest.mark.parametrize("ties", list(Ties))
def test_cox_is_the_partial_likelihood_of_all_rows_on_the_grid(ties: Ties) -> None:
    y, x = rows(TIMES)
    places = intervals(y[:, 0], EDGES)
    time = np.array([*EDGES, EDGES[-1] + 1])[places]
    event = np.where(places == len(EDGES), 0, y[:, 1])
    fitted = PHReg(time, x, status=event, ties=ties.value).fit(disp=0)
    found = run(Cox(FEATURES, EDGES, ties), TIMES, add=limb_sum)
    assert found.events == event.sum()
    assert np.abs(found.coefficients / fitted.params - 1).max() < 1e-5
    assert np.abs(found.standard_error / fitted.bse - 1).max() < 1e-5
    assert np.abs(found.p - fitted.pvalues).max() < 1e-6


def test_a_site_of_nobody_changes_no_model() -> None:
    nobody = People.of(NOBODY, outcomes=["case"], features=FEATURES)
    assert np.allclose(
        run(RidgeLogistic(FEATURES), [*CASES, nobody]).coefficients,
        run(RidgeLogistic(FEATURES), CASES).coefficients, rtol=1e-12,
    )  # fmt: skip
    none = People.of(NOBODY, outcomes=["time", "event"], features=FEATURES)
    plan = Cox(FEATURES, EDGES)
    assert np.allclose(run(plan, [*TIMES, none]).coefficients, run(plan, TIMES).coefficients)
    for analysis, sites in ((RidgeLogistic(FEATURES), [nobody]), (plan, [none])):
        with pytest.raises(ValueError, match="no site"):
            run(analysis, sites)


def test_outcomes_and_features_of_another_analysis_are_refused() -> None:
    plan = RidgeLogistic(FEATURES)
    for wrong in (TIMES[0], replace(CASES[0], outcomes=CASES[0].outcomes + 1)):
        with pytest.raises(ValueError, match="neither 0 nor 1"):
            plan.answer(wrong, plan.first())
    with pytest.raises(ValueError, match="other features"):
        replace(plan, features=("age",)).answer(CASES[0], plan.first())
    cox = Cox(FEATURES, EDGES)
    with pytest.raises(ValueError, match="no time and event"):
        cox.answer(CASES[0], cox.first())
    for analysis, people in ((plan, CASES[0]), (cox, TIMES[0])):
        with pytest.raises(ValueError, match="not a question"):
            analysis.answer(people, Round("rows"))


def area(y: Floats, predicted: Floats) -> float:
    """By all pairs of a case and another."""
    ahead = predicted[y == 1][:, None] - predicted[y == 0]
    return float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


def test_evaluation_is_that_of_all_held_out_rows_and_local_models_stand_beside() -> None:
    split = [Split.of(one, share=0.4, seed=number) for number, one in enumerate(CASES)]
    federated = run(RidgeLogistic(FEATURES, 1.0), [one.training for one in split])
    found = run(Evaluation(FEATURES, federated.coefficients), split, add=limb_sum)
    y, x = rows([one.held_out for one in split])
    predicted = federated.predict(x)
    assert found.federated.auc == pytest.approx(area(y[:, 0], predicted), abs=2e-3)
    assert found.federated.people.sum() == len(y)
    third = (predicted >= 0.2) & (predicted < 0.3)
    assert found.federated.predicted[2] == pytest.approx(predicted[third].mean(), abs=1e-6)
    assert found.federated.observed[2] == pytest.approx(y[third, 0].mean())
    assert 0.5 < found.local.auc < 1
    assert found.local.people.sum() == len(y)
    read = candidates.read(json.dumps(found.federated.document("federated")).encode())
    assert isinstance(read, candidates.Table)


def test_a_site_without_a_local_model_is_judged_by_the_federated_one_alone() -> None:
    alike = replace(CASES[0], outcomes=np.zeros_like(CASES[0].outcomes))
    lonely = Split(People(alike.outcomes[:0], alike.features[:0]), alike)
    found = run(Evaluation(FEATURES, np.zeros(3)), [lonely])
    assert found.federated.people.sum() == alike.count
    assert found.local.people.sum() == 0
    assert np.isnan(found.local.auc)
    assert np.isnan(found.federated.auc)


def test_a_model_of_ones_own_is_averaged_towards_the_pooled_one() -> None:
    def scaled(one: People) -> People:
        centred = (one.features - [61, 0.02]) / [12, 0.015]
        return People(one.outcomes, centred)

    sites = [scaled(one) for one in CASES]
    found = run(Averaging(model.start(2), model.learn, rounds=30), sites, add=limb_sum)
    y, x = rows(sites)
    pooled = sm.Logit(y[:, 0], sm.add_constant(x)).fit(disp=0).params
    assert np.abs(found.weights - pooled).max() < 0.1
    verdict = judge(
        candidates.read(json.dumps(found.document()).encode()),
        Floors(frozenset({"aggregate-model"}), labels=frozenset({"weights"})),
    )
    assert verdict.outcome is Outcome.RELEASE


@pytest.mark.parametrize("learned", [np.zeros(2), np.full(3, np.nan), np.full(3, np.inf)])
def test_what_is_no_better_weights_does_not_leave_the_site(learned: Floats) -> None:
    plan = Averaging(np.zeros(3), lambda weights, people: learned, rounds=1)
    with pytest.raises(ValueError, match="what was learned"):
        plan.answer(CASES[0], plan.first())
    nobody = People.of(NOBODY, outcomes=["case"], features=FEATURES)
    with pytest.raises(ValueError, match="anybody"):
        run(plan, [nobody])
