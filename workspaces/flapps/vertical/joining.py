"""Logistic regression over sites that hold different variables of the same people.

Plan: `outcome` names the column of 0 and 1 that one site holds, `variables` all others' names. Each
site's clinical table holds the same linked people, named by the pseudonyms of linkage
(`workspaces.linkage`), and those of the variables it has; nothing may be missing. Rows are in the
order of pseudonyms, and the sites see by a digest that they speak of the same people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workspaces.analysis.cohort import Clinical
from workspaces.analysis.limbs import Integers
from workspaces.analysis.vertical import Part, VerticalLogistic
from workspaces.flapps import reading, summing, variables
from workspaces.flapps.planning import Plan
from workspaces.flapps.reading import Unfit

MAX_VARIABLES = 500


class Vertical:
    def offer(self, plan: Mapping[str, Any], *, data: Path, scratch: Path) -> bytes:
        people, part = _part(Plan(plan), variables.check(plan, data))
        linked = hashlib.sha256("\n".join(people).encode()).hexdigest()
        said = {"people": len(people), "linked": linked, "variables": part.variables,
                "outcome": part.outcome is not None}  # fmt: skip
        return json.dumps(said).encode()

    def agree(self, plan: Mapping[str, Any], offers: Mapping[str, bytes]) -> bytes:
        """How many people there are; raises `Unfit` unless all sites hold the same, and each column
        has one holder."""
        said = [_offered(raw) for raw in offers.values()]
        if len({(one["people"], one["linked"]) for one in said}) != 1:
            raise Unfit("the sites' tables are not of the same linked people")
        held = sorted(name for one in said for name in one["variables"])
        if held != sorted(_variables(Plan(plan))) or sum(one["outcome"] for one in said) != 1:
            raise Unfit("not each variable and the outcome are held by exactly one site")
        return json.dumps(said[0]["people"]).encode()

    def answer(
        self, plan: Mapping[str, Any], agreed: bytes, question: bytes, *, data: Path, scratch: Path
    ) -> Integers:
        read = Plan(plan)
        _, part = _part(read, reading.clinical(data))
        return summing.answer(_analysis(read, agreed), part, question)

    def conclude(
        self, plan: Mapping[str, Any], agreed: bytes, ask: summing.Ask
    ) -> list[dict[str, Any]]:
        return [summing.conclude(_analysis(Plan(plan), agreed), ask).document()]


def _variables(plan: Plan) -> list[str]:
    plan.only("outcome", "variables")
    names = plan.texts("variables")
    different = len({*names, plan.text("outcome")}) == len(names) + 1
    if not 1 <= len(names) <= MAX_VARIABLES or not different:
        raise Unfit(f"the plan's variables are not 1 to {MAX_VARIABLES} different names")
    return names


def _analysis(plan: Plan, agreed: bytes) -> VerticalLogistic:
    people = json.loads(agreed)
    if type(people) is not int:
        raise Unfit("the number of linked people is not a number")
    try:
        return VerticalLogistic(_variables(plan), people)
    except ValueError as error:
        raise Unfit(f"the plan cannot be followed: {error}") from error


def _part(plan: Plan, clinical: Clinical) -> tuple[list[str], Part]:
    """Everybody's pseudonyms in ascending order, and the site's columns in it."""
    held = tuple(name for name in _variables(plan) if name in clinical.variables)
    outcome = clinical.variables.get(plan.text("outcome"))
    order = np.argsort(np.array(clinical.people, dtype=str), kind="stable")
    columns = clinical.columns(held)
    if columns is None or not np.isfinite(columns).all():
        raise Unfit("a linked person lacks a variable")
    try:
        part = Part(held, columns[order], None if outcome is None else outcome[order])
    except ValueError as error:
        raise Unfit(f"the table cannot be used: {error}") from error
    return [clinical.people[place] for place in order.tolist()], part


def _offered(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw)
        kinds = {"people": int, "linked": str, "variables": list, "outcome": bool}
        sound = set(said) == set(kinds) and all(
            type(said[name]) is kind for name, kind in kinds.items()
        )
        sound = sound and all(isinstance(name, str) for name in said["variables"])
    except (ValueError, TypeError) as error:
        raise Unfit("a site's offer is malformed") from error
    if not sound:
        raise Unfit("a site's offer is malformed")
    return dict(said)
