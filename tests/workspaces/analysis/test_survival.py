"""Curves over sites are those statsmodels draws of all rows on the same grid of times."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.duration.survfunc import survdiff

from workspaces.airlock import candidates
from workspaces.airlock.rules import Floors, Outcome, judge
from workspaces.analysis.cohort import Clinical
from workspaces.analysis.design import Floats
from workspaces.analysis.rounds import limb_sum, run
from workspaces.analysis.survival import SurvivalCounts, intervals

EDGES = tuple(float(month) for month in range(1, 61))


def site(seed: int, people: int) -> Clinical:
    draw = np.random.default_rng(seed)
    arm = draw.integers(0, 2, people).astype(float)
    time = draw.exponential(20 + 15 * arm)
    censored = draw.uniform(5, 90, people)
    event = (time <= censored).astype(float)
    observed = np.minimum(time, censored)
    observed[draw.random(people) < 0.05] = np.nan
    return Clinical(
        tuple(f"{seed}-{n}" for n in range(people)), {"time": observed, "event": event, "arm": arm}
    )


SITES = [site(seed, people) for seed, people in ((1, 90), (2, 60), (3, 110))]
PLAN = SurvivalCounts("time", "event", EDGES, "arm", {0: "control", 1: "treated"})


def everybody() -> tuple[Floats, Floats, Floats]:
    """Rows as the grid has them: times at their edge, whoever is beyond it leaves after it."""
    time, event, arm = (
        np.concatenate([one.variables[name] for one in SITES]) for name in ("time", "event", "arm")
    )
    seen = np.isfinite(time)
    places = intervals(time[seen], EDGES)
    beyond = places == len(EDGES)
    grid = np.array([*EDGES, EDGES[-1] + 1])[places]
    return grid, np.where(beyond, 0.0, event[seen]), arm[seen]


def test_curves_and_test_are_those_of_all_rows() -> None:
    found = run(PLAN, SITES, add=limb_sum)
    time, event, arm = everybody()
    for number in (0, 1):
        theirs = sm.SurvfuncRight(time[arm == number], event[arm == number])
        places = np.searchsorted(EDGES, theirs.surv_times)
        assert np.allclose(found.survival[number, places], theirs.surv_prob, atol=1e-12)
        assert np.array_equal(found.events[number, places], theirs.n_events)
        assert np.array_equal(found.at_risk[number, places], theirs.n_risk)
    _, p = survdiff(time, event, arm)
    assert found.p == pytest.approx(p, rel=1e-9)


def test_bounds_hold_the_curve_between_them() -> None:
    found = run(PLAN, SITES)
    moved = found.survival < 1
    assert (found.lower[moved] < found.survival[moved]).all()
    assert (found.upper[moved] > found.survival[moved]).all()
    assert ((found.lower >= 0) & (found.upper <= 1)).all()


def test_a_curve_is_offered_only_where_enough_events_fell_and_people_remain() -> None:
    found = run(PLAN, SITES)
    table, model = found.documents(floor=10)
    offered = candidates.read(json.dumps(model).encode())
    assert isinstance(offered, candidates.AggregateModel)
    places = np.searchsorted(EDGES, offered.coefficients["control: time"])
    between = np.add.reduceat(found.events[0], np.concatenate([[0], places[:-1] + 1]))
    assert (between[: len(places)] >= 10).all()
    assert (found.at_risk[0, places] - found.events[0, places] >= 10).all()
    shown = found.survival[0, places]
    assert offered.coefficients["control: survival"] == pytest.approx(tuple(shown))
    floors = Floors(
        frozenset({"table", "aggregate-model"}), labels=frozenset({"lower", "upper", "treated"})
    )
    for document in (table, model):
        read = candidates.read(json.dumps(document).encode())
        assert judge(read, floors).outcome is Outcome.RELEASE
    assert found.documents(floor=1_000) == []


def test_a_site_without_the_variables_adds_nobody() -> None:
    lacking = Clinical(("x",), {"time": np.array([3.0])})
    assert np.array_equal(run(PLAN, [*SITES, lacking]).at_risk, run(PLAN, SITES).at_risk)
    assert np.isnan(run(SurvivalCounts("time", "event", EDGES), SITES).p)


@pytest.mark.parametrize(("time", "event"), [(-1.0, 1.0), (3.0, 2.0), (3.0, 0.5)])
def test_what_is_no_time_or_event_is_refused(time: float, event: float) -> None:
    wrong = Clinical(("x",), {"time": np.array([time]), "event": np.array([event])})
    with pytest.raises(ValueError, match="negative"):
        run(SurvivalCounts("time", "event", EDGES), [wrong])


@pytest.mark.parametrize("edges", [(), (0.0, 1.0), (2.0, 1.0), (np.nan,), (1.0, np.inf)])
def test_edges_that_are_no_grid_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="edges"):
        SurvivalCounts("time", "event", edges)
    with pytest.raises(ValueError, match="together"):
        SurvivalCounts("time", "event", EDGES, "arm")
