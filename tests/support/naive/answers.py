"""What a whole node must say to a question, computed dataset by dataset from the raw files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tests.support.naive.belonging import TYPES
from tests.support.naive.carrying import Parted, carriers
from tests.support.naive.changes import Reference
from tests.support.naive.effects import shows
from tests.support.naive.genotyped import Genotyped
from tests.support.naive.people import Archive
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.sequences import spelt_assembly
from tests.support.naive.variants import Variants, levels_of

_ANNOTATED = ("geneId", "aminoacidChange")
_UNLIMITED = 1000


FORMS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A question as sent: `path` below the Beacon's root, the rest as a POST's members.

    `below` is the entry whose list is asked, as (entry type, id); `form` is one of the `FORMS`
    in which the same may be sent; `only` is the one entry a path names; `packets` asks for people
    as phenopackets.
    """

    kind: str
    path: str
    returned: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    filters: Sequence[Any] = ()
    below: tuple[str, str] | None = None
    show: str = "HIT"
    skip: int = 0
    limit: int = 10
    granularity: str = "count"
    datasets: Sequence[str] = ()
    by_get: bool = False
    form: int = 0
    only: str | None = None
    packets: bool = False


@dataclass(frozen=True)
class NaiveDataset:
    """One dataset's raw content, and the most that it tells anybody."""

    id: str
    assembly: str
    reference: Reference | None
    annotated: bool
    samples: Sequence[str]
    variants: Variants
    archive: Archive
    most: str = "record"

    @cached_property
    def genotyped(self) -> Genotyped:
        return Genotyped(self.samples, self.archive)

    @property
    def levels(self) -> bool:
        """Whether it knows anybody's."""
        return any(each.level(sample) for each in self.variants.all for sample in each.calls)

    @property
    def names(self) -> frozenset[str]:
        """Every kind of public name that some variant has."""
        return frozenset(
            "clinvar" if name.startswith("clinvar") else "rs"
            for each in self.variants.all
            for name in each.names
        )


Found = Sequence[NaiveVariant] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Truth:
    """What each dataset finds, whole and in order, of those that can evaluate the question."""

    found: Mapping[str, Found]

    @property
    def exists(self) -> bool:
        return any(self.found.values())

    def shown(self, show: str) -> list[str]:
        """The datasets that have a result set."""
        wanted = {"HIT": {True}, "MISS": {False}, "ALL": {True, False}, "NONE": set[bool]()}[show]
        return sorted(name for name, found in self.found.items() if bool(found) in wanted)

    def merged(self, question: Question) -> list[str]:
        """The page of a list that has no result sets: of datasets, or of each one's cohorts."""
        named = sorted(name for name, found in self.found.items() if found)
        if question.returned == "dataset":
            limit = question.limit or _UNLIMITED
            return named[question.skip * limit : (question.skip + 1) * limit]
        return [str(each) for name in named for each in self.page(name, question)]

    def page(self, dataset: str, question: Question) -> Found:
        limit = question.limit or _UNLIMITED
        return self.found[dataset][question.skip * limit : (question.skip + 1) * limit]


def answer(datasets: Sequence[NaiveDataset], question: Question) -> Truth:
    asked = [each for each in datasets if not question.datasets or each.id in question.datasets]
    if question.below is not None and question.below[0] == "dataset":
        asked = [each for each in asked if each.id == question.below[1]]
    if _unsaid_assembly(question) and len({each.assembly for each in asked}) > 1:
        return Truth({})
    return Truth({each.id: found for each in asked if (found := _one(each, question)) is not None})


def _one(data: NaiveDataset, question: Question) -> Found | None:
    if not _can(data, question):
        return None
    if question.returned == "dataset":
        return _told(data, question)
    if question.returned == "cohort" and question.filters:
        return _cohorts(data, question.filters)
    if question.returned == "genomicVariant":
        found = _matching(data, question)
        return _carried(data, question, found) if _of_people(question) else found
    held = _held(data, question)
    if question.below is not None and question.below[0] in TYPES:
        type_, name = question.below
        known = {name} & data.archive.all(type_)
        held &= data.archive.related(question.returned, type_, known)
    if question.only is not None:
        held &= {question.only}
    return [each["id"] for each in data.archive.records[question.returned] if each["id"] in held]


def _held(data: NaiveDataset, question: Question) -> set[str]:
    """Samples and what was made of them answer for themselves; with variants people do by a sample
    of which all holds."""
    filters = Parted(question.filters)
    held = data.archive.holding(question.returned, filters.records)
    if not _genomic(question):
        return held
    samples = {s for each in _matching(data, question) for s in carriers(each, question)}
    if question.returned != "individual":
        return held & data.genotyped.records(question.returned, samples)
    return data.genotyped.records("individual", samples & data.genotyped.of_whom(filters.records))


def _genomic(question: Question) -> bool:
    return bool(question.asked or Parted(question.filters).effects)


def _of_people(question: Question) -> bool:
    filters = Parted(question.filters)
    under = question.below is not None and question.below[0] in TYPES
    return bool(filters.records or filters.copies or under)


def _matching(data: NaiveDataset, question: Question) -> list[NaiveVariant]:
    effects = Parted(question.filters).effects
    found = data.variants.matching(question.asked)
    return [each for each in found if all(shows(each, one) for one in effects)]


def _told(data: NaiveDataset, question: Question) -> Found | None:
    """The dataset itself where it holds what is asked for, or the entry it is asked under."""
    below = question.below
    if question.only is not None:
        return [data.id] if question.only == data.id else []
    if below is not None:
        return [data.id] if below[1] in data.archive.all(below[0]) else []
    if not question.asked and not question.filters:
        return [data.id]
    inner = replace(question, returned="genomicVariant" if _genomic(question) else "individual")
    found = _one(data, inner)
    return found if found is None else [data.id][: len(found)]


def _cohorts(data: NaiveDataset, filters: Sequence[Any]) -> list[str]:
    """Those of which all holds that only cohorts say, with one member of whom all the rest does."""
    archive = data.archive
    own = [each for each in filters if archive.says_it("cohort", each)]
    rest = archive.holding("individual", [each for each in filters if each not in own])
    return [
        each["id"]
        for each in archive.records["cohort"]
        if each["id"] in archive.holding("cohort", own) and archive.members(each["id"]) & rest
    ]


def _carried(
    data: NaiveDataset, question: Question, found: Sequence[NaiveVariant]
) -> list[NaiveVariant]:
    """Those that some sample of which all this holds has."""
    samples = data.genotyped.of_whom(Parted(question.filters).records)
    if question.below is not None and question.below[0] in TYPES:
        samples &= data.genotyped.under(*question.below)
    return [each for each in found if samples & carriers(each, question)]


def _can(data: NaiveDataset, question: Question) -> bool:
    asked, filters = question.asked, Parted(question.filters)
    if question.returned == "dataset":
        inner = "genomicVariant" if _genomic(question) else "individual"
        return _can(data, replace(question, returned=inner))
    if filters.mixed or (filters.effects and (question.returned == "cohort" or not data.annotated)):
        return False
    if _genomic(question) or question.returned == "genomicVariant":
        joins = question.returned != "genomicVariant" or _of_people(question)
        if joins and not data.samples:
            return False
        if any(name in asked for name in _ANNOTATED) and not data.annotated:
            return False
        if not _right_assembly(data, asked) or not _has_names(data, asked):
            return False
        if levels_of(asked) is not None and not data.levels:
            return False
    return all(data.archive.knows(each) for each in filters.records)


def _right_assembly(data: NaiveDataset, asked: Mapping[str, Any]) -> bool:
    """What is said of the assembly, by its name or by a sequence's accession."""
    said = [
        asked.get("referenceName"),
        *(asked.get(name) for name in ("genomicAlleleShortForm", "variantId")),
    ]
    for name in filter(None, said):
        accession = re.match(
            r"(?:refseq:)?(NC_[\d.]+|nc_[\d.]+)|((?:\w+:)?SQ\.[\w-]{32})", str(name)
        )
        if accession is not None and not data.variants.has_sequence(accession[1] or accession[2]):
            return False
    return asked.get("assemblyId") is None or spelt_assembly(asked["assemblyId"]) == data.assembly


def _unsaid_assembly(question: Question) -> bool:
    """Whether it names a place and not in which assembly. Both have the same mitochondrion, and a
    gene, a change of protein and a public name are the same in both."""
    asked = question.asked
    if "assemblyId" in asked or question.path.startswith("g_variants/"):
        return False
    said = (
        asked.get("referenceName") or asked.get("genomicAlleleShortForm") or asked.get("variantId")
    )
    plain = re.match(r"(?:chr)?(?:\d\d?|X|Y)(?:$|[-: ])", str(said), re.IGNORECASE)
    return plain is not None


def _has_names(data: NaiveDataset, asked: Mapping[str, Any]) -> bool:
    name = str(asked.get("genomicAlleleShortForm") or asked.get("variantId", ""))
    plain = name.casefold().removeprefix("dbsnp:")
    if plain.startswith("rs"):
        return "rs" in data.names
    if plain.startswith(("clinvar:", "vcv")):
        return "clinvar" in data.names
    if name.startswith(("ga4gh:VA", "VA.")):
        return data.reference is not None
    if data.reference is None and name.endswith("dup"):
        return False
    return data.annotated or re.search(r"[: ][cnp]\.", name) is None
