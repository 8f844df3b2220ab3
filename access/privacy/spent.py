"""What one caller's answers have cost each person of one dataset, packed into a row.

Prices are whole billionths of a nat, rounded up; a person is eight bytes of a keyed pseudonym. Only
people who were charged take room: twelve bytes each. What is charged is `ledger`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PER_NAT = 1_000_000_000
MAX_NATS = 4.0  # of the four bytes that hold them
_ENTRY = np.dtype([("person", "<u8"), ("spent", "<u4")])
_MOST = int(MAX_NATS * PER_NAT)


def billionths(nats: float) -> int:
    """Rounded up, and no more than can be kept: all of that is beyond every allowance."""
    return _MOST if nats >= MAX_NATS else math.ceil(nats * PER_NAT)


@dataclass(frozen=True, slots=True)
class Spent:
    """People in ascending order, each with what was spent of them."""

    people: NDArray[np.uint64]
    amounts: NDArray[np.uint32]

    @classmethod
    def nothing(cls) -> Spent:
        return cls(np.empty(0, np.uint64), np.empty(0, np.uint32))

    @classmethod
    def unpacked(cls, packed: bytes) -> Spent:
        entries = np.frombuffer(packed, _ENTRY)
        return cls(entries["person"].astype(np.uint64), entries["spent"].astype(np.uint32))

    def packed(self) -> bytes:
        entries = np.empty(len(self.people), _ENTRY)
        entries["person"], entries["spent"] = self.people, self.amounts
        return entries.tobytes()

    def beyond(self, most: int) -> int:
        """How many people more than this was spent of."""
        return int(np.count_nonzero(self.amounts > max(most, 0)))

    def able(self, people: Sequence[int], *, cost: int, allowance: int) -> NDArray[np.uint64]:
        """Those of `people` who can pay so much more, each once, in ascending order."""
        asked = distinct(people)
        if cost > allowance:
            return asked[:0]
        places, known = self._places(asked)
        able = ~known
        able[known] = self.amounts[places[known]] <= allowance - cost
        return asked[able]

    def charged(self, people: NDArray[np.uint64], cost: int) -> Spent:
        """With so much more spent of each of `people`, who come in ascending order, each once."""
        places, known = self._places(people)
        amounts = self.amounts.copy()
        paid = places[known]
        amounts[paid] = np.minimum(amounts[paid].astype(np.uint64) + np.uint64(cost), _MOST)
        if known.all():
            return Spent(self.people, amounts)
        new = people[~known]
        everybody = np.concatenate((self.people, new))
        order = np.argsort(everybody, kind="stable")
        first = np.full(len(new), min(cost, _MOST), np.uint32)
        return Spent(everybody[order], np.concatenate((amounts, first))[order])

    def _places(self, people: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each stands or would, and whether it does."""
        places = np.searchsorted(self.people, people)
        if not len(self.people):
            return places, np.zeros(len(people), bool)
        held = self.people[np.minimum(places, len(self.people) - 1)]
        return places, held == people


def distinct(people: Sequence[int]) -> NDArray[np.uint64]:
    """Each once, in ascending order."""
    return np.array(sorted(set(people)), dtype=np.uint64)
