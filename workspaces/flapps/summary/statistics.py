"""Summary statistics over the sites of a federation: one question of the plan at a time.

Plan: `what` is `variables`, `cross`, `survival` or `frequencies`.
- variables: `edges` names variables, each with the rising edges of its histogram (or none)
- cross: `row` and `column` name variables, `rows` and `columns` the label of each code
- survival: `time`, `event`, `edges`; `group` and `groups` (labels by code) if by group
- frequencies: genotype counts of the variants that sites agree on
Bins and codes are the plan's; there are no quantiles. Small cells are the airlock's to blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workspaces.analysis import frequencies
from workspaces.analysis.descriptive import CrossCounts, Description
from workspaces.analysis.design import Design
from workspaces.analysis.frequencies import Frequencies
from workspaces.analysis.limbs import Integers
from workspaces.analysis.survival import SurvivalCounts
from workspaces.flapps import panel, reading, summing, variables
from workspaces.flapps.planning import Plan
from workspaces.flapps.reading import Unfit

EVENTS = 10  # between two steps of a curve that is offered
_MEMBERS = ("what", "edges", "row", "column", "rows", "columns", "time", "event", "group", "groups")
_KINDS = ("variables", "cross", "survival", "frequencies")


class Statistics:
    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes:
        read = Plan(plan)
        read.only(*_MEMBERS)
        if read.one_of("what", *_KINDS) != "frequencies":
            _of_variables(read)
            variables.check(plan, data)
            return b""
        return panel.offer(reading.read_genotypes(data, scratch), reading.contigs(data))

    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes:
        if plan.get("what") != "frequencies":
            return b""
        return panel.agree(offers, least_sites=1)

    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Integers:
        if plan.get("what") != "frequencies":
            return summing.answer(_of_variables(Plan(plan)), reading.clinical(data), question)
        people, dosages = panel.harmonised(agreed, data, scratch)
        nothing = np.zeros(len(people))
        site = Design(nothing, nothing[:, None], dosages)
        return summing.answer(Frequencies(site.variants), site, question)

    def conclude(
        self, plan: Mapping[str, Any], agreed: bytes, ask: summing.Ask
    ) -> list[dict[str, Any]]:
        read = Plan(plan)
        if read.one_of("what", *_KINDS) == "frequencies":
            names = panel.names(agreed)
            return frequencies.documents(summing.conclude(Frequencies(len(names)), ask), names)
        match _of_variables(read):
            case Description() as analysis:
                return summing.conclude(analysis, ask).documents()
            case CrossCounts() as analysis:
                return [summing.conclude(analysis, ask)]
            case SurvivalCounts() as analysis:
                return summing.conclude(analysis, ask).documents(floor=EVENTS)


def _of_variables(plan: Plan) -> Description | CrossCounts | SurvivalCounts:
    try:
        match plan.one_of("what", *_KINDS):
            case "variables":
                edges = plan.record("edges")
                return Description({name: _numbers(values) for name, values in edges.items()})
            case "cross":
                rows, columns = _labels(plan, "rows"), _labels(plan, "columns")
                return CrossCounts(plan.text("row"), plan.text("column"), rows, columns)
            case _:
                group = plan.members.get("group", "")
                return SurvivalCounts(
                    plan.text("time"), plan.text("event"), _numbers(plan.members.get("edges")),
                    str(group), _labels(plan, "groups") if group else None,
                )  # fmt: skip
    except ValueError as error:
        raise Unfit(f"the plan cannot be followed: {error}") from error


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(type(one) in (int, float) for one in values):
        raise Unfit("the plan's edges are not lists of numbers")
    return tuple(float(one) for one in values)


def _labels(plan: Plan, name: str) -> dict[float, str]:
    return {float(code): str(label) for code, label in plan.record(name).items()}
