"""Means, spreads, histograms and cross counts of clinical variables over sites.

The bins and levels are the plan's and never the data's; there are no quantiles, minima or maxima,
for each of those is one person's value. A site without a variable adds nothing to it. What of the
result may leave is the airlock's: every figure is offered with the people it is of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workspaces.analysis.cohort import Clinical
from workspaces.analysis.design import Floats
from workspaces.analysis.rounds import Round

MAX_BINS = 1_000


@dataclass(frozen=True, slots=True)
class Described:
    """Per variable, in the plan's order: people with a value, mean, sample variance, and the
    histogram over `edges`, whose first and last bins are below and from the outermost edges."""

    variables: tuple[str, ...]
    people: Floats
    mean: Floats
    variance: Floats
    edges: tuple[tuple[float, ...], ...]
    histograms: tuple[Floats, ...]
    sites: int

    def documents(self) -> list[dict[str, object]]:
        """Candidates for the airlock: a model of means and deviations, a table per histogram."""
        seen = [place for place, people in enumerate(self.people) if people > 1]
        coefficients = {
            self.variables[place]: [float(self.mean[place]), float(self.variance[place] ** 0.5)]
            for place in seen
        }
        model = {
            "kind": "aggregate-model",
            "people": int(self.people[seen].min(initial=np.inf)) if seen else 0,
            "sites": self.sites,
            "coefficients": coefficients,
        }
        tables = [self._table(place) for place in seen if self.edges[place]]
        return [model, *tables] if seen else []

    def _table(self, place: int) -> dict[str, object]:
        edges = [f"{edge:g}" for edge in self.edges[place]]
        between = [f"{low} to {high}" for low, high in pairwise(edges)]
        return {
            "kind": "table",
            "rows": [f"below {edges[0]}", *between, f"{edges[-1]} or more"],
            "columns": [self.variables[place]],
            "cells": [[int(count)] for count in self.histograms[place]],
        }


@dataclass(frozen=True, slots=True)
class Description:
    """`edges` names the variables and the rising edges of each one's histogram, or none."""

    edges: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        for name, edges in self.edges.items():
            rising = bool((np.diff(edges) > 0).all()) and bool(np.isfinite(edges).all())
            if len(edges) > MAX_BINS or not rising:
                raise ValueError(f"the edges of {name} do not rise, or are more than {MAX_BINS}")

    def first(self) -> Round:
        return Round("moments", wide=3 * len(self.edges))

    def answer(self, site: Clinical, asked: Round) -> Floats:
        values = [_present(site, name) for name in self.edges]
        if asked.step == "moments":
            return np.array([[one.size, one.sum(), (one**2).sum()] for one in values]).ravel()
        if asked.step != "about the mean":
            raise ValueError("not a question of a description")
        parts = []
        placed = zip(values, asked.given["centre"], asked.given["spread"], strict=True)
        for (one, centre, spread), edges in zip(placed, self.edges.values(), strict=True):
            scaled = (one - centre) / spread
            parts += [[scaled.sum(), (scaled**2).sum()], _histogram(one, edges)]
        return np.concatenate([np.zeros(0), *parts])

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Described:
        if asked.step == "moments":
            people, first, second = total.reshape(-1, 3).T
            centre = first / np.maximum(people, 1)
            variance = second / np.maximum(people, 1) - centre**2
            spread = np.sqrt(np.where(variance > 0, variance, 1.0))
            given = {"centre": centre, "spread": spread}
            return Round("about the mean", given, {"people": people})
        return self._described(asked, total, sites)

    def _described(self, asked: Round, total: Floats, sites: int) -> Described:
        people, centre, spread = asked.kept["people"], asked.given["centre"], asked.given["spread"]
        lengths = [length for edges in self.edges.values() for length in (2, _bins(edges))]
        parts = np.split(total, np.cumsum(lengths)[:-1]) if lengths else []
        first, second = np.array(parts[::2]).reshape(-1, 2).T
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(people > 0, centre + spread * first / people, np.nan)
            about = (second - first**2 / people) / (people - 1)
            variance = np.where(people > 1, spread**2 * about, np.nan)
        histograms = tuple(np.rint(part) for part in parts[1::2])
        return Described(
            tuple(self.edges), people, mean, variance, tuple(self.edges.values()), histograms, sites
        )


@dataclass(frozen=True, slots=True)
class CrossCounts:
    """People by two coded variables; `rows` and `columns` name the codes that are counted."""

    row: str
    column: str
    rows: Mapping[float, str]
    columns: Mapping[float, str]

    def first(self) -> Round:
        return Round("count")

    def answer(self, site: Clinical, asked: Round) -> Floats:
        held = site.columns([self.row, self.column])
        if held is None:
            return np.zeros(len(self.rows) * len(self.columns))
        by_row, by_column = _coded(held[:, 0], self.rows), _coded(held[:, 1], self.columns)
        return (by_row.T @ by_column).ravel()

    def after(self, asked: Round, total: Floats, *, sites: int) -> dict[str, object]:
        """The candidate for the airlock."""
        counts = np.rint(total).astype(int).reshape(len(self.rows), len(self.columns))
        return {
            "kind": "table",
            "rows": list(self.rows.values()),
            "columns": list(self.columns.values()),
            "cells": counts.tolist(),
        }


def _present(site: Clinical, name: str) -> Floats:
    values = site.variables.get(name, np.zeros(0))
    return values[np.isfinite(values)]


def _bins(edges: Sequence[float]) -> int:
    return len(edges) + 1 if edges else 0


def _histogram(values: Floats, edges: Sequence[float]) -> Floats:
    """Bins are closed below and open above."""
    places = np.searchsorted(np.asarray(edges, dtype=float), values, side="right")
    counts = np.bincount(places, minlength=_bins(edges))[: _bins(edges)]
    return np.asarray(counts, dtype=np.float64)


def _coded(values: Floats, codes: Mapping[float, str]) -> Floats:
    """(n, codes): 1 where a value is the code."""
    return np.asarray(values[:, None] == np.array(list(codes)), dtype=np.float64)
