"""Regression models over the sites of a federation, and how well they do; pooled exactly.

Plan: `model` is `logistic` or `cox`; `features` name columns of the clinical table.
- logistic: `outcome` names a column of 0 and 1; `penalty` is of ridge (0 is none). With `held_out`
  above 0 that share of every site's people is kept from the fit, by `seed`, and the fitted model is
  judged on them beside every site's own.
- cox: `time` and `event` name columns, `edges` is the grid of times, `ties` efron or breslow.
A site without a column takes part with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workspaces.analysis.cox import Cox, Ties
from workspaces.analysis.evaluation import Evaluation, Split
from workspaces.analysis.limbs import Integers
from workspaces.analysis.people import People
from workspaces.analysis.regression import RidgeLogistic
from workspaces.analysis.rounds import Round
from workspaces.flapps import reading, summing, variables
from workspaces.flapps.planning import Plan
from workspaces.flapps.reading import Unfit

MAX_FEATURES = 200
MAX_PENALTY = 1e6
_LOGISTIC = ("outcome", "penalty", "held_out", "seed")
_COX = ("time", "event", "edges", "ties")


class Models:
    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes:
        _analysis(Plan(plan))
        variables.check(plan, data)
        return b""

    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes:
        return b""

    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Integers:
        read = Plan(plan)
        analysis, names = _analysis(read)
        clinical = reading.clinical(data)
        people = People.of(clinical, outcomes=names, features=read.texts("features"))
        if isinstance(analysis, Cox):
            return summing.answer(analysis, people, question)
        split = Split.of(people, share=read.share("held_out", 0.0), seed=_seed(read))
        asked = Round.of_question(question)
        if asked.step == "judge":
            coefficients = asked.given["coefficients"]
            judging = Evaluation(analysis.features, coefficients, analysis.penalty)
            return summing.answer(judging, split, question)
        return summing.answer(analysis, split.training, question)

    def conclude(
        self, plan: Mapping[str, Any], agreed: bytes, ask: summing.Ask
    ) -> list[dict[str, Any]]:
        read = Plan(plan)
        analysis, _ = _analysis(read)
        if isinstance(analysis, Cox):
            return [summing.conclude(analysis, ask).document()]
        fitted = summing.conclude(analysis, ask)
        if not read.share("held_out", 0.0):
            return [fitted.document()]
        judging = Evaluation(analysis.features, fitted.coefficients, analysis.penalty)
        compared = summing.conclude(judging, ask)
        return [
            fitted.document(),
            compared.federated.document("federated"),
            compared.local.document("local"),
        ]


def _seed(plan: Plan) -> int:
    return plan.whole("seed", 1, most=1 << 31)


def _analysis(plan: Plan) -> tuple[RidgeLogistic | Cox, list[str]]:
    """The analysis, and the columns that are its outcomes."""
    features = plan.texts("features")
    if not 1 <= len(features) <= MAX_FEATURES or len(set(features)) < len(features):
        raise Unfit(f"the plan's features are not 1 to {MAX_FEATURES} different names")
    if plan.one_of("model", "logistic", "cox") == "logistic":
        plan.only("model", "features", *_LOGISTIC)
        plan.share("held_out", 0.0)
        _seed(plan)
        return RidgeLogistic(tuple(features), _penalty(plan)), [plan.text("outcome")]
    plan.only("model", "features", *_COX)
    try:
        cox = Cox(
            tuple(features), plan.numbers("edges"), Ties(plan.one_of("ties", "efron", "breslow"))
        )
    except ValueError as error:
        raise Unfit(f"the plan cannot be followed: {error}") from error
    return cox, [plan.text("time"), plan.text("event")]


def _penalty(plan: Plan) -> float:
    (penalty,) = plan.numbers("penalty") or (0.0,)
    if not 0 <= penalty <= MAX_PENALTY:
        raise Unfit(f"the plan's penalty is not from 0 to {MAX_PENALTY:g}")
    return penalty
