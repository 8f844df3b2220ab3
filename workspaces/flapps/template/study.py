"""A model of one's own over the sites of a federation, by federated averaging.

Plan: `outcome` and `features` name columns of the clinical table, `rounds` is how often the sites'
weights are averaged. The result is not that of everybody's rows together; how near it comes depends
on the model (`model`). A site without a column takes part with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspaces.analysis.averaging import Averaging
from workspaces.analysis.design import Floats
from workspaces.analysis.limbs import Integers
from workspaces.analysis.people import People
from workspaces.analysis.rounds import Round
from workspaces.analysis.scales import Scales
from workspaces.flapps import summing, variables
from workspaces.flapps.planning import Plan
from workspaces.flapps.reading import Unfit, clinical
from workspaces.flapps.template import model

MAX_FEATURES = 200
MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Describe:
    """Mean and spread of the features over all sites."""

    features: int

    def first(self) -> Round:
        return Round("describe", wide=Scales.length(self.features))

    def answer(self, site: People, asked: Round) -> Floats:
        return Scales.sums(site.features)

    def after(self, asked: Round, total: Floats, *, sites: int) -> Scales:
        return Scales.of_sums(total)


class Own:
    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes:
        _features(Plan(plan))
        variables.check(plan, data)
        return b""

    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes:
        return b""

    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Integers:
        read, asked = Plan(plan), Round.of_question(question)
        features = _features(read)
        people = People.of(clinical(data), outcomes=[read.text("outcome")], features=features)
        if asked.step == "describe":
            return summing.answer(Describe(len(features)), people, question)
        scales = Scales(asked.given["centre"], asked.given["spread"])
        scaled = People(people.outcomes, scales.of(people.features))
        return summing.answer(_averaging(read, scales), scaled, question)

    def conclude(
        self, plan: Mapping[str, Any], agreed: bytes, ask: summing.Ask
    ) -> list[dict[str, Any]]:
        read = Plan(plan)
        scales = summing.conclude(Describe(len(_features(read))), ask)
        return [summing.conclude(_averaging(read, scales), ask).document()]


def _averaging(plan: Plan, scales: Scales) -> Averaging:
    begin = model.start(len(_features(plan)))
    rounds = max(1, plan.whole("rounds", 20, most=MAX_ROUNDS))
    shared = {"centre": scales.centre, "spread": scales.spread}
    return Averaging(begin, model.learn, rounds, shared)


def _features(plan: Plan) -> list[str]:
    plan.only("outcome", "features", "rounds")
    names = plan.texts("features")
    different = len({*names, plan.text("outcome")}) == len(names) + 1
    plan.whole("rounds", 20, most=MAX_ROUNDS)
    if not 1 <= len(names) <= MAX_FEATURES or not different:
        raise Unfit(f"the plan's features are not 1 to {MAX_FEATURES} different names")
    return names
