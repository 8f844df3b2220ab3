"""How well models of a yes-or-no outcome do over sites: discrimination and calibration.

People are counted in bins of their predicted probability, cases and others apart; predictions stay
where they are made. Over the bins the area under the curve is exact up to ties within one bin.
Every site also judges its own local model, so that federated and local stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workspaces.analysis.design import Floats
from workspaces.analysis.people import People
from workspaces.analysis.regression import Fitted, RidgeLogistic
from workspaces.analysis.rounds import Round, run

BINS = 1_000
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Performance:
    """`auc` of predictions; per tenth of the probability (10,): `people`, mean `predicted` and the
    share `observed`, NaN where nobody is."""

    auc: float
    people: Floats
    predicted: Floats
    observed: Floats

    @classmethod
    def of(cls, counts: Floats, totals: Floats) -> Performance:
        """`counts` (2, BINS) of others and cases, `totals` (10,) of predictions per tenth."""
        others, cases = counts
        below = np.concatenate([[0.0], others.cumsum()[:-1]])
        pairs = others.sum() * cases.sum()
        won = float((cases * (below + others / 2)).sum())
        tenths = counts.reshape(2, TENTHS, -1).sum(axis=2)
        people = tenths.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return cls(
                won / pairs if pairs else float("nan"), people, totals / people, tenths[1] / people
            )

    def document(self, model: str) -> dict[str, object]:
        """The candidate for the airlock: a table of cases and others per tenth."""
        cases = np.nan_to_num(np.rint(self.observed * self.people)).astype(int)
        others = self.people.astype(int) - cases
        return {
            "kind": "table",
            "rows": [f"{model}: {tenth / 10:.1f} to {(tenth + 1) / 10:.1f}" for tenth in range(10)],
            "columns": ["others", "cases"],
            "cells": np.stack([others, cases], axis=1).tolist(),
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """`federated` is the model given, `local` every site's own on its own held-out people."""

    federated: Performance
    local: Performance


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of `coefficients` (intercept first) on people held out by a keyed choice that each site makes
    the same way in training; `penalty` is that of the local models."""

    features: Sequence[str]
    coefficients: Floats
    penalty: float = 1.0

    def first(self) -> Round:
        return Round("judge", {"coefficients": np.asarray(self.coefficients, dtype=np.float64)})

    def answer(self, site: Split, asked: Round) -> Floats:
        if asked.step != "judge":
            raise ValueError("not a question of an evaluation")
        nothing = np.zeros(1)
        federated = Fitted(tuple(self.features), asked.given["coefficients"], nothing, 0, 0)
        parts = [_counted(federated, site.held_out)]
        own = self._local(site.training)
        parts.append(_counted(own, site.held_out if own else _nobody(site.held_out)))
        return np.concatenate(parts)

    def _local(self, training: People) -> Fitted | None:
        """None where the site's own people do not allow a model."""
        try:
            return run(RidgeLogistic(self.features, self.penalty), [training])
        except ValueError:
            return None

    def after(self, asked: Round, total: Floats, *, sites: int) -> Compared:
        def read(part: Floats) -> Performance:
            counts = np.rint(part[: 2 * BINS]).reshape(2, BINS)
            return Performance.of(counts, part[2 * BINS :])

        return Compared(*map(read, np.split(total, 2)))


@dataclass(frozen=True, slots=True)
class Split:
    """A site's people to learn from, and those held out to judge by."""

    training: People
    held_out: People

    @classmethod
    def of(cls, people: People, *, share: float, seed: int) -> Split:
        out = np.random.default_rng(seed).random(people.count) < share
        return cls(*(People(people.outcomes[one], people.features[one]) for one in (~out, out)))


def _nobody(people: People) -> People:
    return People(people.outcomes[:0], people.features[:0])


def _counted(model: Fitted | None, people: People) -> Floats:
    predicted = model.predict(people.features) if model else np.zeros(0)
    bins = np.minimum((predicted * BINS).astype(np.intp), BINS - 1)
    counts = np.zeros((2, BINS))
    np.add.at(counts, (people.outcomes[:, 0].astype(np.intp), bins), 1)
    totals = np.zeros(TENTHS)
    np.add.at(totals, bins // (BINS // TENTHS), predicted)
    return np.concatenate([counts.ravel(), totals])
