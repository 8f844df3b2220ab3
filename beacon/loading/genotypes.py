"""Genotypes of one allele as small codes: who carries it, in how many copies, written how.

VCF 4.3 GT, split by allele: this allele is 1, every other one 0, a missing one `.`. A code is one
base-4 digit per allele (1 missing, 2 another, 3 this one) and the phase. Counting those of a file
is left to `beacon.loading.calls`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beacon.zygosity import Zygosities, Zygosity

MAX_PLOIDY = 7  # what a code of 16 bits holds
# All digits 3: this allele once is hemizygous, more than once homozygous.
HEMIZYGOUS = 3
_FIRST_OF_PLOIDY = np.array([4**digits for digits in range(MAX_PLOIDY)])
HOMOZYGOUS = np.array([4**ploidy - 1 for ploidy in range(2, MAX_PLOIDY + 1)], dtype=np.uint16)

_TEXT = re.compile(r"[01.](?:[|/][01.]){0,6}", re.ASCII)


def text(code: int) -> str:
    """The genotype a code stands for, such as `0|1`."""
    phased, digits = code & 1, code >> 1
    symbols = []
    while digits:
        digits, symbol = divmod(digits, 4)
        symbols.append(".01"[symbol - 1])
    return ("|" if phased else "/").join(reversed(symbols))


@dataclass(frozen=True, slots=True)
class Called:
    """One person's genotype that was read as text: its code, and what it counts for."""

    code: int
    copies: int
    zygosity: Zygosity | None


@lru_cache(4096)
def called(text: str) -> Called | None:
    """Of a genotype such as `0|1`, in which 1 is this allele; None for what is none."""
    if not _TEXT.fullmatch(text):
        return None
    digits = 0
    for symbol in text[::2]:
        digits = digits * 4 + ".01".index(symbol) + 1
    return Called(digits * 2 + ("|" in text), text.count("1"), _zygosity(digits))


def ploidies(codes: NDArray[np.uint16]) -> NDArray[np.int64]:
    """How many alleles each of these genotypes has, missing ones too."""
    return _FIRST_OF_PLOIDY.searchsorted(codes >> 1, side="right").astype(np.int64)


@lru_cache(8)
def so_carried(zygosities: Zygosities) -> NDArray[np.bool_]:
    """Of each code, whether it is of one of these."""
    return np.array([_zygosity(code >> 1) in zygosities for code in range(2 * 4**MAX_PLOIDY)])


def _zygosity(digits: int) -> Zygosity | None:
    """None where an allele is missing, or none is this one."""
    kinds = []
    while digits:
        digits, kind = divmod(digits, 4)
        kinds.append(kind)
    if not set(kinds) <= {2, 3} or 3 not in kinds:
        return None
    if len(kinds) == 1:
        return Zygosity.HEMIZYGOUS
    return Zygosity.HETEROZYGOUS if 2 in kinds else Zygosity.HOMOZYGOUS
