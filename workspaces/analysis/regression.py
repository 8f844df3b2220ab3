"""Ridge-penalised logistic regression over sites: Newton's method on pooled sums.

The penalty is on standardised features and not on the intercept, so that its size means the same
whatever the units. With penalty 0 it is the maximum of the likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from workspaces.analysis.design import Design, Floats, newton_step, symmetric
from workspaces.analysis.logistic import CONVERGED, MAX_STEP, NullSums, null_sums
from workspaces.analysis.people import People
from workspaces.analysis.rounds import Round
from workspaces.analysis.scales import Scales

MAX_NEWTON = 50


@dataclass(frozen=True, slots=True)
class Fitted:
    """`coefficients` (C + 1,) and their `standard_error`, intercept first, in the features' own
    units; the errors are of the likelihood and only without a penalty what they seem."""

    features: tuple[str, ...]
    coefficients: Floats
    standard_error: Floats
    people: int
    sites: int

    def predict(self, features: Floats) -> Floats:
        """The probability (n,) of the outcome."""
        return np.asarray(
            special.expit(self.coefficients[0] + features @ self.coefficients[1:]), dtype=float
        )

    def document(self) -> dict[str, object]:
        """The candidate for the airlock."""
        pairs = zip(
            ("intercept", *self.features), self.coefficients, self.standard_error, strict=True
        )
        return {
            "kind": "aggregate-model",
            "people": self.people,
            "sites": self.sites,
            "coefficients": {name: [float(beta), float(error)] for name, beta, error in pairs},
        }


@dataclass(frozen=True, slots=True)
class RidgeLogistic:
    """The outcome (0 or 1) is the site's first; `penalty` is that of half the squared norm, summed
    over all people of all sites (scikit-learn's 1 / C)."""

    features: Sequence[str]
    penalty: float = 0.0

    def first(self) -> Round:
        return Round("scale", wide=Scales.length(len(self.features)))

    def answer(self, site: People, asked: Round) -> Floats:
        """Raises `ValueError` for an outcome that is neither 0 nor 1, or other features."""
        if site.features.shape[1] != len(self.features) or not _yes_or_no(site.outcomes):
            raise ValueError("the site has other features, or an outcome neither 0 nor 1")
        if asked.step == "scale":
            return Scales.sums(site.features)
        if asked.step != "newton":
            raise ValueError("not a question of a regression")
        scaled = Scales(asked.given["centre"], asked.given["spread"]).of(site.features)
        x = np.column_stack([np.ones(site.count), scaled])
        design = Design(site.outcomes[:, 0], x, np.zeros((site.count, 0)))
        return null_sums(design, asked.given["coefficients"]).vector()

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Fitted:
        count = len(self.features) + 1
        if asked.step == "scale":
            scales = Scales.of_sums(total)
            given = {
                "centre": scales.centre,
                "spread": scales.spread,
                "coefficients": np.zeros(count),
            }
            return Round("newton", given, {"rounds": np.zeros(1)})
        sums = NullSums.of_vector(total, variants=0, covariates=count)
        penalties = np.full(count, self.penalty)
        penalties[0] = 0.0
        at = asked.given["coefficients"]
        hessian = symmetric(sums.hessian, count) + np.diag(penalties)
        step = newton_step(hessian, sums.score - penalties * at)
        coefficients = at + np.clip(step, -MAX_STEP, MAX_STEP)
        done = asked.kept["rounds"] + 1
        if np.abs(step).max() < CONVERGED:
            scaled = _own_units(coefficients, np.linalg.inv(hessian), asked)
            return Fitted(tuple(self.features), *scaled, round(sums.people[0]), sites)
        if done[0] >= MAX_NEWTON:
            raise ValueError("the features tell the outcomes apart: add a penalty")
        return replace(
            asked, given={**asked.given, "coefficients": coefficients}, kept={"rounds": done}
        )


def _own_units(
    coefficients: Floats, covariance: NDArray[np.floating], asked: Round
) -> tuple[Floats, Floats]:
    """Coefficients and standard errors in the features' own units, intercept first."""
    centre, spread = asked.given["centre"], asked.given["spread"]
    turned = np.diag(np.concatenate([[1.0], 1 / spread]))
    turned[0, 1:] = -centre / spread
    return turned @ coefficients, np.sqrt(np.diag(turned @ covariance @ turned.T))


def _yes_or_no(outcomes: Floats) -> bool:
    return outcomes.shape[1] == 1 and bool(np.isin(outcomes, (0, 1)).all())
