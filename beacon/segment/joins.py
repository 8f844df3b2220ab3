"""Which records of one segment belong together: people, samples, runs, analyses and collections.

Beacon v2.2 nested addresses. individual <- biosample <- run <- analysis: a record belongs to the
finest record it names, else to the next coarser one, in the end to its person. A variant is of the
samples that were sequenced, whatever other samples their people gave. A dataset belongs to
everybody in it, a cohort to its members, or to everybody where it lists none. What filters find is
`beacon.segment.record_table`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.errors import UnsupportedFilter

COLLECTIONS = frozenset({"cohort", "dataset"})
_COARSER: Mapping[str, str] = {"analysis": "run", "run": "biosample", "biosample": "individual"}
_ORDER = ("individual", "biosample", "run", "analysis")


class Joins:
    """`ask` runs one statement; `people` is how many people the dataset has."""

    def __init__(self, ask: Callable[..., list[Any]], people: int) -> None:
        self._ask = ask
        self._people = people
        self._arrays: dict[tuple[str, str], NDArray[np.int32]] = {}

    def belonging(self, target: str, *, to: str, entry_id: str) -> BitMap | None:
        if to == "individual":
            rows = self._ask("SELECT number FROM people WHERE id = ?", entry_id)
        else:
            rows = self._ask("SELECT seq FROM records WHERE entity = ? AND id = ?", to, entry_id)
        if not rows:
            return None
        one = BitMap([rows[0][0]])
        if target == "genomicVariant":
            return self.sequenced(lambda entity: self.join(to, one, entity))
        return self.join(to, one, target)

    def sequenced(self, chosen: Callable[[str], BitMap]) -> BitMap:
        """People of whom a chosen biosample was sequenced; chosen people, where what was sequenced
        of them is no biosample of the dataset."""
        recorded, nameless = self._samples
        people = BitMap()
        if recorded:
            people |= self.join("biosample", chosen("biosample") & recorded, "individual")
        return people | chosen("individual") & nameless if nameless else people

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

    @cached_property
    def _samples(self) -> tuple[BitMap, BitMap]:
        """Biosamples that genotypes are of; people with a sample that no biosample describes."""
        rows = self._ask(
            "SELECT r.seq, s.person FROM samples s "
            "LEFT JOIN records r ON r.entity = 'biosample' AND r.id = s.id"
        )
        recorded = BitMap(seq for seq, _ in rows if seq is not None)
        return recorded, BitMap(person for seq, person in rows if seq is None)

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
        if entity in ("individual", "genomicVariant"):
            return self._people
        return 1 if entity == "dataset" else len(self.links(entity, "individual"))

    def all(self, entity: str) -> BitMap:
        return BitMap(range(self._count(entity)))

    def of_carriers(self, people: BitMap, entity: str) -> BitMap:
        """What is theirs, and was sequenced or made from what was."""
        if entity in COLLECTIONS:
            return self.join("individual", people, entity)
        if entity == "individual":
            return people if self._all_recorded else self._finer("individual", people, entity)
        recorded, nameless = self._samples
        sequenced = self._finer("individual", people, "biosample") & recorded
        of_people = self._finer("individual", people & nameless, entity)
        return self.join("biosample", sequenced, entity) | of_people
