"""What every site's part of an analysis is: arrays of sums over people, which add.

A record of arrays travels as one vector and comes back by the shapes of its analysis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Self, TypeVar

import numpy as np

from workspaces.analysis.design import Floats

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sums(ABC):
    """The members of a subclass are its arrays, in the order they travel."""

    @staticmethod
    @abstractmethod
    def shapes(variants: int, covariates: int) -> tuple[Shape, ...]:
        """Of the members; `covariates` counts the intercept."""

    def parts(self) -> tuple[Floats, ...]:
        return tuple(getattr(self, member.name) for member in fields(self))

    def __add__(self, other: Self) -> Self:
        both = zip(self.parts(), other.parts(), strict=True)
        return type(self)(*(mine + theirs for mine, theirs in both))

    def vector(self) -> Floats:
        """All of it as one vector, for a secure sum."""
        return np.concatenate([np.ravel(part) for part in self.parts()])

    @classmethod
    def of_vector(cls, vector: Floats, *, variants: int, covariates: int) -> Self:
        return cls(*parted(vector, cls.shapes(variants, covariates)))


S = TypeVar("S", bound=Sums)


def parted(vector: Floats, shapes: tuple[Shape, ...]) -> list[Floats]:
    """The arrays of these shapes, one after the other; raises `ValueError` for another length."""
    cuts = np.cumsum([prod(shape) for shape in shapes])
    if vector.size != cuts[-1]:
        raise ValueError("the vector is not of this many variants and covariates")
    parts = np.split(vector, cuts[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def joined(kind: type[S], blocks: Sequence[S]) -> S:
    """One record of those of consecutive blocks of variants."""
    parts = zip(*(block.parts() for block in blocks), strict=True)
    return kind(*(np.concatenate(part) for part in parts))


def triangle(count: int) -> int:
    """Numbers in the upper triangle of a symmetric matrix."""
    return count * (count + 1) // 2
