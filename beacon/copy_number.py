"""How far a carrier's copy number went: EFO's levels of gain and loss, below EFO:0030066.

Beacon v2.2 `variantType`, VRS 1.3 `copy_change`. A level is of one carrier, not of an allele: who
lost one copy of two and who lost both carry the same `<DEL>`. EFO states no numbers; where a level
begins is its proposal's (hCNV) and what this node goes by. Where copies are read from is left to
`beacon.loading.copy_numbers`.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from beacon.catalog import (
    Affecting,
    Allele,
    ChangeWithin,
    InGene,
    Span,
    VariantQuestion,
    WithoutEffects,
)

# «Commonly used for five and more copies on a bi-allelic region» (EFO:0030072).
_HIGH_GAIN = 3
# A copy number with a fraction is of cells that differ (VCF 4.4): of half a copy some cells have
# one. So many are the noise of an estimate, in which nothing is left.
_NOTHING_LEFT = 0.05
Change = Literal["DEL", "DUP"]


class Level(StrEnum):
    LOW_LOSS = "EFO:0030068"  # one copy less, and some are left
    HIGH_LOSS = "EFO:0020073"  # several less
    COMPLETE_LOSS = "EFO:0030069"  # none is left
    LOW_GAIN = "EFO:0030071"  # one or two more
    HIGH_GAIN = "EFO:0030072"
    # High, and of a small region: how small is not said, so no copies tell it, only a record.
    AMPLIFICATION = "EFO:0030073"

    @property
    def code(self) -> int:
        """As a carrier's is stored; 0 is none."""
        return _CODES[self]

    @property
    def change(self) -> Change:
        """The stored type that alleles of this level have."""
        return "DEL" if self in _LOSSES else "DUP"


Levels = frozenset[Level]
ANY: Final[Levels] = frozenset()
_CODES: Final = {level: code for code, level in enumerate(Level, start=1)}
_LOSSES: Final = frozenset({Level.LOW_LOSS, Level.HIGH_LOSS, Level.COMPLETE_LOSS})
TOLD_BY_COPIES: Final = tuple(level for level in Level if level is not Level.AMPLIFICATION)
_BELOW: Final = {
    Level.HIGH_LOSS: Level.COMPLETE_LOSS,
    Level.HIGH_GAIN: Level.AMPLIFICATION,
}
# EFO's labels, and the words of VRS before it took EFO's terms.
_WORDS: Final = {
    "low level copy number loss": Level.LOW_LOSS,
    "low level loss": Level.LOW_LOSS,
    "high level copy number loss": Level.HIGH_LOSS,
    "high level loss": Level.HIGH_LOSS,
    "complete genomic deletion": Level.COMPLETE_LOSS,
    "complete genomic loss": Level.COMPLETE_LOSS,
    "complete loss": Level.COMPLETE_LOSS,
    "low level copy number gain": Level.LOW_GAIN,
    "low level gain": Level.LOW_GAIN,
    "high level copy number gain": Level.HIGH_GAIN,
    "high level gain": Level.HIGH_GAIN,
    "focal genome amplification": Level.AMPLIFICATION,
}
_NAMED: Final = _WORDS | {level.casefold(): level for level in Level}


def named(word: str) -> Level | None:
    """By its term, `efo:0030069`, or its label, `complete genomic deletion`."""
    return _NAMED.get(word.casefold().replace("-", " ").replace("_", " "))


def asked(question: VariantQuestion | None) -> Levels:
    """The levels a question's `variantType` names, with those below; none for any carrier."""
    match question:
        case None | Allele():  # as nearly all are
            return ANY
        case Span(variant_type=str(word)) | InGene(variant_type=str(word)):
            return _with_below(word)
        case ChangeWithin(within=within) | Affecting(within=within):
            return asked(within)
        case _:
            return ANY


def of_anybody(question: VariantQuestion) -> VariantQuestion:
    """The same without the type that names levels, where one does: whoever carries it."""
    if isinstance(question, Affecting):
        within = question.within
        return replace(question, within=None if within is None else _of_anybody(within))
    return _of_anybody(question)


def _of_anybody(question: WithoutEffects) -> WithoutEffects:
    match question:
        case Span() | InGene() if asked(question):
            return replace(question, variant_type=None)
        case ChangeWithin(change, within) if asked(within):
            return ChangeWithin(change, replace(within, variant_type=None))
        case _:
            return question


@lru_cache(256)
def _with_below(word: str) -> Levels:
    level = named(word)
    return ANY if level is None else frozenset({level, _BELOW.get(level, level)})


def codes_of(copies: NDArray[Any], base: NDArray[Any], change: Change) -> NDArray[np.uint8]:
    """The code of each carrier's level, by the nearest whole number of copies. `base` is how many
    one has who carries nothing; none is told where the copies do not go the way of the allele."""
    less = base - np.rint(copies)
    steps: tuple[tuple[Level, NDArray[np.bool_]], ...]
    if change == "DEL":
        steps = (
            (Level.LOW_LOSS, less == 1),
            (Level.HIGH_LOSS, less > 1),
            (Level.COMPLETE_LOSS, (less > 0) & (copies < _NOTHING_LEFT)),
        )
    else:
        steps = (
            (Level.LOW_GAIN, (less < 0) & (less > -_HIGH_GAIN)),
            (Level.HIGH_GAIN, less <= -_HIGH_GAIN),
        )
    codes = np.zeros(len(copies), dtype=np.uint8)
    for level, fits in steps:
        codes[fits] = level.code
    return codes


def level_of(copies: int, base: int) -> Level | None:
    """Of one who has so many copies."""
    change: Change = "DEL" if copies < base else "DUP"
    found = levels_in(codes_of(np.array([copies]), np.array([base]), change))
    return found[0] if found else None


def levels_in(codes: NDArray[np.integer]) -> list[Level]:
    """Each once, in the order of `Level`."""
    return [level for level, code in _CODES.items() if (codes == code).any()]


def fitting(levels: Levels) -> NDArray[np.bool_]:
    """Of each code, whether it is of one of these."""
    return np.isin(np.arange(len(Level) + 1), [level.code for level in levels])
