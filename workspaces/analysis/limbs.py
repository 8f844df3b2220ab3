"""Numbers as integers that a secure sum adds exactly, and back.

SecAgg+ adds integers modulo 2**32. A float becomes fixed point and is split into limbs of 24 bits,
so that the sum of up to 255 sites' limbs never wraps and the sum of the encodings is the encoding
of the sum: the only error is the rounding of each site's own number. Most numbers take two limbs
(`NARROW`); those whose size nobody knows beforehand take seven (`WIDE`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.design import Floats

LIMB_BITS = 24
MAX_SITES = 255
_LOW, _OFFSET = (1 << LIMB_BITS) - 1, 1 << (LIMB_BITS - 1)  # the last limb is never negative

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Width:
    """`limbs` limbs, of which the last `fraction_bits` bits stand behind the point."""

    limbs: int
    fraction_bits: int

    @property
    def largest(self) -> float:
        """What one site's number must stay below."""
        return 2.0 ** (LIMB_BITS * self.limbs - self.fraction_bits - 1)


NARROW = Width(2, 30)
WIDE = Width(7, 72)
LARGEST = NARROW.largest


def encode(numbers: Floats, *, wide: int = 0) -> Integers:
    """Limbs, each from 0 to 2**24 - 1; the first `wide` numbers are `WIDE`. Raises `ValueError` for
    a number that is not finite or too large: nothing is cut off silently."""
    flat = np.asarray(numbers, dtype=np.float64).ravel()
    return np.concatenate([_encoded(flat[:wide], WIDE), _encoded(flat[wide:], NARROW)])


def decode(summed: Integers, *, sites: int, wide: int = 0) -> Floats:
    """The sum of the numbers of `sites` sites, of the sum of their limbs. Raises `ValueError` for
    what cannot be such a sum."""
    cut = wide * WIDE.limbs
    if not 1 <= sites <= MAX_SITES or (summed.size - cut) % NARROW.limbs or summed.size < cut:
        raise ValueError("not a sum of limbs of this many sites")
    limbs = np.asarray(summed, dtype=np.int64)
    if (limbs < 0).any() or (limbs > sites * ((1 << LIMB_BITS) - 1)).any():
        raise ValueError("a limb is outside of what this many sites can add up to")
    return np.concatenate(
        [_decoded(limbs[:cut], WIDE, sites), _decoded(limbs[cut:], NARROW, sites)]
    )


def _encoded(numbers: Floats, width: Width) -> Integers:
    if not np.isfinite(numbers).all() or (np.abs(numbers) >= width.largest).any():
        raise ValueError(f"a number is not finite, or not below {width.largest:g}; scale it first")
    if width is NARROW:  # which a machine's integer holds
        whole = np.rint(numbers * 2.0**width.fraction_bits).astype(np.int64)
        return np.concatenate([whole & _LOW, (whole >> LIMB_BITS) + _OFFSET])
    left = np.rint(np.abs(numbers) * 2.0**width.fraction_bits)
    limbs = np.empty((width.limbs, numbers.size), dtype=np.int64)
    for place in reversed(range(width.limbs)):
        # Quotient and remainder are exact: both are multiples of the number's own last bit.
        part, left = np.divmod(left, 2.0 ** (LIMB_BITS * place))
        limbs[place] = np.copysign(part, numbers)
    for place in range(width.limbs - 1):
        limbs[place + 1] += limbs[place] >> LIMB_BITS
        limbs[place] &= _LOW
    limbs[-1] += _OFFSET
    return limbs.ravel()


def _decoded(limbs: Integers, width: Width, sites: int) -> Floats:
    placed = limbs.reshape(width.limbs, -1).copy()
    # The top limb loses its offset as an integer, so that no bit is lost to the float's 53.
    placed[-1] -= sites << (LIMB_BITS - 1)
    number = np.zeros(placed.shape[1])
    for limb in placed[::-1]:  # from the top, so that a small negative number cancels exactly
        number = number * 2.0**LIMB_BITS + limb
    return number * 2.0**-width.fraction_bits
