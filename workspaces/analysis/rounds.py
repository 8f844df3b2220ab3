"""How an analysis over many sites goes: a question to all of them, the sum of their answers, the
next question; until there is a result.

An analysis is two pure sides. `answer` is a site's: one vector of numbers, each a sum over its
people. `after` is the coordinator's and sees nothing but the sum of the vectors. Who carries the
questions, and adds without reading, is the engine's: `conduct` is all that its application calls;
`run` does it in one process.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from workspaces.analysis import limbs
from workspaces.analysis.design import Floats

MAX_ROUNDS = 200
MAX_QUESTION_BYTES = 1 << 30

Site = TypeVar("Site", contravariant=True)
Result = TypeVar("Result", covariant=True)


@dataclass(frozen=True, slots=True)
class Round:
    """`step` and the arrays `given` go to every site; `kept` is the coordinator's own. The first
    `wide` numbers of an answer may be large (`limbs.WIDE`)."""

    step: str
    given: Mapping[str, Floats] = field(default_factory=dict)
    kept: Mapping[str, Floats] = field(default_factory=dict)
    wide: int = 0

    def question(self) -> bytes:
        """What travels to a site: step, width and given arrays, without any code."""
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **{f"{self.step} {self.wide}": np.zeros(0)},
                 **{f"given {name}": array for name, array in self.given.items()})  # fmt: skip
        return packed.getvalue()

    @classmethod
    def of_question(cls, raw: bytes) -> Round:
        """A site's reading of it; raises `ValueError` for anything else."""
        if len(raw) > MAX_QUESTION_BYTES:
            raise ValueError(f"a question may have {MAX_QUESTION_BYTES} bytes")
        try:
            with np.load(io.BytesIO(raw), allow_pickle=False) as packed:
                head, *names = packed.files
                given = {name.removeprefix("given "): packed[name] for name in names}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError("not a question of an analysis") from error
        step, _, wide = head.partition(" ")
        if not step or not wide.isdecimal() or not all(_numbers(one) for one in given.values()):
            raise ValueError("not a question of an analysis")
        return cls(step, given, wide=int(wide))


class Analysis(Protocol[Site, Result]):
    """`answer` is a site's part of a round, `after` the coordinator's, which has the sum of `sites`
    answers alone. Both raise `ValueError` for what the analysis cannot go on with."""

    def first(self) -> Round: ...

    def answer(self, site: Site, asked: Round) -> Floats: ...

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Result: ...


def plain_sum(answers: Sequence[Floats], *, wide: int) -> Floats:
    return np.asarray(np.sum(answers, axis=0))


def limb_sum(answers: Sequence[Floats], *, wide: int) -> Floats:
    """As a secure sum gives it: through integers, unmasked."""
    summed = np.sum([limbs.encode(one, wide=wide) for one in answers], axis=0)
    return limbs.decode(summed, sites=len(answers), wide=wide)


def conduct(analysis: Analysis[Site, Result], ask: Callable[[Round], tuple[Floats, int]]) -> Result:
    """The coordinator's whole part: `ask` gives the sum of the answers and how many sites are in
    it. Raises `RuntimeError` where the analysis does not end."""
    asked = analysis.first()
    for _ in range(MAX_ROUNDS):
        total, sites = ask(asked)
        following = analysis.after(asked, total, sites=sites)
        if not isinstance(following, Round):
            return following
        asked = following
    raise RuntimeError(f"the analysis is not done after {MAX_ROUNDS} rounds")


def run(
    analysis: Analysis[Site, Result],
    sites: Sequence[Site],
    *,
    add: Callable[..., Floats] = plain_sum,
) -> Result:
    """The whole analysis in this process."""

    def ask(asked: Round) -> tuple[Floats, int]:
        answers = [analysis.answer(site, asked) for site in sites]
        return add(answers, wide=asked.wide), len(sites)

    return conduct(analysis, ask)


def _numbers(array: Floats) -> bool:
    return array.dtype == np.float64 and bool(np.isfinite(array).all())
