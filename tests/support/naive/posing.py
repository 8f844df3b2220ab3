"""Draws questions about one dataset from a seed: which list or entry, of what, by which filters."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.support.naive.answers import NaiveDataset, Question
from tests.support.naive.carrying import COPIES
from tests.support.naive.draws import VariantDraws
from tests.support.naive.effect_draws import EffectDraws
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
# Filters that no group of effects may hold.
_BESIDE = ({"id": "sex:female"}, {"id": "SO:0000704"}, {"id": "zygosity:homozygous"})
_COLLECTIONS = {"cohorts": "cohort", "datasets": "dataset"}


class Posing:
    """Questions that one dataset can be asked, by kind."""

    def __init__(self, rng: random.Random, data: NaiveDataset) -> None:
        self._rng = rng
        self._data = data
        self._variants = VariantDraws(rng, data)
        self._filters = FilterDraws(rng, data.archive)
        self._effects = EffectDraws(rng, data)

    def kinds(self) -> Iterator[tuple[str, Callable[[], Question]]]:
        for kind in self._variants.kinds():
            yield kind, self._about(kind)
        yield "g_variants/ID", self._by_id()
        yield "g_variants/ID/datasets", self._collections_under_variant("datasets")
        yield "datasets with a change", self._datasets_with()
        yield "datasets/ID", self._single("datasets")
        if self._data.annotated:
            for kind in self._effects.kinds():
                yield f"g_variants by {kind}", self._doing(kind)
            yield "datasets with an effect", self._datasets_doing()
        if self._data.archive.records["individual"]:
            yield from self._of_people()

    def _of_people(self) -> Iterator[tuple[str, Callable[[], Question]]]:
        for name in PEOPLE:
            for kind in self._filters.kinds():
                yield f"{name} by {kind}", self._people(name, kind)
            yield f"g_variants/ID/{name}", self._under_variant(name)
        for name in PEOPLE:
            yield f"{name} with a change", self._carriers(name)
            if self._data.levels:
                yield f"{name} at a level", self._at_level(name)
        yield "variants of people", self._variants_of()
        yield "individuals as phenopackets", self._packets()
        yield from self._of_collections()
        if self._data.annotated:
            for name in PEOPLE:
                yield f"{name} with an effect", self._carriers_of(name)
        for name in LISTS:
            yield f"{name} in copies", self._in_copies(name)
            yield f"{name} of a sample", self._of_sample(name)
        yield from self._of_lists()

    def _of_lists(self) -> Iterator[tuple[str, Callable[[], Question]]]:
        """Those under an entry."""
        for above, names in NESTED.items():
            if above != "cohorts" or self._data.archive.records["cohort"]:
                for name in names:
                    yield f"{above}/ID/{name}", self._nested(above, name)

    def _of_collections(self) -> Iterator[tuple[str, Callable[[], Question]]]:
        for name in [*PEOPLE, "cohorts"]:
            if self._data.archive.records[_ENTRY[name]]:
                yield f"{name}/ID", self._single(name)
                yield f"{name}/ID/datasets", self._under(name, "datasets")
        yield "datasets by filters", self._by_filters("datasets")
        if self._data.archive.records["cohort"]:
            yield "cohorts by filters", self._by_filters("cohorts")
            yield "g_variants/ID/cohorts", self._collections_under_variant("cohorts")
            for name in [*PEOPLE, "datasets"]:
                yield f"{name}/ID/cohorts", self._under(name, "cohorts")

    def _about(self, kind: str) -> Callable[[], Question]:
        make = self._variants.kinds()[kind]
        return lambda: Question(kind, "g_variants", "genomicVariant", make())

    def _doing(self, kind: str) -> Callable[[], Question]:
        """Of all variants, or of some that are asked for otherwise."""
        make = self._effects.kinds()[kind]

        def drawn() -> Question:
            asked = self._change_or_place() if self._rng.random() < 0.6 else {}
            filters = make()
            if self._rng.random() < 0.03:  # which is refused
                filters = [[*filters, self._rng.choice(_BESIDE)]]
            return Question("", "g_variants", "genomicVariant", asked, filters)

        return drawn

    def _carriers_of(self, name: str) -> Callable[[], Question]:
        """With filters on people and the copies they have, all of one carrier."""

        def make() -> Question:
            rng = self._rng
            asked = self._change_or_place() if rng.random() < 0.7 else {}
            filters = self._effects.any()
            if rng.random() < 0.3:
                filters += self._some_filters()
            if rng.random() < 0.2:
                filters.append({"id": rng.choice(sorted(COPIES))})
            rng.shuffle(filters)
            return Question("", name, PEOPLE[name], asked, filters)

        return make

    def _change_or_place(self) -> dict[str, Any]:
        kinds = self._variants.kinds()
        wide = ["range", "range: all of a sequence"]
        if self._data.annotated:
            wide = ["gene", *wide, "gene with type or bases"]
        return kinds[self._rng.choice([*wide, *sorted(kinds)])]()

    def _datasets_doing(self) -> Callable[[], Question]:
        def make() -> Question:
            asked = self._change_or_place() if self._rng.random() < 0.5 else {}
            return Question("", "datasets", "dataset", asked, self._effects.any())

        return make

    def _people(self, name: str, kind: str) -> Callable[[], Question]:
        make = self._filters.kinds()[kind]
        return lambda: Question(kind, name, PEOPLE[name], filters=make())

    def _some_change(self) -> dict[str, Any]:
        kinds = self._variants.kinds()
        return kinds[self._rng.choice(sorted(kinds))]()

    def _carriers(self, name: str) -> Callable[[], Question]:
        def make() -> Question:
            filters = self._some_filters() if self._rng.random() < 0.6 else []
            many = self._variants.kinds()["range: all of a sequence"]
            asked = many() if self._rng.random() < 0.15 else self._some_change()
            return Question("", name, PEOPLE[name], asked, filters)

        return make

    def _at_level(self, name: str) -> Callable[[], Question]:
        make = self._variants.kinds()["copy number: level"]
        return lambda: Question("", name, PEOPLE[name], make())

    def _variants_of(self) -> Callable[[], Question]:
        def make() -> Question:
            asked = self._some_change() if self._rng.random() < 0.7 else {}
            filters = self._some_filters(effects=0.2)
            return Question("", "g_variants", "genomicVariant", asked, filters)

        return make

    def _in_copies(self, name: str) -> Callable[[], Question]:
        """Of a change, or (of all variants) of people; two zygosities are alternatives."""

        def make() -> Question:
            rng, returned = self._rng, LISTS[name]
            copies: list[Any]
            copies = [{"id": each} for each in rng.sample(sorted(COPIES), rng.choice([1, 1, 2]))]
            if rng.random() < 0.2:
                copies = [copies]
            filters = self._some_filters() if rng.random() < 0.4 else []
            below, path, asked = None, name, {}
            if returned in ("genomicVariant", "individual"):
                asked = self._some_change()
                if returned == "genomicVariant" and rng.random() < 0.3:
                    asked = {}
            else:
                question = self._by_id()()
                path, asked = f"{question.path}/{name}", dict(question.asked)
            return Question("", path, returned, asked, [*copies, *filters], below=below)

        return make

    def _of_sample(self, name: str) -> Callable[[], Question]:
        """What is said of a sample or made of it, and mostly of its person too, of one carrier."""

        def make() -> Question:
            rng = self._rng
            filters = [self._filters.about(("biosample", "run", "analysis"))]
            if rng.random() < 0.2:
                filters = [{"not": filters[0]}]
            if rng.random() < 0.6:
                filters.append(self._filters.about(("individual",)))
            if rng.random() < 0.2:
                filters.append({"id": rng.choice(sorted(COPIES))})
            asked = self._change_or_place() if rng.random() < 0.8 or name != "g_variants" else {}
            return Question("", name, LISTS[name], asked, filters)

        return make

    def _some_filters(self, *, effects: float = 0.0) -> list[Any]:
        """So often one on what variants do is among them."""
        kinds = self._filters.kinds()
        filters = kinds[self._rng.choice(sorted(kinds))]()
        if self._data.annotated and self._rng.random() < effects:
            more = self._effects.any()
            filters = self._rng.choice([more, [*filters, *more]])
        return filters

    def _nested(self, above: str, name: str) -> Callable[[], Question]:
        def make() -> Question:
            type_ = _ENTRY[above]
            entry = self._data.id if type_ == "dataset" else self._of_somebody(type_)
            asked = {}
            if name == "g_variants" and self._rng.random() < 0.4:
                asked = self._some_change()
            filters = []
            if self._rng.random() < 0.4:
                filters = self._some_filters(effects=0.4)
            path = f"{above}/{entry}/{name}"
            return Question("", path, LISTS[name], asked, filters, below=(type_, entry))

        return make

    def _of_somebody(self, type_: str) -> str:
        """As often as not of who gave several samples, where anybody did."""
        everyone = [str(each["id"]) for each in self._data.archive.records[type_]]
        theirs = self._data.genotyped.records_of_several(type_)
        several = [each for each in everyone if each in theirs]
        return self._rng.choice(several if several and self._rng.random() < 0.5 else everyone)

    def _by_id(self) -> Callable[[], Question]:
        """By one of the spellings a short form has."""
        draws = self._variants

        def make() -> Question:
            name = next(iter(draws.spelled_out().values()))
            return Question("", f"g_variants/{name}", "genomicVariant", {"variantId": name})

        return make

    def _single(self, name: str) -> Callable[[], Question]:
        def make() -> Question:
            entry = self._entry(name)
            return Question("", f"{name}/{entry}", _ENTRY[name], only=entry)

        return make

    def _entry(self, name: str) -> str:
        if name == "datasets":
            return self._data.id
        return str(self._rng.choice(self._data.archive.records[_ENTRY[name]])["id"])

    def _under(self, name: str, listed: str) -> Callable[[], Question]:
        def make() -> Question:
            entry = self._entry(name)
            below = (_ENTRY[name], entry)
            return Question("", f"{name}/{entry}/{listed}", _COLLECTIONS[listed], below=below)

        return make

    def _by_filters(self, name: str) -> Callable[[], Question]:
        def make() -> Question:
            filters = self._some_filters(effects=0.1) if self._rng.random() < 0.9 else []
            if self._rng.random() < 0.3:
                filters = [*filters, *self._some_filters()]
            return Question("", name, _COLLECTIONS[name], filters=filters)

        return make

    def _datasets_with(self) -> Callable[[], Question]:
        def make() -> Question:
            people = self._data.archive.records["individual"] and self._rng.random() < 0.4
            filters = self._some_filters() if people else []
            return Question("", "datasets", "dataset", self._some_change(), filters)

        return make

    def _collections_under_variant(self, name: str) -> Callable[[], Question]:
        by_id = self._by_id()

        def make() -> Question:
            question = by_id()
            return replace(question, path=f"{question.path}/{name}", returned=_COLLECTIONS[name])

        return make

    def _packets(self) -> Callable[[], Question]:
        def make() -> Question:
            filters = self._some_filters()
            return Question("", "individuals", "individual", filters=filters, packets=True)

        return make

    def _under_variant(self, name: str) -> Callable[[], Question]:
        by_id = self._by_id()

        def make() -> Question:
            question = by_id()
            filters = []
            if self._rng.random() < 0.3:
                filters = self._some_filters(effects=0.3)
            path = f"{question.path}/{name}"
            return replace(question, path=path, returned=PEOPLE[name], filters=filters)

        return make
