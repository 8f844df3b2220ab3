"""Joins an analysis' rounds to secure sums: numbers to limbs at a site, and back from their sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from workspaces.analysis import limbs, rounds
from workspaces.analysis.limbs import Integers
from workspaces.analysis.rounds import Analysis, Round

Site = TypeVar("Site")
Result = TypeVar("Result")
Ask = Callable[[bytes, str], tuple[Integers, int]]


def answer(analysis: Analysis[Site, Any], site: Site, question: bytes) -> Integers:
    """One site's limbs."""
    asked = Round.of_question(question)
    return limbs.encode(analysis.answer(site, asked), wide=asked.wide)


def conclude(analysis: Analysis[Any, Result], ask: Ask) -> Result:
    """The coordinator's part, sum by sum."""
    numbers = iter(range(1, rounds.MAX_ROUNDS + 1))

    def summed(asked: Round) -> tuple[Any, int]:
        total, sites = ask(asked.question(), f"{next(numbers)}: {asked.step}")
        return limbs.decode(total, sites=sites, wide=asked.wide), sites

    return rounds.conduct(analysis, summed)
