"""Whose the samples are that genotypes are of.

VCF names samples, Beacon v2.2 asks of people: somebody may have given several, such as a tumour and
a normal. Nearly always it is one each in the order of people, so that both have one number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.segment import sparse


class Samples:
    """`ask` runs one statement; `people` is how many people the dataset has."""

    def __init__(self, ask: Callable[..., list[Any]], people: int) -> None:
        self._ask, self._people = ask, people

    @cached_property
    def persons(self) -> NDArray[np.uint32]:
        """The person of each."""
        rows = self._ask("SELECT person FROM samples ORDER BY number")
        return np.array([person for (person,) in rows], dtype=np.uint32)

    @cached_property
    def one_each(self) -> bool:
        """Whether every person has one sample, in the order of people."""
        return np.array_equal(self.persons, np.arange(self._people))

    @cached_property
    def shared(self) -> bool:
        """Whether some have their person in common."""
        return len(np.unique(self.persons)) < len(self.persons)

    @property
    def count(self) -> int:
        return len(self.persons)

    def owners(self, samples: BitMap) -> BitMap:
        """The people who gave them."""
        if self.one_each:
            return samples
        return sparse.bitmap(self.persons[sparse.array_of(samples)])

    def of(self, people: BitMap) -> BitMap:
        """All that these people gave."""
        if self.one_each:
            return people
        return sparse.bitmap(np.flatnonzero(sparse.marks_of(people, self._people)[self.persons]))
