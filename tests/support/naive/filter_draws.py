"""Draws filters from a seed out of what the records of a dataset say."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tests.support.naive.amounts import Amount
from tests.support.naive.belonging import TYPES
from tests.support.naive.people import Archive, said

Filters = list[Any]
_COMPARED = ["<", ">", "<=", ">=", "=", "!"]


class FilterDraws:
    """Filters about one dataset, by kind."""

    def __init__(self, rng: random.Random, archive: Archive) -> None:
        self._rng = rng
        self._terms: list[tuple[str, str]] = []
        self._words: list[tuple[str, str, str]] = []
        self._dates: list[tuple[str, str]] = []
        self._ages: list[tuple[str, str]] = []
        self._measured: list[tuple[str, Amount]] = []
        for type_ in TYPES:
            for record in archive.records[type_][:300]:
                self._learn(type_, said(record))
        self._broader = archive.broader_terms()

    def _learn(self, type_: str, facts: Any) -> None:
        for kind, field, value in facts:
            match kind:
                case "term":
                    self._terms.append((type_, value))
                case "word":
                    self._words.append((type_, field, value))
                case "date":
                    self._dates.append((field, value))
                case "age":
                    self._ages.append((field, value))
                case "measured":
                    self._measured.append((field, value))

    def kinds(self) -> Mapping[str, Callable[[], Filters]]:
        kinds: dict[str, Callable[[], Filters]] = {
            "term": lambda: [self.term()],
            "scoped term": self.scoped,
            "two terms": lambda: [self.term(), self.term()],
            "word": lambda: [self.word()],
            "word denied": lambda: [{**self.word(), "operator": "!"}],
            "wildcard": lambda: [self.wildcard()],
            "custom": lambda: [self.custom()],
            "date": lambda: [self.compared(self._dates)],
            "date: month or year": self.about_then,
            "group": lambda: [[self.term(), self.some()]],
            "group of groups": self.nested,
            "not": lambda: [{"not": self.some()}],
            "not of a group": lambda: [{"not": [self.term(), self.some()]}],
            "scoped word": self.scoped_word,
            "three": lambda: [self.term(), self.some(), self.some()],
        }
        if self._broader:
            kinds["broader term"] = lambda: [{"id": self._rng.choice(self._broader)}]
            kinds["term alone"] = self.alone
        if self._ages:
            kinds["age"] = lambda: [self.compared(self._ages)]
        if self._measured:
            kinds["measurement"] = lambda: [self.measured()]
        return kinds

    def some(self) -> Any:
        made = [self.term, self.word, self.custom]
        if self._measured:
            made.append(self.measured)
        return self._rng.choice(made)()

    def about(self, types: Collection[str]) -> Any:
        """A term or a word that a record of one of these types has."""
        if self._rng.random() < 0.5:
            terms = sorted({term for type_, term in self._terms if type_ in types})
            return {"id": self._rng.choice(terms)}
        said = sorted({(field, word) for type_, field, word in self._words if type_ in types})
        field, word = self._rng.choice(said)
        return {"id": field, "operator": self._rng.choice(["=", "=", "!"]), "value": word}

    def nested(self) -> Filters:
        """A list may hold another, or what is denied, and that once more."""
        other = self._rng.choice([{"not": self.some()}, [self.term(), self.some()]])
        return [[self.term(), other]]

    def term(self) -> dict[str, Any]:
        return {"id": self._rng.choice(self._terms)[1]}

    def scoped(self) -> Filters:
        type_, term = self._rng.choice(self._terms)
        return [{"id": term, "scope": self._spelt(type_)}]

    def scoped_word(self) -> Filters:
        type_, field, value = self._rng.choice(self._words)
        operator = self._rng.choice(["=", "!"])
        return [{"id": field, "operator": operator, "value": value, "scope": self._spelt(type_)}]

    def _spelt(self, type_: str) -> str:
        plural = {"analysis": "analyses"}.get(type_, f"{type_}s")
        return self._rng.choice([type_, plural])

    def alone(self) -> Filters:
        return [{"id": self._rng.choice(self._broader), "includeDescendantTerms": False}]

    def word(self) -> dict[str, Any]:
        _, field, value = self._rng.choice(self._words)
        return {"id": field, "operator": "=", "value": value}

    def wildcard(self) -> dict[str, Any]:
        asked = self.word()
        value = asked["value"]
        cut = self._rng.randint(1, len(value))
        shapes = [f"{value[:cut]}%", f"%{value[-cut:]}", f"%{value[cut // 2 : cut]}%"]
        operator = self._rng.choice(["=", "=", "!"])
        return {**asked, "operator": operator, "value": self._rng.choice(shapes)}

    def custom(self) -> dict[str, Any]:
        _, field, value = self._rng.choice(self._words)
        return {"id": f"{field}:{value}"}

    def compared(self, among: list[tuple[str, str]]) -> dict[str, Any]:
        field, value = self._rng.choice(among)
        return {"id": field, "operator": self._rng.choice(_COMPARED), "value": value}

    def about_then(self) -> Filters:
        """A month or a year is all of its days."""
        asked = self.compared(self._dates)
        return [{**asked, "value": asked["value"][: self._rng.choice([4, 7])]}]

    def measured(self) -> dict[str, Any]:
        """In the unit it was measured in, or another of the same; without one where it has one."""
        field, said = self._rng.choice(self._measured)
        value, unit = said.low, said.unit
        asked = str(self._rng.choice([value, round(value), round(value, 1)]))
        if unit == "g":
            asked, unit = self._rng.choice([(asked, "g"), (f"{value / 1000:g}", "kg")])
        elif unit == "kg":
            asked, unit = self._rng.choice([(asked, "kg"), (str(round(value * 1000)), "UCUM:g")])
        elif unit == "cm":
            asked, unit = self._rng.choice([(asked, ""), (f"{round(value) / 100:.2f}", "m")])
        else:
            unit = self._rng.choice(["", unit, unit.lower()])
        operator = self._rng.choice(_COMPARED)
        return {"id": field, "operator": operator, "value": f"{asked} {unit}".strip()}
