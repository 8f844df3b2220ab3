"""Draws filters on what variants do from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.naive.answers import NaiveDataset
from tests.support.naive.effects import FIELDS, SO

Filters = list[Any]


class EffectDraws:
    """Filters about what the variants of one dataset do, by kind."""

    def __init__(self, rng: random.Random, data: NaiveDataset) -> None:
        self._rng = rng
        named = {name: term for term, (name, _) in SO.items()}
        said = {term for each in data.variants.all for one in each.effects for term in one.terms}
        self._names = sorted(said & named.keys())
        self._terms = [named[name] for name in self._names]
        self._broader = sorted({above for _, parents in SO.values() for above in parents})

    def kinds(self) -> Mapping[str, Callable[[], Filters]]:
        return {
            "effect": lambda: [self.term()],
            "effect alone": self.alone,
            "broader effect": lambda: [{"id": self._rng.choice(self._broader)}],
            "two effects": lambda: [self.some(), self.some()],
            "effects in a group": self.group,
            "effect denied": lambda: [{"not": self.denied()}],
            "effect in words": lambda: [self.word()],
        }

    def any(self) -> Filters:
        kinds = self.kinds()
        return kinds[self._rng.choice(sorted(kinds))]()

    def some(self) -> Any:
        return self._rng.choice([self.term, self.term, self.word, self.broader])()

    def term(self) -> dict[str, Any]:
        return self._scoped({"id": self._rng.choice(self._terms)})

    def broader(self) -> dict[str, Any]:
        return self._scoped({"id": self._rng.choice(self._broader)})

    def alone(self) -> Filters:
        among = self._rng.choice([self._terms, self._terms, self._broader])
        return [{"id": self._rng.choice(among), "includeDescendantTerms": False}]

    def group(self) -> Filters:
        """Alternatives, of which one may be denied or a group itself."""
        third = self._rng.choice([self.some(), {"not": self.some()}, [self.some(), self.some()]])
        return [[self.some(), third]]

    def denied(self) -> Any:
        return self._rng.choice([self.some(), [self.some(), self.some()]])

    def word(self) -> dict[str, Any]:
        """A word of the field, with or without a part left open."""
        name = self._rng.choice(self._names)
        cut = self._rng.randint(1, len(name) - 1)
        shapes = [name, name, name.upper(), f"{name[:cut]}%", f"%{name[cut:]}"]
        value = self._rng.choice(shapes)
        if "%" not in value and self._rng.random() < 0.5:
            return {"id": f"{FIELDS[0]}:{value}"}
        field = self._rng.choice(FIELDS)
        return {"id": field, "operator": self._rng.choice(["=", "=", "!"]), "value": value}

    def _scoped(self, asked: dict[str, Any]) -> dict[str, Any]:
        scope = self._rng.choice([None, None, None, "genomicVariant", "genomicVariants"])
        return asked if scope is None else {**asked, "scope": scope}
