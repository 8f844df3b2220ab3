"""Protects answers: the one call between what the catalog knows and what a caller is told.

First form: caps by the decision's ceiling, and under every profile but `open` tells callers
without a grant no more than presence. Leaves thresholds, keyed noise and budgets against
differencing to the privacy work; leaves who may ask at all to `policy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from access.errors import InconsistentAnswer, NotAnswerable
from access.policy import Action, Decision, Granularity, Level, Profile

Precision = Literal["exact", "rounded", "imprecise"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What may be told. `count` and `precision` are None in a boolean answer; `adjusted_to` lists
    the values a count was adjusted to, None when it was not."""

    exists: bool
    count: int | None
    granularity: Granularity
    precision: Precision | None
    adjusted_to: tuple[int | str, ...] | None


def protect(*, exists: bool, count: int, requested: Granularity, decision: Decision) -> Answer:
    """Raises `NotAnswerable` (Suppressed) unless `decision` permits discovery."""
    granularity = granted(requested, decision)
    if count < 0 or exists != (count > 0):
        raise InconsistentAnswer("The answer could not be given.", detail="presence and count")
    if granularity is Granularity.BOOLEAN:
        return Answer(exists, None, granularity, precision=None, adjusted_to=None)
    return Answer(exists, count, granularity, precision="exact", adjusted_to=None)


def granted(requested: Granularity, decision: Decision) -> Granularity:
    """The granularity `protect` will answer with; depends on the decision alone, never the data."""
    ceiling = decision.ceiling
    if not decision.allowed or ceiling is None or decision.action is not Action.DISCOVER:
        raise NotAnswerable("This dataset gives no answer at your level of access.")
    without_grant = decision.level < Level.CONTROLLED
    if without_grant and decision.profile is not Profile.OPEN:
        ceiling = Granularity.BOOLEAN
    return min(requested, ceiling)
