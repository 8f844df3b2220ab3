"""Cox's proportional hazards over sites, by sums over the risk sets of a common grid of times.

Every site answers, for each interval of the plan's grid, sums over those at risk and over those
with the event: all that the partial likelihood of everybody's rows needs, with Breslow's or Efron's
handling of ties. Times count in intervals as in `survival`; there the result is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workspaces.analysis.design import Floats, newton_step, pairs, symmetric
from workspaces.analysis.logistic import CONVERGED, MAX_STEP
from workspaces.analysis.people import People
from workspaces.analysis.rounds import Round
from workspaces.analysis.scales import Scales
from workspaces.analysis.sums import Shape, parted, triangle
from workspaces.analysis.survival import check_edges, intervals

MAX_NEWTON = 50


class Ties(StrEnum):
    BRESLOW = "breslow"
    EFRON = "efron"


@dataclass(frozen=True, slots=True)
class Hazards:
    """Log hazard ratio, standard error and p per feature (C,), in the features' own units."""

    features: tuple[str, ...]
    coefficients: Floats
    standard_error: Floats
    p: Floats
    people: int
    events: int
    sites: int

    def document(self) -> dict[str, object]:
        """The candidate for the airlock."""
        figures = zip(self.features, self.coefficients, self.standard_error, self.p, strict=True)
        return {
            "kind": "aggregate-model",
            "people": self.people,
            "sites": self.sites,
            "coefficients": {
                name: [float(beta), float(error), float(p)] for name, beta, error, p in figures
            },
        }


@dataclass(frozen=True, slots=True)
class Cox:
    """The site's outcomes are time and event (1 or 0); `edges` is the grid."""

    features: Sequence[str]
    edges: tuple[float, ...]
    ties: Ties = Ties.EFRON

    def __post_init__(self) -> None:
        check_edges(self.edges)

    def first(self) -> Round:
        return Round("scale", wide=Scales.length(len(self.features)))

    def answer(self, site: People, asked: Round) -> Floats:
        """Raises `ValueError` where outcomes are no times and events, or features are others."""
        if site.features.shape[1] != len(self.features) or not _times(site.outcomes):
            raise ValueError("the site has other features, or outcomes that are no time and event")
        if asked.step == "scale":
            return Scales.sums(site.features)
        if asked.step != "newton":
            raise ValueError("not a question of a Cox model")
        x = Scales(asked.given["centre"], asked.given["spread"]).of(site.features)
        places = intervals(site.outcomes[:, 0], self.edges)
        event = (site.outcomes[:, 1] == 1) & (places < len(self.edges))
        with np.errstate(over="ignore"):  # a number that is not finite never leaves: `limbs`
            hazard = np.exp(x @ asked.given["coefficients"])
        rows, columns = pairs(x.shape[1])
        weighted = np.column_stack([hazard, hazard[:, None] * x,
                                    hazard[:, None] * x[:, rows] * x[:, columns]])  # fmt: skip
        of_events = np.column_stack([np.ones(site.count), x])
        return np.concatenate([
            self._per_interval(weighted, places).ravel(),
            self._per_interval(weighted[event], places[event]).ravel(),
            self._per_interval(of_events[event], places[event]).ravel(),
        ])  # fmt: skip

    def _per_interval(self, values: Floats, places: NDArray[np.intp]) -> Floats:
        """(T + 1, k) sums of the people who leave in each interval."""
        summed = np.zeros((len(self.edges) + 1, values.shape[1]))
        np.add.at(summed, places, values)
        return summed

    def _shapes(self) -> tuple[Shape, ...]:
        features, times = len(self.features), len(self.edges) + 1
        each = (times, 1 + features + triangle(features))
        return each, each, (times, 1 + features)

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Hazards:
        count = len(self.features)
        if asked.step == "scale":
            scales = Scales.of_sums(total)
            given = {
                "centre": scales.centre,
                "spread": scales.spread,
                "coefficients": np.zeros(count),
            }
            wide = sum(prod(shape) for shape in self._shapes())
            return Round("newton", given, {"people": total[:1], "rounds": np.zeros(1)}, wide)
        leaving, of_events, events = parted(total, self._shapes())
        score, information = self._likelihood(leaving, of_events, events)
        step = newton_step(information, score)
        done = asked.kept["rounds"] + 1
        if np.abs(step).max(initial=0.0) < CONVERGED:
            return self._hazards(asked, step, information, float(events[:, 0].sum()), sites)
        if done[0] >= MAX_NEWTON:
            raise ValueError("the likelihood has no maximum: a feature tells the events apart")
        coefficients = asked.given["coefficients"] + np.clip(step, -MAX_STEP, MAX_STEP)
        given = {**asked.given, "coefficients": coefficients}
        return replace(asked, given=given, kept={**asked.kept, "rounds": done})

    def _likelihood(
        self, leaving: Floats, of_events: Floats, events: Floats
    ) -> tuple[Floats, Floats]:
        """Score (C,) and information (C, C) of the partial likelihood."""
        count = len(self.features)
        at_risk = leaving[::-1].cumsum(axis=0)[::-1]
        score = events[:, 1:].sum(axis=0)
        information = np.zeros((count, count))
        for place in np.flatnonzero(np.rint(events[:, 0])):
            deaths = round(events[place, 0])
            for number in range(deaths):
                share = number / deaths if self.ties is Ties.EFRON else 0.0
                sums = at_risk[place] - share * of_events[place]
                mean = sums[1 : count + 1] / sums[0]
                second = symmetric(sums[count + 1 :], count) / sums[0]
                score = score - mean
                information += second - np.outer(mean, mean)
        return score, information

    def _hazards(
        self,
        asked: Round,
        step: NDArray[np.floating],
        information: Floats,
        events: float,
        sites: int,
    ) -> Hazards:
        spread = asked.given["spread"]
        coefficients = (asked.given["coefficients"] + step) / spread
        error = np.sqrt(np.diag(np.linalg.inv(information))) / spread
        p = 2 * stats.norm.sf(np.abs(coefficients / error))
        people = round(asked.kept["people"][0])
        return Hazards(tuple(self.features), coefficients, error, p, people, round(events), sites)


def _times(outcomes: Floats) -> bool:
    return (
        outcomes.shape[1] == 2
        and bool((outcomes[:, 0] >= 0).all())
        and bool(np.isin(outcomes[:, 1], (0, 1)).all())
    )
