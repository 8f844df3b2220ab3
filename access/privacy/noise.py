"""Fixed noise: an exact discrete Laplace draw that one key and one question always give again.

Canonne, Kamath and Steinke, «The Discrete Gaussian for Differential Privacy» (2020), algorithms 1
and 2: integers only, so that no rounding of floating point leaks. A fresh draw for each asking
could be averaged away; this one is a function of a secret, the dataset version and the canonical
question. Which question is which is left to the caller, what scale to use to `disclosure`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

MIN_KEY_BYTES = 32
MAX_SCALE = 10_000

_WORD_BYTES = 8
_WORDS = 1 << 64


class KeyedStream:
    """An endless stream of uniform numbers that `key` and `parts` determine."""

    def __init__(self, key: bytes, *parts: bytes) -> None:
        """`parts` are told apart by their lengths: no two lists of parts share a stream."""
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"a key of noise has at least {MIN_KEY_BYTES} bytes")
        seed = hashlib.blake2b(key=key[:64], person=b"skerry noise")
        for part in parts:
            seed.update(len(part).to_bytes(8, "big"))
            seed.update(part)
        self._words = _words(seed.digest())

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1, each as likely as the next: what would make the last
        turn of the wheel uneven is drawn again."""
        if not 0 < limit <= _WORDS:
            raise ValueError("limit is between 1 and 2^64")
        even = _WORDS - _WORDS % limit
        while (word := next(self._words)) >= even:
            pass
        return word % limit


def discrete_laplace(stream: KeyedStream, *, scale: int) -> int:
    """P(x) proportional to exp(-|x| / scale)."""
    if not 0 < scale <= MAX_SCALE:
        raise ValueError(f"a scale is between 1 and {MAX_SCALE}")
    while True:
        low = stream.below(scale)
        if not _happens(stream, low, scale):
            continue
        turns = 0
        while _happens(stream, 1, 1):
            turns += 1
        size, negative = low + scale * turns, stream.below(2) == 1
        if negative and size == 0:
            continue  # or zero would be twice as likely
        return -size if negative else size


def _happens(stream: KeyedStream, numerator: int, denominator: int) -> bool:
    """True with probability exp(-numerator / denominator), for a fraction of at most 1."""
    tries = 1
    while stream.below(denominator * tries) < numerator:
        tries += 1
    return tries % 2 == 1


def _words(seed: bytes) -> Iterator[int]:
    block = 0
    while True:
        digest = hashlib.blake2b(block.to_bytes(8, "big"), key=seed).digest()
        for at in range(0, len(digest), _WORD_BYTES):
            yield int.from_bytes(digest[at : at + _WORD_BYTES], "big")
        block += 1
