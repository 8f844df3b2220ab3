"""Kaplan-Meier curves and the log-rank test over sites, from counts per interval and group.

Times count in the intervals of the plan's grid: an event in (edge before, edge] happens at the
edge. Over that grid the curves are those of everybody's rows. Whoever is watched beyond the last
edge leaves there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workspaces.analysis.cohort import Clinical
from workspaces.analysis.design import Floats
from workspaces.analysis.rounds import Round

MAX_INTERVALS = 1_000
BETWEEN = float(stats.norm.ppf(0.975))


def intervals(times: Floats, edges: Sequence[float]) -> NDArray[np.intp]:
    """(n,) the number of each time's interval; len(edges) for beyond the last."""
    return np.searchsorted(np.asarray(edges, dtype=float), times, side="left")


def check_edges(edges: Sequence[float]) -> None:
    """Raises `ValueError` unless they are positive, rising and not too many."""
    rising = bool((np.diff((0.0, *edges)) > 0).all()) and bool(np.isfinite(edges).all())
    if not 1 <= len(edges) <= MAX_INTERVALS or not rising:
        raise ValueError(f"edges must rise from above 0, and be at most {MAX_INTERVALS}")


@dataclass(frozen=True, slots=True)
class Curves:
    """Per group and interval (G, T): `at_risk` at its begin, `events` in it; `survival` after it,
    with its 95 % bounds (of the logarithm of the cumulated hazard). `p` is the log-rank test's, NaN
    for a single group."""

    groups: tuple[str, ...]
    edges: Floats
    at_risk: Floats
    events: Floats
    survival: Floats
    lower: Floats
    upper: Floats
    p: float
    sites: int

    def documents(self, *, floor: int) -> list[dict[str, object]]:
        """Candidates for the airlock. A curve is offered only at edges between which at least
        `floor` events fell and after which as many people remain; a group with none is left out."""
        shown: dict[str, list[float]] = {}
        kept = []
        for number, group in enumerate(self.groups):
            places = _steps(self.events[number], self.at_risk[number], floor)
            if not places:
                continue
            kept.append(number)
            shown[f"{group}: time"] = self.edges[places].tolist()
            for name in ("survival", "lower", "upper"):
                shown[f"{group}: {name}"] = getattr(self, name)[number, places].tolist()
        if not kept:
            return []
        people = self.at_risk[:, 0]
        table: dict[str, object] = {
            "kind": "table",
            "rows": [self.groups[number] for number in kept],
            "columns": ["people", "events"],
            "cells": [[int(people[one]), int(self.events[one].sum())] for one in kept],
        }
        model: dict[str, object] = {
            "kind": "aggregate-model",
            "people": int(people[kept].sum()),
            "sites": self.sites,
            "coefficients": shown,
        }
        return [table, model]


def _steps(events: Floats, at_risk: Floats, floor: int) -> list[int]:
    places, since = [], 0.0
    for place, count in enumerate(events):
        since += count
        remain = at_risk[place] - count
        if since >= floor and remain >= floor:
            places.append(place)
            since = 0.0
    return places


@dataclass(frozen=True, slots=True)
class SurvivalCounts:
    """`time` and `event` (1 or 0) name variables; `group` too, with the code of each group."""

    time: str
    event: str
    edges: tuple[float, ...]
    group: str = ""
    groups: Mapping[float, str] | None = None

    def __post_init__(self) -> None:
        check_edges(self.edges)
        if bool(self.group) != bool(self.groups):
            raise ValueError("a group variable and its codes go together")

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.groups.values()) if self.groups else ("all",)

    def first(self) -> Round:
        return Round("count")

    def answer(self, site: Clinical, asked: Round) -> Floats:
        """Events and leavings (G, T + 1, 2); raises `ValueError` for data that are no times."""
        counts = np.zeros((len(self.labels), len(self.edges) + 1, 2))
        held = site.columns([self.time, self.event, *([self.group] if self.group else [])])
        if held is None:
            return counts.ravel()
        held = held[np.isfinite(held).all(axis=1)]
        if (held[:, 0] < 0).any() or not np.isin(held[:, 1], (0, 1)).all():
            raise ValueError("a time is negative, or an event neither 0 nor 1")
        places = intervals(held[:, 0], self.edges)
        left = np.where(places < len(self.edges), 1 - held[:, 1], 1).astype(np.intp)
        for number, code in enumerate(self.groups or [np.nan]):
            mine = held[:, 2] == code if self.groups else np.ones(len(held), dtype=bool)
            np.add.at(counts[number], (places[mine], left[mine]), 1)
        return counts.ravel()

    def after(self, asked: Round, total: Floats, *, sites: int) -> Curves:
        counts = np.rint(total).reshape(len(self.labels), len(self.edges) + 1, 2)
        gone = counts.sum(axis=2)
        at_risk = gone[:, ::-1].cumsum(axis=1)[:, ::-1][:, :-1]
        events = counts[:, :-1, 0]
        return Curves(
            self.labels, np.array(self.edges), at_risk, events,
            *_kaplan_meier(at_risk, events), _log_rank(at_risk, events), sites,
        )  # fmt: skip


def _kaplan_meier(at_risk: Floats, events: Floats) -> tuple[Floats, Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        remaining: Floats = np.where(at_risk > 0, 1 - events / at_risk, 1.0)
        survival: Floats = np.cumprod(remaining, axis=1, dtype=np.float64)
        hazard = events / (at_risk * (at_risk - events))
        variance = np.cumsum(np.where(at_risk > 0, hazard, 0.0), axis=1)
        reach = BETWEEN * np.sqrt(variance) / np.abs(np.log(survival))
        lower, upper = survival ** np.exp(reach), survival ** np.exp(-reach)
    inside = (survival > 0) & (survival < 1)
    return survival, np.where(inside, lower, survival), np.where(inside, upper, survival)


def _log_rank(at_risk: Floats, events: Floats) -> float:
    """p of equal hazards in all groups (Mantel-Haenszel)."""
    people, deaths = at_risk.sum(axis=0), events.sum(axis=0)
    useful = (people > 1) & (deaths > 0)
    risk, people, deaths = at_risk[:, useful], people[useful], deaths[useful]
    share = risk / people
    excess = (events[:, useful] - deaths * share).sum(axis=1)
    weight = deaths * (people - deaths) / (people - 1)
    covariance = np.diag((weight * share).sum(axis=1)) - (weight * share) @ share.T
    freedom = int((at_risk[:, 0] > 0).sum()) - 1
    if freedom < 1 or not useful.any():
        return float("nan")
    statistic = float(excess @ np.linalg.pinv(covariance) @ excess)
    return float(stats.chi2.sf(statistic, freedom))
