"""Remembers for a moment who was admitted with which token.

By the hash of the whole token, under one trust table and one state of the revocation list; never
longer than anything in it lasts. Bounded in what it holds, not only in how many.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from passports.researcher import Researcher

MAX_KEPT_VISAS = 20_000


@dataclass(frozen=True, slots=True)
class _Admitted:
    until: int
    revocations: object
    researcher: Researcher

    @property
    def size(self) -> int:
        return 1 + len(self.researcher.visas) + len(self.researcher.dropped)


class Admissions:
    """The longest unused go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Admitted] = OrderedDict()
        self._size = 0

    def get(self, raw_token: str, *, revocations: object, now: int) -> Researcher | None:
        key = _key(raw_token)
        known = self._kept.get(key)
        if known is None:
            return None
        if now >= known.until or known.revocations != revocations:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return known.researcher

    def put(
        self, raw_token: str, researcher: Researcher, *, revocations: object, until: int
    ) -> None:
        key = _key(raw_token)
        self._drop(key)
        self._kept[key] = _Admitted(until, revocations, researcher)
        self._size += self._kept[key].size
        while self._size > MAX_KEPT_VISAS:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        known = self._kept.pop(key, None)
        self._size -= 0 if known is None else known.size


def _key(raw_token: str) -> bytes:
    return sha256(raw_token.encode("utf-8", "surrogatepass")).digest()
