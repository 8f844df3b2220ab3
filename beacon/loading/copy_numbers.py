"""Reads how many copies carriers have of what an allele changes: FORMAT/CN of VCF 4.3 and 4.4.

Who carries nothing has two copies on 1 to 22, even where callers write one allele per person; on X
as many as the genotype has alleles; on Y one; on MT nobody knows. What follows from the two is
`beacon.copy_number`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beacon import copy_number
from beacon.loading import genotypes
from schemas.sequences import RANKS

KEY: Final = "CN"
_NUMBERS = frozenset({"Integer", "Float"})  # VCF 4.3, and since 4.4 for mosaics
_UNKNOWN = -1
_MOST = 1_000_000  # what is more, infinity too, counts as so many
_CHANGES: Final[Mapping[str, copy_number.Change]] = {"DEL": "DEL", "DUP": "DUP"}
_ON_TWO, _X, _Y = range(RANKS["1"], RANKS["22"] + 1), RANKS["X"], RANKS["Y"]

Copies = NDArray[np.float64]


def declared(formats: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a header, its FORMAT fields by id, says what CN is as the standard does."""
    stated = formats.get(KEY, {})
    return stated.get("Type") in _NUMBERS and stated.get("Number") == "1"


def of_line(line: Any) -> Copies | None:
    """The copies of each sample, -1 where not said; None where the line says nothing of them."""
    if KEY not in line.FORMAT:
        return None
    stated = line.format(KEY)[:, 0].astype(np.float64)  # a missing one is NaN, or far below zero
    return np.where(stated >= 0, np.minimum(stated, _MOST), _UNKNOWN)


def levels(
    copies: Copies, codes: NDArray[np.uint16], *, kind: str, rank: int
) -> NDArray[np.uint8] | None:
    """The level of each carrier of an allele of this stored type, beside the code of its genotype;
    None where nobody has one."""
    change = _CHANGES.get(kind)
    if change is None:
        return None
    base = _base(genotypes.ploidies(codes), rank)
    found = copy_number.codes_of(copies, base, change)
    found[(copies == _UNKNOWN) | (base == 0)] = 0
    return found if found.any() else None


def _base(ploidies: NDArray[np.int64], rank: int) -> NDArray[np.int64]:
    if rank in _ON_TWO:
        return np.maximum(ploidies, 2)
    if rank == _X:
        return ploidies
    return np.full_like(ploidies, 1 if rank == _Y else 0)
