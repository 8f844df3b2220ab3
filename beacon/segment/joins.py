"""Which records of one segment belong together: people, samples, runs, analyses and collections.

Beacon v2.2 nested addresses. individual <- biosample <- run <- analysis: a record belongs to the
finest record it names, else to the next coarser one, in the end to its person. Variants stand here
for the samples that genotypes are of: what names a biosample is of the sample of its name, or where
there is none, of the person's sample that no biosample describes. A dataset belongs to everybody in
it, a cohort to its members, or to everybody where it lists none. What filters find is
`beacon.segment.record_table`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.errors import UnsupportedFilter
from beacon.segment import sparse
from beacon.segment.samples import Samples

COLLECTIONS = frozenset({"cohort", "dataset"})
_COARSER: Mapping[str, str] = {"analysis": "run", "run": "biosample", "biosample": "individual"}
_ORDER = ("individual", "biosample", "run", "analysis")
VARIANT = "genomicVariant"


class _OfSamples(NamedTuple):
    """Of each record the sample it is of; or else the person, where it is of any he gave. -1 for
    none."""

    samples: NDArray[np.int32]
    persons: NDArray[np.int32]


class Joins:
    """`ask` runs one statement; `people` is how many people the dataset has, `samples` theirs."""

    def __init__(self, ask: Callable[..., list[Any]], samples: Samples, *, people: int) -> None:
        self._ask, self._samples, self._people = ask, samples, people
        self._arrays: dict[tuple[str, str], NDArray[np.int32]] = {}
        self._of_samples: dict[str, _OfSamples] = {}

    def belonging(self, target: str, *, to: str, entry_id: str) -> BitMap | None:
        if to == "individual":
            rows = self._ask("SELECT number FROM people WHERE id = ?", entry_id)
        else:
            rows = self._ask("SELECT seq FROM records WHERE entity = ? AND id = ?", to, entry_id)
        return self.join(to, BitMap([rows[0][0]]), target) if rows else None

    @cached_property
    def _everyone(self) -> BitMap:
        return self.all("individual")

    @cached_property
    def _all_recorded(self) -> bool:
        """Whether the records of individuals are one for each person, in the order of people."""
        return np.array_equal(self.links("individual", "individual"), np.arange(self._people))

    @cached_property
    def _members(self) -> Mapping[int, BitMap]:
        """The people of each cohort that lists them."""
        rows = self._ask("SELECT cohort, people FROM members")
        return {cohort: BitMap.deserialize(people) for cohort, people in rows}

    def join(self, entity: str, numbers: BitMap, target: str) -> BitMap:
        """The records of `target` that belong to these of `entity`, or that these belong to."""
        if entity == target:
            return numbers
        if "dataset" in (entity, target):
            return self.all(target) if numbers else BitMap()
        if entity == "cohort":
            members = (self._members.get(each, self._everyone) for each in numbers)
            return self.join("individual", BitMap.union(BitMap(), *members), target)
        if target == "cohort":
            people = self.join(entity, numbers, "individual")
            cohorts = self.all("cohort")
            return BitMap(n for n in cohorts if self._members.get(n, people).intersect(people))
        if target == VARIANT:
            return self._carrying(entity, numbers)
        if _ORDER.index(entity) < _ORDER.index(target):
            return self._finer(entity, numbers, target)
        return self._coarser(entity, numbers, target)

    def _finer(self, entity: str, numbers: BitMap, target: str) -> BitMap:
        named = self.links(target, entity)
        # The last place stands for records that name none (-1).
        wanted = np.zeros(self._count(entity) + 1, dtype=bool)
        wanted[np.array(numbers, dtype=np.int64)] = True
        wanted[-1] = False
        found = BitMap(np.flatnonzero(wanted[named]).astype(np.uint32))
        silent = BitMap(np.flatnonzero(named < 0).astype(np.uint32))
        if silent and entity in _COARSER:
            above = _COARSER[entity]
            found |= silent & self.join(above, self.join(entity, numbers, above), target)
        return found

    def _coarser(self, entity: str, numbers: BitMap, target: str) -> BitMap:
        chosen = np.array(numbers, dtype=np.int64)
        named = self.links(entity, target)[chosen]
        found = BitMap(named[named >= 0].astype(np.uint32))
        silent = BitMap(chosen[named < 0].astype(np.uint32))
        if silent and target in _COARSER:
            above = _COARSER[target]
            found |= self.join(above, self.join(entity, silent, above), target)
        return found

    def links(self, entity: str, target: str) -> NDArray[np.int32]:
        """For each record of `entity` the number of the `target` it names, or -1."""
        if (entity, target) not in self._arrays:
            if target == "individual":
                rows = self._ask("SELECT persons FROM owners WHERE entity = ?", entity)
            else:
                sql = "SELECT numbers FROM links WHERE entity = ? AND target = ?"
                rows = self._ask(sql, entity, target)
            if not rows:
                raise UnsupportedFilter("variants are asked for as variants, not as entries")
            self._arrays[entity, target] = np.frombuffer(rows[0][0], np.int32)
        return self._arrays[entity, target]

    def _count(self, entity: str) -> int:
        if entity == "individual":
            return self._people
        if entity == VARIANT:
            return self._samples.count
        return 1 if entity == "dataset" else len(self.links(entity, "individual"))

    def all(self, entity: str) -> BitMap:
        return BitMap(range(self._count(entity)))

    def of_people(self, people: BitMap) -> BitMap:
        """Their records as individuals."""
        return people if self._all_recorded else self._finer("individual", people, "individual")

    # Samples

    def _carrying(self, entity: str, numbers: BitMap) -> BitMap:
        """The samples that genotypes of these records are of."""
        if entity == "individual":
            return self._samples.of(numbers)
        of, chosen = self._sampled(entity), np.array(numbers, dtype=np.int64)
        samples, persons = of.samples[chosen], of.persons[chosen]
        people = BitMap(persons[persons >= 0].astype(np.uint32))
        return BitMap(samples[samples >= 0].astype(np.uint32)) | self._samples.of(people)

    def of_carriers(self, samples: BitMap, entity: str) -> BitMap:
        """The records that these samples are, or that were made of them."""
        if entity in COLLECTIONS:
            return self.join("individual", self._samples.owners(samples), entity)
        of = self._sampled(entity)
        # The last place stands for none (-1).
        carrying = sparse.marks_of(samples, self._samples.count + 1)
        owners = sparse.marks_of(self._samples.owners(samples), self._people + 1)
        return sparse.bitmap(np.flatnonzero(carrying[of.samples] | owners[of.persons]))

    def _sampled(self, entity: str) -> _OfSamples:
        if entity not in self._of_samples:
            persons = self.links(entity, "individual")
            biosamples = self._count("biosample")
            itself = np.arange(biosamples, dtype=np.int32)
            named = itself if entity == "biosample" else self.links(entity, "biosample")
            recorded, undescribed = self._sequenced(biosamples)
            samples = recorded[named]
            samples = np.where((named >= 0) & (samples < 0), undescribed[persons], samples)
            self._of_samples[entity] = _OfSamples(samples, np.where(named < 0, persons, -1))
        return self._of_samples[entity]

    def _sequenced(self, biosamples: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The sample of each biosample's name, and of each person the one that no biosample
        describes; -1 for none, which the last place too is."""
        recorded = np.full(biosamples + 1, -1, dtype=np.int32)
        undescribed = np.full(self._people + 1, -1, dtype=np.int32)
        for number, person, seq in self._ask(
            "SELECT s.number, s.person, r.seq FROM samples s "
            "LEFT JOIN records r ON r.entity = 'biosample' AND r.id = s.id"
        ):
            if seq is None:
                undescribed[person] = number
            else:
                recorded[seq] = number
        return recorded, undescribed
