"""The records of one segment: filters evaluated to sets of numbers, joined between entities.

Beacon v2.2 filters. A filter without a scope asks every entity that has the term, collections only
where nothing else has it. Which records belong together is `beacon.segment.joins`', what a
comparison means `beacon.segment.measured`', opening the file `beacon.segments`'.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, assert_never, cast

import numpy as np
from pyroaring import BitMap

from beacon import canonical
from beacon.catalog import (
    AnyOf,
    Compare,
    EntryType,
    FilteringTerm,
    HasTerm,
    Leaf,
    Not,
    Predicate,
    leaves,
)
from beacon.errors import UnsupportedFilter
from beacon.findings import SINGLE_VALUED
from beacon.segment.bitmaps import Values, compare_text
from beacon.segment.joins import COLLECTIONS, Joins
from beacon.segment.measured import Measured, meant, readings
from beacon.segment.remembered import Remembered
from beacon.segment.samples import Samples

MAX_NESTING = 10
MAX_LISTED_VALUES = 50
_ENTITIES: tuple[EntryType, ...] = (
    *("individual", "biosample", "run", "analysis", "cohort", "dataset"),
)


class RecordTable:
    """`ask` runs one statement; `people` is how many people the dataset has, `samples` theirs."""

    def __init__(self, ask: Callable[..., list[Any]], samples: Samples, *, people: int) -> None:
        self._ask, self._samples = ask, samples
        self._joins = Joins(ask, samples, people=people)
        self._values: dict[tuple[str, str, str, str], Values] = {}
        self._listed: dict[str, tuple[str, ...]] = {}
        self._fields = self._read_fields()
        self._remembered = Remembered()  # records of what was asked for, by type
        self._term_fields: dict[str, str | None] = {}

    # Filters

    def matching(self, target: str, predicates: Sequence[Predicate]) -> BitMap:
        """Of variants, the samples of which every predicate holds."""
        if target == "cohort" and predicates:
            return self._cohorts(predicates)
        if not predicates:
            return self._joins.all(target)
        found = self._holds(predicates[0], target, 0)
        for predicate in predicates[1:]:
            found = found & self._holds(predicate, target, 0)  # what is remembered stays
        return found

    def _cohorts(self, predicates: Sequence[Predicate]) -> BitMap:
        """Those of which all holds that only collections say, and that have one member of whom all
        the rest does, or say it themselves."""
        own = [each for each in predicates if self._is_of_collections(each)]
        rest = [each for each in predicates if each not in own]
        found = self._joins.all("cohort")
        for each in own:
            found &= self._holds(each, "cohort", 0)
        return BitMap(cohort for cohort in found if self._has_member(cohort, rest))

    def _has_member(self, cohort: int, predicates: Sequence[Predicate]) -> bool:
        one = BitMap([cohort])
        left = [each for each in predicates if not self._says(one, each)]
        members = self._joins.join("cohort", one, "individual")
        return not left or members.intersect(self.matching("individual", left))

    def _says(self, cohort: BitMap, predicate: Predicate) -> bool:
        if not isinstance(predicate, HasTerm | Compare):
            return False
        scoped = replace(predicate, scope="cohort")
        own = predicate.scope in (None, "cohort") and self.knows(scoped)
        return own and cohort.intersect(self._holds(scoped, "cohort", 0))

    def _is_of_collections(self, predicate: Predicate) -> bool:
        match predicate:
            case AnyOf(of):
                return all(map(self._is_of_collections, of))
            case Not(of):
                return self._is_of_collections(of)
            case _:
                scopes = set(_ENTITIES) if predicate.scope is None else {predicate.scope}
                finer = scopes - COLLECTIONS
                return not any(self.knows(replace(predicate, scope=each)) for each in finer)

    def knows(self, predicate: Predicate) -> bool:
        return all(map(self._knows, leaves(predicate)))

    def _knows(self, leaf: Leaf) -> bool:
        match leaf:
            case HasTerm(term, _, scope):
                listed = self._listing(term, scope)
                return bool(listed or self.stands_for(term) or self._custom(leaf))
            case Compare(name, _, _, scope):
                return bool(self._named(name, scope))
            case _ as unreachable:
                assert_never(unreachable)

    def objection(self, predicate: Predicate) -> str | None:
        asked = self._custom(predicate) if isinstance(predicate, HasTerm) else predicate
        if not isinstance(asked, Compare):
            return None
        fields = self._named(asked.id, asked.scope)
        try:
            for entity in _asked(list(fields), "individual"):
                meant(fields[entity], asked)
        except UnsupportedFilter as unable:
            return unable.public
        return None

    def reading(self, question: Compare) -> str:
        fields = self._named(question.id, question.scope)
        try:
            asked = [
                said
                for entity in _asked(list(fields), "individual")
                for said in readings(fields[entity], question)
            ]
        except UnsupportedFilter:
            asked = []
        return "; ".join(sorted(set(asked))) or canonical.written(question)

    def _holds(self, predicate: Predicate, target: str, depth: int) -> BitMap:
        if depth > MAX_NESTING:
            raise UnsupportedFilter(f"filters can be nested at most {MAX_NESTING} deep")
        match predicate:
            case HasTerm() | Compare():
                find = partial(self._joined, predicate, target)
                return self._remembered.of((predicate, target), find)
            case AnyOf(of):
                either = BitMap()
                for each in of:
                    either |= self._holds(each, target, depth + 1)
                return either
            case Not(of):
                return self._joins.all(target) - self._holds(of, target, depth + 1)
            case _ as unreachable:
                assert_never(unreachable)

    def _joined(self, predicate: HasTerm | Compare, target: str) -> BitMap:
        found = BitMap()
        for entity, numbers in self._leaf(predicate, target):
            found |= self._joins.join(entity, numbers, target)
        return found

    def _leaf(self, predicate: HasTerm | Compare, target: str) -> Iterator[tuple[str, BitMap]]:
        if isinstance(predicate, Compare):
            return self._compared(predicate, target)
        listed = self._listing(predicate.term, predicate.scope)
        if not listed and (custom := self._custom(predicate)) is not None:
            return self._compared(custom, target)
        if not listed:
            now = self.stands_for(predicate.term)
            if now is None:
                raise UnsupportedFilter("no such ontology term is known in this dataset")
            predicate = replace(predicate, term=now)
            listed = self._listing(now, predicate.scope)
        return self._having(predicate, _asked(listed, target))

    def _having(self, predicate: HasTerm, entities: list[str]) -> Iterator[tuple[str, BitMap]]:
        for entity in entities:
            ((exact, closed),) = self._ask(
                "SELECT exact, closed FROM terms WHERE id = ? AND entity = ?",
                *(predicate.term, entity),
            )
            yield entity, BitMap.deserialize(closed if predicate.descendants else exact)

    def _listing(self, term: str, scope: str | None) -> list[str]:
        """The entities whose records hold the term or one below it."""
        entities = self._listed.get(term)
        if entities is None:
            rows = self._ask("SELECT entity FROM terms WHERE id = ?", term)
            entities = tuple(entity for (entity,) in rows)
            if entities:  # so as many are kept as there are terms
                self._listed[term] = entities
        return [entity for entity in entities if scope in (None, entity)]

    def stands_for(self, term: str) -> str | None:
        """The term of a loaded ontology that this id means, itself or as a former id."""
        rows = self._ask("SELECT stands_for FROM vocabulary WHERE id = ?", term)
        return str(rows[0][0]) if rows else None

    def ontologies(self) -> frozenset[str]:
        sql = "SELECT DISTINCT substr(id, 1, instr(id, ':') - 1) FROM vocabulary"
        return frozenset(prefix for (prefix,) in self._ask(sql) if prefix)

    def _custom(self, predicate: HasTerm) -> Compare | None:
        """`sex:female` asks a field of words by its name."""
        name, _, value = predicate.term.partition(":")
        fields = self._named(name, predicate.scope) if value else {}
        if not any(each.kind is None for found in fields.values() for each in found):
            return None
        return Compare(name, "=", value, predicate.scope)

    def _compared(self, question: Compare, target: str) -> Iterator[tuple[str, BitMap]]:
        fields = self._named(question.id, question.scope)
        if not fields:
            raise UnsupportedFilter("no such field is known in this dataset")
        for entity in _asked(list(fields), target):
            yield entity, self._compare(entity, fields[entity], question)

    def _compare(self, entity: str, fields: list[Measured], question: Compare) -> BitMap:
        amounts, words = meant(fields, question)
        if words is None:
            compared = [self._amounts(entity, one).compare(question, at) for one, at in amounts]
            if question.operator != "!":
                return BitMap.union(BitMap(), *compared)
            held = [BitMap(self._amounts(entity, one).numbers) for one, _ in amounts]
            touching = (all_ - free for all_, free in zip(held, compared, strict=True))
            return BitMap.union(BitMap(), *held) - BitMap.union(BitMap(), *touching)
        texts = self._ask(
            "SELECT value, numbers FROM texts WHERE entity = ? AND name = ?", entity, words.name
        )
        return compare_text(question, ((v, BitMap.deserialize(blob)) for v, blob in texts))

    def _amounts(self, entity: str, of: Measured) -> Values:
        key = (entity, of.name, of.kind or "", of.unit)
        if key not in self._values:
            ((low, high, numbers),) = self._ask(
                "SELECT low, high, numbers FROM amounts "
                "WHERE entity = ? AND name = ? AND kind = ? AND unit = ?",
                *key,
            )
            self._values[key] = Values(
                np.frombuffer(low, np.float64),
                None if high is None else np.frombuffer(high, np.float64),
                np.frombuffer(numbers, np.uint32),
            )
        return self._values[key]

    def _named(self, name: str, scope: str | None) -> dict[str, list[Measured]]:
        """The fields of this name by entity: the full dotted name, or its last parts where only
        one field of the entity ends so."""
        asked = name.removesuffix(".iso8601duration")
        found: dict[str, list[Measured]] = {}
        for entity, fields in self._fields.items():
            if scope not in (None, entity):
                continue
            ending = [full for full in fields if full == asked or full.endswith(f".{asked}")]
            if asked in fields or len(ending) == 1:
                found[entity] = fields[asked if asked in fields else ending[0]]
        return found

    def _read_fields(self) -> Mapping[str, Mapping[str, list[Measured]]]:
        fields: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
        for entity, *rest in self._ask(
            "SELECT entity, name, kind, unit, unit_label, label, holders FROM amounts"
        ):
            fields[entity][rest[0]].append(Measured(*rest))
        for entity, name, values in self._ask(
            "SELECT entity, name, count(*) FROM texts GROUP BY entity, name"
        ):
            fields[entity][name].append(Measured(name, None, holders=values))
        return fields

    # Records

    def entries(
        self,
        entity: str,
        *,
        samples: BitMap | None,
        records: BitMap | None,
        skip: int,
        limit: int,
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        chosen = self._chosen(entity, samples, records)
        if not limit:
            return len(chosen), ()
        texts = (
            self._ask("SELECT json FROM records WHERE entity = ? AND seq = ?", entity, number)
            for number in chosen[skip : skip + limit]
        )
        return len(chosen), [json.loads(text) for ((text,),) in texts]

    def belonging(self, target: str, *, to: str, entry_id: str) -> BitMap | None:
        return self._joins.belonging(target, to=to, entry_id=entry_id)

    def entry(self, entity: str, entry_id: str) -> Mapping[str, object] | None:
        sql = "SELECT json FROM records WHERE entity = ? AND id = ?"
        rows = self._ask(sql, entity, entry_id)
        return cast("Mapping[str, object]", json.loads(rows[0][0])) if rows else None

    def _chosen(self, entity: str, samples: BitMap | None, records: BitMap | None) -> BitMap:
        if samples is None and records is None:
            return BitMap(range(len(self._joins.links(entity, "individual"))))
        if entity != "individual":
            theirs = None if samples is None else self._joins.of_carriers(samples, entity)
            return _both(theirs, records) or BitMap()
        owners = None if samples is None else self._samples.owners(samples)
        return self._joins.of_people(_both(owners, records) or BitMap())

    # Terms

    def terms(self) -> Sequence[FilteringTerm]:
        found = [
            FilteringTerm(
                *(term, label, "ontologyTerm", entity, holders),
                synonyms=tuple(synonyms.split("\n")) if synonyms else (),
                parents=tuple(parents.split("\n")) if parents else (),
            )
            for term, label, entity, holders, synonyms, parents in self._ask(
                "SELECT t.id, t.label, t.entity, t.holders, v.synonyms, v.parents FROM terms t "
                "LEFT JOIN vocabulary v ON v.id = t.id ORDER BY t.id, t.entity"
            )
        ]
        for entity, fields in sorted(self._fields.items()):
            for name, of in sorted(fields.items()):
                holders = max(each.holders for each in of)
                scope = cast("EntryType", entity)
                values = self._values_of(entity, name, of)
                found.append(
                    FilteringTerm(name, of[0].label, "alphanumeric", scope, holders, values)
                )
        return found

    def _values_of(self, entity: str, name: str, of: list[Measured]) -> tuple[str, ...]:
        """The words of a field that has few; free text of a person is never listed."""
        many = any(each.kind is not None or each.holders > MAX_LISTED_VALUES for each in of)
        if many or name not in SINGLE_VALUED:
            return ()
        sql = "SELECT value FROM texts WHERE entity = ? AND name = ? ORDER BY value"
        return tuple(value for (value,) in self._ask(sql, entity, name))

    def term_field(self, term: str) -> str | None:
        if term in self._term_fields:
            return self._term_fields[term]
        rows = self._ask("SELECT entity, field FROM terms WHERE id = ?", term)
        fields = {field for entity, field in rows if entity not in COLLECTIONS}
        only = fields.pop() if len(fields) == 1 else None
        if rows:  # so as many are kept as there are terms
            self._term_fields[term] = only
        return only


def _asked(entities: list[str], target: str) -> list[str]:
    """Collections stand for all of their people, so they are asked only where they are the only
    ones to have the term, or are what is wanted."""
    finer = [each for each in entities if each not in COLLECTIONS or each == target]
    return finer or entities


def _both(one: BitMap | None, other: BitMap | None) -> BitMap | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other
