"""Splits a 32-byte seed so that any `threshold` of the shares give it back, and fewer say nothing.

Shamir 1979, over the field of the Mersenne prime 2**521 - 1.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

PRIME = (1 << 521) - 1
SHARE_BYTES = 66


def split(seed: bytes, *, threshold: int, shares: int) -> list[bytes]:
    """The share of number x (from 1) is at index x - 1."""
    if not 1 < threshold <= shares:
        raise ValueError("a threshold is above one and at most the number of shares")
    terms = [int.from_bytes(seed, "big"), *(secrets.randbelow(PRIME) for _ in range(threshold - 1))]
    return [_at(terms, x).to_bytes(SHARE_BYTES, "big") for x in range(1, shares + 1)]


def join(shares: Mapping[int, bytes]) -> bytes:
    """The seed of at least `threshold` shares by number; raises `ValueError` where they do not
    belong together (or are too few)."""
    points = {x: int.from_bytes(share, "big") for x, share in shares.items()}
    total = 0
    for x, y in points.items():
        above, below = 1, 1
        for other in points:
            if other != x:
                above = above * -other % PRIME
                below = below * (x - other) % PRIME
        total = (total + y * above * pow(below, -1, PRIME)) % PRIME
    if total >> 256:
        raise ValueError("the shares do not give a seed")
    return total.to_bytes(32, "big")


def _at(terms: list[int], x: int) -> int:
    value = 0
    for term in reversed(terms):
        value = (value * x + term) % PRIME
    return value
