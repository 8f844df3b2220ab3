"""Draws questions about variants from a seed, mostly about what is there, in every spelling."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tests.support.naive.answers import NaiveDataset
from tests.support.naive.known import Asked, Known
from tests.support.naive.name_draws import NameDraws
from tests.support.naive.place_draws import PlaceDraws


class VariantDraws:
    """Request parameters about one dataset, by kind."""

    def __init__(self, rng: random.Random, data: NaiveDataset) -> None:
        self._rng = rng
        known = Known(rng, data)
        self._names = NameDraws(known)
        self._kinds = {**PlaceDraws(known).kinds(), **self._names.kinds()}

    def kinds(self) -> Mapping[str, Callable[[], Asked]]:
        """Every kind of question this dataset can be asked."""
        return self._kinds

    def spelled_out(self) -> Asked:
        """A change in one of the spellings that name its place."""
        return self._rng.choice([self._names.hgvs, self._names.spdi])()
