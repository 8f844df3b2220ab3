"""Draws whole questions from a seed: where they are asked, and how the answer is wanted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.support.naive.answers import COPIES, FORMS, NaiveDataset, Question
from tests.support.naive.draws import VariantDraws
from tests.support.naive.filter_draws import FilterDraws

PEOPLE = {
    "individuals": "individual",
    "biosamples": "biosample",
    "runs": "run",
    "analyses": "analysis",
}
LISTS = {**PEOPLE, "g_variants": "genomicVariant"}
# Lists under an entry: those of the standard's OpenAPI files and of its default map.
NESTED: Mapping[str, Sequence[str]] = {
    "analyses": ("g_variants",),
    "biosamples": ("analyses", "g_variants", "runs"),
    "cohorts": ("individuals", "analyses", "biosamples", "g_variants", "runs"),
    "datasets": ("biosamples", "g_variants", "individuals", "analyses", "runs"),
    "individuals": ("biosamples", "g_variants", "analyses", "runs"),
    "runs": ("analyses", "g_variants"),
}
_ENTRY = {**PEOPLE, "cohorts": "cohort", "datasets": "dataset"}
_COLLECTIONS = {"cohorts": "cohort", "datasets": "dataset"}


class Asking:
    """An endless supply of questions to these datasets."""

    def __init__(self, rng: random.Random, datasets: Sequence[NaiveDataset]) -> None:
        self._rng = rng
        self._datasets = datasets
        self._variants = {each.id: VariantDraws(rng, each) for each in datasets}
        self._filters = {each.id: FilterDraws(rng, each.archive) for each in datasets}
        self.kinds = [
            (f"{each.id}: {kind}", make) for each in datasets for kind, make in self._kinds(each)
        ]

    def _kinds(self, data: NaiveDataset) -> Iterator[tuple[str, Callable[[], Question]]]:
        for kind in self._variants[data.id].kinds():
            yield kind, self._about(data, kind)
        yield "g_variants/ID", self._by_id(data)
        yield "g_variants/ID/datasets", self._collections_under_variant(data, "datasets")
        yield "datasets with a change", self._datasets_with(data)
        yield "datasets/ID", self._single(data, "datasets")
        if data.archive.records["individual"]:
            yield from self._of_people(data)

    def _of_people(self, data: NaiveDataset) -> Iterator[tuple[str, Callable[[], Question]]]:
        for name in PEOPLE:
            for kind in self._filters[data.id].kinds():
                yield f"{name} by {kind}", self._people(data, name, kind)
            yield f"g_variants/ID/{name}", self._under_variant(data, name)
        for name in PEOPLE:
            yield f"{name} with a change", self._carriers(data, name)
            if data.levels:
                yield f"{name} at a level", self._at_level(data, name)
        yield "variants of people", self._variants_of(data)
        yield "individuals as phenopackets", self._packets(data)
        yield from self._of_collections(data)
        for name in LISTS:
            yield f"{name} in copies", self._in_copies(data, name)
        for above, names in NESTED.items():
            if above != "cohorts" or data.archive.records["cohort"]:
                for name in names:
                    yield f"{above}/ID/{name}", self._nested(data, above, name)

    def _of_collections(self, data: NaiveDataset) -> Iterator[tuple[str, Callable[[], Question]]]:
        for name in [*PEOPLE, "cohorts"]:
            if data.archive.records[_ENTRY[name]]:
                yield f"{name}/ID", self._single(data, name)
                yield f"{name}/ID/datasets", self._under(data, name, "datasets")
        yield "datasets by filters", self._by_filters(data, "datasets")
        if data.archive.records["cohort"]:
            yield "cohorts by filters", self._by_filters(data, "cohorts")
            yield "g_variants/ID/cohorts", self._collections_under_variant(data, "cohorts")
            for name in [*PEOPLE, "datasets"]:
                yield f"{name}/ID/cohorts", self._under(data, name, "cohorts")

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

    def _about(self, data: NaiveDataset, kind: str) -> Callable[[], Question]:
        make = self._variants[data.id].kinds()[kind]
        return lambda: Question(kind, "g_variants", "genomicVariant", make())

    def _people(self, data: NaiveDataset, name: str, kind: str) -> Callable[[], Question]:
        make = self._filters[data.id].kinds()[kind]
        return lambda: Question(kind, name, PEOPLE[name], filters=make())

    def _some_change(self, data: NaiveDataset) -> dict[str, Any]:
        kinds = self._variants[data.id].kinds()
        return kinds[self._rng.choice(sorted(kinds))]()

    def _carriers(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        def make() -> Question:
            filters = self._some_filters(data) if self._rng.random() < 0.6 else []
            many = self._variants[data.id].kinds()["range: all of a sequence"]
            asked = many() if self._rng.random() < 0.15 else self._some_change(data)
            return Question("", name, PEOPLE[name], asked, filters)

        return make

    def _at_level(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        make = self._variants[data.id].kinds()["copy number: level"]
        return lambda: Question("", name, PEOPLE[name], make())

    def _variants_of(self, data: NaiveDataset) -> Callable[[], Question]:
        def make() -> Question:
            asked = self._some_change(data) if self._rng.random() < 0.7 else {}
            return Question("", "g_variants", "genomicVariant", asked, self._some_filters(data))

        return make

    def _in_copies(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        """Of a change, or (of all variants) of people; two zygosities are alternatives."""

        def make() -> Question:
            rng, returned = self._rng, LISTS[name]
            copies: list[Any]
            copies = [{"id": each} for each in rng.sample(sorted(COPIES), rng.choice([1, 1, 2]))]
            if rng.random() < 0.2:
                copies = [copies]
            filters = self._some_filters(data) if rng.random() < 0.4 else []
            below, path, asked = None, name, {}
            if returned in ("genomicVariant", "individual"):
                asked = self._some_change(data)
                if returned == "genomicVariant" and rng.random() < 0.3:
                    asked = {}
            else:
                question = self._by_id(data)()
                path, asked = f"{question.path}/{name}", dict(question.asked)
            return Question("", path, returned, asked, [*copies, *filters], below=below)

        return make

    def _some_filters(self, data: NaiveDataset) -> list[Any]:
        kinds = self._filters[data.id].kinds()
        return kinds[self._rng.choice(sorted(kinds))]()

    def _nested(self, data: NaiveDataset, above: str, name: str) -> Callable[[], Question]:
        def make() -> Question:
            type_ = _ENTRY[above]
            if type_ == "dataset":
                entry = data.id
            else:
                entry = str(self._rng.choice(data.archive.records[type_])["id"])
            asked = {}
            if name == "g_variants" and self._rng.random() < 0.4:
                asked = self._some_change(data)
            filters = self._some_filters(data) if self._rng.random() < 0.3 else []
            path = f"{above}/{entry}/{name}"
            return Question("", path, LISTS[name], asked, filters, below=(type_, entry))

        return make

    def _by_id(self, data: NaiveDataset) -> Callable[[], Question]:
        """By one of the spellings a short form has."""
        draws = self._variants[data.id]

        def make() -> Question:
            name = next(iter(draws.spelled_out().values()))
            return Question("", f"g_variants/{name}", "genomicVariant", {"variantId": name})

        return make

    def _single(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        def make() -> Question:
            entry = self._entry(data, name)
            return Question("", f"{name}/{entry}", _ENTRY[name], only=entry)

        return make

    def _entry(self, data: NaiveDataset, name: str) -> str:
        if name == "datasets":
            return data.id
        return str(self._rng.choice(data.archive.records[_ENTRY[name]])["id"])

    def _under(self, data: NaiveDataset, name: str, listed: str) -> Callable[[], Question]:
        def make() -> Question:
            entry = self._entry(data, name)
            below = (_ENTRY[name], entry)
            return Question("", f"{name}/{entry}/{listed}", _COLLECTIONS[listed], below=below)

        return make

    def _by_filters(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        def make() -> Question:
            filters = self._some_filters(data) if self._rng.random() < 0.9 else []
            if self._rng.random() < 0.3:
                filters = [*filters, *self._some_filters(data)]
            return Question("", name, _COLLECTIONS[name], filters=filters)

        return make

    def _datasets_with(self, data: NaiveDataset) -> Callable[[], Question]:
        def make() -> Question:
            people = data.archive.records["individual"] and self._rng.random() < 0.4
            filters = self._some_filters(data) if people else []
            return Question("", "datasets", "dataset", self._some_change(data), filters)

        return make

    def _collections_under_variant(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        by_id = self._by_id(data)

        def make() -> Question:
            question = by_id()
            return replace(question, path=f"{question.path}/{name}", returned=_COLLECTIONS[name])

        return make

    def _packets(self, data: NaiveDataset) -> Callable[[], Question]:
        def make() -> Question:
            filters = self._some_filters(data)
            return Question("", "individuals", "individual", filters=filters, packets=True)

        return make

    def _under_variant(self, data: NaiveDataset, name: str) -> Callable[[], Question]:
        by_id = self._by_id(data)

        def make() -> Question:
            question = by_id()
            filters = self._some_filters(data) if self._rng.random() < 0.3 else []
            path = f"{question.path}/{name}"
            return replace(question, path=path, returned=PEOPLE[name], filters=filters)

        return make
