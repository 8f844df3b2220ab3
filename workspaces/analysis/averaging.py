"""Federated averaging of what each site learns, for models of one's own.

A function in NumPy (or with a library that the run's environment has) takes weights and a site's
people and returns better weights. Each round the sites' weights are averaged by their people
(McMahan et al. 2017), by secure sums. Unlike the other analyses the result is not the pooled one:
how near it comes is the model's. The application `template` is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from workspaces.analysis.design import Floats
from workspaces.analysis.people import People
from workspaces.analysis.rounds import Round

Learn = Callable[[Floats, People], Floats]


@dataclass(frozen=True, slots=True)
class Averaged:
    weights: Floats
    people: int
    sites: int

    def document(self) -> dict[str, object]:
        """The candidate for the airlock."""
        return {
            "kind": "aggregate-model",
            "people": self.people,
            "sites": self.sites,
            "coefficients": {"weights": self.weights.ravel().tolist()},
        }


@dataclass(frozen=True, slots=True)
class Averaging:
    """`learn` is the same code at every site, part of the reviewed application; `shared` is told to
    every site with each question."""

    start: Floats
    learn: Learn
    rounds: int
    shared: Mapping[str, Floats] = field(default_factory=dict)

    def first(self) -> Round:
        given = {**self.shared, "weights": self.start}
        return Round("learn", given, {"rounds": np.zeros(1)})

    def answer(self, site: People, asked: Round) -> Floats:
        """Raises `ValueError` where what was learned has another shape or is no number."""
        weights = asked.given["weights"]
        if not site.count:
            return np.zeros(1 + weights.size)
        learned = self.learn(weights, site)
        if learned.shape != weights.shape or not np.isfinite(learned).all():
            raise ValueError("what was learned is not of the weights' shape, or no number")
        # Changes are averaged, not weights: they stay small however many people a site has.
        return np.concatenate([[site.count], site.count * (learned - weights).ravel()])

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Averaged:
        people, changes = total[0], total[1:].reshape(asked.given["weights"].shape)
        if people < 1:
            raise ValueError("no site has anybody to learn from")
        weights = asked.given["weights"] + changes / people
        done = asked.kept["rounds"] + 1
        if done[0] >= self.rounds:
            return Averaged(weights, round(people), sites)
        return replace(asked, given={**asked.given, "weights": weights}, kept={"rounds": done})
