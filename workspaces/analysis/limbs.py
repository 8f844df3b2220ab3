"""Numbers as integers that a secure sum adds exactly, and back.

SecAgg+ adds integers modulo 2**32. A float becomes fixed point with 2**-30 steps, split into two
limbs of 24 bits, so that the sum of up to 255 sites' limbs never wraps and the sum of the encodings
is the encoding of the sum: the only error is the rounding of each site's own number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.design import Floats

FRACTION_BITS = 30
LIMB_BITS = 24
MAX_SITES = 255
LARGEST = float(1 << (2 * LIMB_BITS - FRACTION_BITS - 1))  # of one site's number
_OFFSET = 1 << (2 * LIMB_BITS - 1)

Integers = NDArray[np.int64]


def encode(numbers: Floats) -> Integers:
    """(2 * n,) limbs, each from 0 to 2**24 - 1, low limbs first. Raises `ValueError` for a number
    that is not finite or not below LARGEST: nothing is cut off silently."""
    flat = np.asarray(numbers, dtype=np.float64).ravel()
    if not np.isfinite(flat).all() or (np.abs(flat) >= LARGEST).any():
        raise ValueError(f"a number is not finite, or not below {LARGEST:g}; scale it first")
    fixed = np.rint(flat * (1 << FRACTION_BITS)).astype(np.int64) + _OFFSET
    mask = (1 << LIMB_BITS) - 1
    return np.concatenate([fixed & mask, fixed >> LIMB_BITS])


def decode(summed: Integers, *, sites: int) -> Floats:
    """The sum of the numbers of `sites` sites, of the sum of their limbs."""
    if not 1 <= sites <= MAX_SITES or summed.size % 2:
        raise ValueError("not a sum of limbs of this many sites")
    low, high = np.split(np.asarray(summed, dtype=np.int64), 2)
    if (low < 0).any() or (summed > sites * ((1 << LIMB_BITS) - 1)).any():
        raise ValueError("a limb is outside of what this many sites can add up to")
    # High limbs keep their full weight apart, so that no bit is lost to the float's 53.
    fixed_high = high - sites * (_OFFSET >> LIMB_BITS)
    scale = 2.0**-FRACTION_BITS
    return fixed_high * (scale * (1 << LIMB_BITS)) + low * scale
