"""Reads a run's plan, a JSON object: closed members, each of its kind, or `Unfit` with its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from workspaces.flapps.reading import Unfit

# What every run may have: how long the coordinator waits, and `variables` of the sites' tables.
OF_THE_RUN = frozenset({"wait_seconds", "stage_seconds", "data"})


@dataclass(frozen=True, slots=True)
class Plan:
    members: Mapping[str, Any]

    def only(self, *names: str) -> None:
        """A member that nobody reads would be a bound that nobody keeps."""
        unknown = sorted(set(self.members) - set(names) - OF_THE_RUN)
        if unknown:
            raise Unfit(f"the plan has a member this application does not know: {unknown[0][:80]}")

    def text(self, name: str) -> str:
        value = self.members.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= 200:
            raise Unfit(f"the plan's {name} is not a name")
        return value

    def texts(self, name: str) -> list[str]:
        value = self.members.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Unfit(f"the plan's {name} is not a list of names")
        return list(value)

    def whole(self, name: str, usual: int, *, most: int) -> int:
        value = self.members.get(name, usual)
        if type(value) is not int or not 0 <= value <= most:
            raise Unfit(f"the plan's {name} is not a whole number up to {most}")
        return value

    def share(self, name: str, usual: float) -> float:
        value = self.members.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise Unfit(f"the plan's {name} is not from 0 to 1")
        return float(value)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of numbers, or one; none where the plan does not say."""
        value = self.members.get(name, [])
        listed = value if isinstance(value, list) else [value]
        if not all(type(one) in (int, float) and isfinite(one) for one in listed):
            raise Unfit(f"the plan's {name} are not numbers")
        return tuple(float(one) for one in listed)

    def one_of(self, name: str, *values: str) -> str:
        value = self.members.get(name, values[0])
        if value not in values:
            raise Unfit(f"the plan's {name} is none of {', '.join(values)}")
        return str(value)

    def record(self, name: str) -> Mapping[str, Any]:
        value = self.members.get(name, {})
        if not isinstance(value, dict):
            raise Unfit(f"the plan's {name} is not an object")
        return value
