"""Draws whole questions from a seed: kinds of them in turn, and how the answer is wanted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.support.naive.answers import FORMS, NaiveDataset, Question
from tests.support.naive.posing import Posing


class Asking:
    """An endless supply of questions to these datasets."""

    def __init__(self, rng: random.Random, datasets: Sequence[NaiveDataset]) -> None:
        self._rng = rng
        self._datasets = datasets
        self.kinds = [
            (f"{each.id}: {kind}", make)
            for each in datasets
            for kind, make in Posing(rng, each).kinds()
        ]

    def draw(self, number: int) -> Question:
        """Kinds take turns, so that none is left to luck."""
        kind, make = self.kinds[number % len(self.kinds)]
        question = replace(make(), kind=kind)
        return self._framed(question)

    def _framed(self, question: Question) -> Question:
        rng = self._rng
        framed = replace(
            question,
            show=rng.choice(["HIT", "HIT", "ALL", "MISS", "NONE"]),
            # An entry by its id has no pages.
            skip=rng.choice([0, 0, 0, 0, 1, 2]) if question.only is None else 0,
            limit=rng.choice([10, 10, 3, 1, 100, 0]),
            granularity=rng.choice(["boolean", "count", "count", "record", "record"]),
        )
        # An entry that none of the named datasets has is 404, which other tests are about.
        if rng.random() < 0.2 and "/" not in question.path:
            count = rng.randint(1, len(self._datasets))
            framed = replace(
                framed, datasets=[each.id for each in rng.sample(self._datasets, count)]
            )
        return replace(framed, by_get=rng.random() < 0.4, form=rng.randrange(FORMS))
