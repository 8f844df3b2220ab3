"""Compares a site's clinical table with what the plan says of its variables, before the first sum.

Plan: `data` has for a variable any of `unit` (its code in UCUM, as in the table's header), `codes`
(the only values), `range` (the lowest and highest) and `missing` (the greatest share without one).
A site where one does not hold is left out in words that name it; nothing is converted. A site
without the variable has nothing to compare: it takes part with zeros, or as the application says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from workspaces.analysis.cohort import MAX_UNIT, MAX_VARIABLES, Clinical
from workspaces.analysis.design import Floats
from workspaces.flapps import reading
from workspaces.flapps.reading import Unfit

MAX_CODES = 1_000
_TOLD = 5  # problems in one refusal


@dataclass(frozen=True, slots=True)
class Stated:
    """What the plan says of one variable; None where it says nothing."""

    name: str
    unit: str | None = None
    codes: tuple[float, ...] | None = None
    ends: tuple[float, ...] | None = None
    missing: float | None = None

    def problems(self, clinical: Clinical) -> Iterator[str]:
        values = clinical.variables.get(self.name)
        if values is None:
            return
        found = clinical.units.get(self.name)
        if self.unit is not None and self.unit != found:
            told = f"is in {found}" if found else "has no unit"
            yield f"{self.name} {told}, the plan says {self.unit}"
        there = values[np.isfinite(values)]
        if self.codes is not None and not np.isin(there, self.codes).all():
            yield f"{self.name} has other codes than the plan's"
        if self.ends is not None and _outside(there, *self.ends):
            yield f"{self.name} has values outside of the plan's range"
        if self.missing is not None and values.size - there.size > self.missing * values.size:
            yield f"{self.name} is missing for more people than the plan allows"


def check(plan: Mapping[str, Any], data: Path) -> Clinical:
    """The site's table; raises `Unfit` unless it is as the plan says."""
    read = stated(plan)
    clinical = reading.clinical(data)
    found = problems(read, clinical)
    if found:
        raise Unfit("; ".join(found[:_TOLD]))
    return clinical


def problems(read: tuple[Stated, ...], clinical: Clinical) -> list[str]:
    return [told for one in read for told in one.problems(clinical)]


def stated(plan: Mapping[str, Any]) -> tuple[Stated, ...]:
    """Raises `Unfit` for what is not a statement on variables."""
    said = plan.get("data", {})
    if not isinstance(said, dict) or len(said) > MAX_VARIABLES:
        raise Unfit("the plan's data are not an object of variables")
    return tuple(_of(name, one) for name, one in said.items())


def _of(name: str, said: object) -> Stated:
    if not name or not isinstance(said, dict) or not said:
        raise Unfit(f"the plan says nothing of {name[:80]}")
    if unknown := sorted(set(said) - {"unit", "codes", "range", "missing"}):
        raise Unfit(f"the plan says of {name[:80]} what nobody checks: {unknown[0][:80]}")
    unit, missing = said.get("unit"), said.get("missing")
    if unit is not None and not (isinstance(unit, str) and 1 <= len(unit) <= MAX_UNIT):
        raise Unfit(f"the plan's unit of {name[:80]} is not a code")
    if missing is not None and not (type(missing) in (int, float) and 0 <= missing <= 1):
        raise Unfit(f"the plan's missing of {name[:80]} is not a share from 0 to 1")
    codes, ends = _numbers(name, said, "codes"), _numbers(name, said, "range")
    if ends is not None and not (len(ends) == 2 and ends[0] <= ends[1]):
        raise Unfit(f"the plan's range of {name[:80]} is not a lowest and a highest value")
    return Stated(name, unit, codes, ends, missing)


def _numbers(name: str, said: Mapping[str, object], member: str) -> tuple[float, ...] | None:
    value = said.get(member)
    if value is None:
        return None
    listed = value if isinstance(value, list) else []
    sound = all(type(one) in (int, float) and isfinite(one) for one in listed)
    if not 1 <= len(listed) <= MAX_CODES or not sound:
        raise Unfit(f"the plan's {member} of {name[:80]} are not numbers")
    return tuple(float(one) for one in listed)


def _outside(values: Floats, lowest: float, highest: float) -> bool:
    return bool(((values < lowest) | (values > highest)).any())
