"""Logistic regression where sites hold different variables of the same people.

Everybody's rows are in one agreed order (`workspaces.linkage`). Each round the coordinator tells
residuals and weights per person; every site takes a Newton step on its own variables and answers
the step and what it does to each person's score; only the sums over sites are seen. The coordinator
finds how far to go along the last few steps together, which makes blocks that depend on each other
converge in few rounds. The result is the maximum of the likelihood of all variables together.

Residuals show who is a case: so does the outcome, which the coordinator sees in the first sum. Both
are of pseudonyms, and go to approved workspaces only. Standard errors would need products of
different sites' variables: there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from workspaces.analysis.design import Floats
from workspaces.analysis.rounds import Round

MAX_ROUNDS = 40
MEMORY = 8  # steps that are combined
CONVERGED = 1e-8  # the largest change of a person's score that a step would make
MAX_SCORE = 30.0  # of a person: beyond, the variables tell the outcomes apart
LEAST_PEOPLE = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One site's complete columns (n, k) of the variables it names; `outcome` (n,) of 0 and 1 at
    the one site that has it."""

    variables: tuple[str, ...]
    columns: Floats
    outcome: Floats | None = None

    def __post_init__(self) -> None:
        if self.columns.shape[1] != len(self.variables) or not np.isfinite(self.columns).all():
            raise ValueError("a variable is missing, or its name is")
        if self.outcome is not None and not np.isin(self.outcome, (0, 1)).all():
            raise ValueError("the outcome is not 0 or 1")


@dataclass(frozen=True, slots=True)
class Joint:
    """Coefficients in the variables' own units, of `people` linked at all `sites`."""

    intercept: float
    coefficients: dict[str, float]
    people: int
    sites: int
    rounds: int

    def document(self) -> dict[str, object]:
        """The candidate for the airlock."""
        named = {name: [value] for name, value in self.coefficients.items()}
        return {
            "kind": "aggregate-model",
            "people": self.people,
            "sites": self.sites,
            "coefficients": {"intercept": [self.intercept], **named},
        }


@dataclass(frozen=True, slots=True)
class VerticalLogistic:
    """`variables` are all sites' together, each held by one of them."""

    variables: Sequence[str]
    people: int

    def __post_init__(self) -> None:
        if self.people < LEAST_PEOPLE or len(set(self.variables)) < len(self.variables):
            raise ValueError(f"expected {LEAST_PEOPLE} people or more, and each variable once")

    def first(self) -> Round:
        return Round("outcome")

    # A site's side.

    def answer(self, site: Part, asked: Round) -> Floats:
        if site.columns.shape[0] != self.people or not set(site.variables) <= set(self.variables):
            raise ValueError("the site has other people or variables than the analysis")
        if asked.step == "outcome":
            counted = np.isin(self.variables, site.variables).astype(np.float64)
            held = np.zeros(self.people) if site.outcome is None else site.outcome
            return np.concatenate([[float(site.outcome is not None)], counted, held])
        if asked.step != "step":
            raise ValueError("not a question of a vertical regression")
        return self._step(site, asked.given["residual"], asked.given["weight"])

    def _step(self, site: Part, residual: Floats, weight: Floats) -> Floats:
        """Intercept, coefficients of all variables (others' are 0), and scores: of Newton's step
        on the site's own."""
        centre, spread = site.columns.mean(axis=0), site.columns.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        x = (site.columns - centre) / spread
        if site.outcome is not None:
            x = np.column_stack([np.ones(self.people), x])
        # Pseudo-inverse: a variable that does not vary gets no step.
        newton = np.linalg.pinv(x.T @ (weight[:, None] * x)) @ (x.T @ residual)
        own = newton[1:] if site.outcome is not None else newton
        intercept = (newton[0] if site.outcome is not None else 0.0) - centre @ (own / spread)
        coefficients = np.zeros(len(self.variables))
        coefficients[[self.variables.index(name) for name in site.variables]] = own / spread
        return np.concatenate([[intercept], coefficients, x @ newton])

    # The coordinator's side.

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Joint:
        width = 1 + len(self.variables)
        if asked.step == "outcome":
            if np.rint(total[0]) != 1 or (np.rint(total[1:width]) != 1).any():
                raise ValueError("not each variable and the outcome are held by exactly one site")
            kept = {
                "outcome": np.rint(total[width:]),
                "at": np.zeros(width),
                "score": np.zeros(self.people),
                "steps": np.zeros((0, width)),
                "scores": np.zeros((0, self.people)),
                "rounds": np.ones(1),
            }
            return self._asked(kept)
        kept = dict(asked.kept)
        rounds = int(kept["rounds"][0]) + 1
        if np.abs(total[width:]).max() < CONVERGED:
            named = dict(zip(self.variables, kept["at"][1:].tolist(), strict=True))
            return Joint(float(kept["at"][0]), named, self.people, sites, rounds)
        if rounds >= MAX_ROUNDS:
            raise ValueError(f"the regression has not converged in {MAX_ROUNDS} rounds")
        kept["steps"] = np.vstack([total[:width], kept["steps"]])[:MEMORY]
        kept["scores"] = np.vstack([total[width:], kept["scores"]])[:MEMORY]
        lengths = _how_far(kept["outcome"], kept["score"], kept["scores"])
        kept["at"] = kept["at"] + lengths @ kept["steps"]
        kept["score"] = kept["score"] + lengths @ kept["scores"]
        if np.abs(kept["score"]).max() > MAX_SCORE:
            raise ValueError("the variables tell the outcomes apart")
        return self._asked(kept | {"rounds": np.array([float(rounds)])})

    def _asked(self, kept: dict[str, Floats]) -> Round:
        p = special.expit(kept["score"])
        given = {"residual": kept["outcome"] - p, "weight": np.maximum(p * (1 - p), 1e-10)}
        # Wide, for the last steps are smaller than what narrow numbers resolve.
        return Round("step", given, kept, wide=1 + len(self.variables) + self.people)


def _how_far(outcome: Floats, score: Floats, directions: Floats) -> Floats:
    """Lengths (m,) along directions (m, n) that maximise the likelihood: itself a small logistic
    regression, with the score so far as offset."""
    size = np.maximum(np.linalg.norm(directions, axis=1), np.finfo(float).tiny)
    z = (directions / size[:, None]).T
    lengths = np.zeros(z.shape[1])
    for _ in range(25):
        p = special.expit(score + z @ lengths)
        weight = np.maximum(p * (1 - p), 1e-10)
        step = np.linalg.pinv(z.T @ (weight[:, None] * z), rcond=1e-12) @ (z.T @ (outcome - p))
        largest = np.abs(z @ step).max()
        lengths = lengths + step * min(1.0, 5.0 / max(largest, 5.0))
        if largest < 1e-12:
            break
    return np.asarray(lengths / size)
