"""Which records a filter means, read straight from the JSON.

Filters are those of a POST, plus our groups: a list is alternatives, `{"not": ...}` denies.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.support.naive.amounts import Amount, comparable, said_amount, stands
from tests.support.naive.belonging import TYPES, Belonging, Record

Path = tuple[str, ...]
# Fields with one value a record: several values asked of one are alternatives.
_SINGLE = {
    *("sex", "ethnicity", "geographicOrigin", "karyotypicSex", "biosampleStatus"),
    *("sampleOriginType", "libraryStrategy", "libraryLayout", "librarySource", "platform"),
    *("platformModel", "pipelineName", "aligner", "variantCaller", "cohortType"),
    *("runDate", "analysisDate", "collectionDate", "collectionMoment"),
}
_NOT_ASKED = {
    "excluded",
    "pipelineRef",
    "externalUrl",
    "description",
    "name",
    "info",
    "notes",
    "pedigrees",
    "ids",
}
_REFERENCES = {"id", "label", "individualId", "biosampleId", "runId", "name"}


class Archive(Belonging):
    """The records of one dataset and the ways between them; `known` has the words it can be asked
    for where these are not its own."""

    def __init__(
        self,
        records: Mapping[str, Sequence[Record]],
        below: Mapping[str, set[str]],
        *,
        known: Archive | None = None,
    ) -> None:
        self._source = known or self
        self.records = {type_: list(records.get(type_, ())) for type_ in TYPES}
        super().__init__(self.records)
        self.below = below
        self._known: dict[str, set[str]] = {}
        self._fields: dict[tuple[str, str], Mapping[str, list[Any]]] = {}
        self._terms: dict[str, dict[str, set[str]]] = {t: defaultdict(set) for t in TYPES}
        self._said: dict[str, dict[Path, list[tuple[str, Any]]]] = {
            t: defaultdict(list) for t in TYPES
        }
        self._single: dict[str, set[str]] = defaultdict(set)
        for type_ in TYPES:
            for record in self.records[type_]:
                self._learn(type_, record)

    def _learn(self, type_: str, record: Record) -> None:
        name = record["id"]
        for path, value in _walk(record):
            if not isinstance(value, dict):
                if path[-1] not in {"label", "id"} and path[-2:-1] not in {("start",), ("end",)}:
                    field = path[:-1] if path[-1] == "iso8601duration" else path
                    self._said[type_][field].append((name, value))
                continue
            if path and isinstance(value.get("id"), str):
                self._said[type_][path].append((name, value.get("label", value["id"])))
                self._terms[type_][value["id"]].add(name)
                self._single[value["id"]].add(".".join(path))
            if "assayCode" in value:
                self._said[type_][value["assayCode"]["id"],].append((name, _measured(value)))
            if "start" in value:
                self._said[type_][path].append((name, value))

    def broader_terms(self) -> list[str]:
        """Terms of the ontology that have others below them."""
        return sorted(term for term, below in self.below.items() if len(below) > 1)

    def says_it(self, type_: str, asked: Any) -> bool:
        """Whether only records of this type say anything of what is asked."""
        if isinstance(asked, list):
            return all(self.says_it(type_, each) for each in asked)
        if "not" in asked:
            return self.says_it(type_, asked["not"])
        others = [other for other in _scope(asked) if other != type_]
        return not any(self.knows({**asked, "scope": other}) for other in others)

    def knows(self, asked: Any) -> bool:
        """Whether some record has the term, one below it, or the field."""
        if self._source is not self:
            return self._source.knows(asked)
        if isinstance(asked, list):
            return all(map(self.knows, asked))
        if "not" in asked:
            return self.knows(asked["not"])
        scope = _scope(asked)
        spelt = _spelt_out(asked)
        if "operator" in spelt and not self._comparable(spelt, scope):
            return False
        loosely = {**asked, "operator": "any"} if "operator" in asked else asked
        key = f"known {json.dumps(loosely, sort_keys=True)}"
        if spelt["id"] in self.below:
            return True  # a term of the ontology, whoever has it
        if key not in self._known:
            self._known[key] = {type_ for type_ in scope if self._held(type_, loosely)}
        return bool(self._known[key])

    def _comparable(self, asked: Mapping[str, Any], scope: Sequence[str]) -> bool:
        said = [self._values(type_, asked["id"]).values() for type_ in scope]
        return comparable((one for of in said for each in of for one in each), asked["value"])

    def holding(self, type_: str, filters: Sequence[Any]) -> set[str]:
        """Records of `type_` for which every filter holds."""
        return self.joined(self.all(type_), filters, lambda each: self._one(type_, each))

    def joined(
        self, everyone: set[str], filters: Sequence[Any], holds: Callable[[Any], set[str]]
    ) -> set[str]:
        """Those of whom every filter holds; several values of one single-valued field are
        alternatives."""
        found = everyone
        groups: dict[str, set[str]] = {}
        for number, each in enumerate(filters):
            held = holds(each)
            group = self._field(each) or f"#{number}"
            groups[group] = groups.get(group, set()) | held
        for held in groups.values():
            found = found & held
        return found

    def _one(self, type_: str, asked: Any) -> set[str]:
        key = f"{type_} {json.dumps(asked, sort_keys=True)}"
        if key not in self._known:
            self._known[key] = self._find(type_, asked)
        return self._known[key]

    def _find(self, type_: str, asked: Any) -> set[str]:
        if isinstance(asked, list):
            return set().union(*(self._one(type_, each) for each in asked))
        if "not" in asked:
            return self.all(type_) - self._one(type_, asked["not"])
        found = set()
        for other in _scope(asked):
            found |= self.related(type_, other, self._held(other, asked))
        return found

    def _held(self, type_: str, asked: Mapping[str, Any]) -> set[str]:
        """The records of this very type that say so themselves."""
        asked = _spelt_out(asked)
        if "operator" not in asked:
            wanted = {asked["id"]}
            if asked.get("includeDescendantTerms", True):
                wanted |= self.below.get(asked["id"], set())
            return set().union(*(self._terms[type_].get(term, ()) for term in wanted))
        values = self._values(type_, asked["id"])
        if asked["operator"] == "any":
            return set(values)
        if asked["operator"] == "!":
            same = {**asked, "operator": "touches"}
            return {n for n, said in values.items() if not any(_same(v, same) for v in said)}
        return {n for n, said in values.items() if any(stands(v, asked) for v in said)}

    def _values(self, type_: str, field: str) -> Mapping[str, list[Any]]:
        """What each record says in a field, named whole or by its end; of an assay, amounts."""
        if (type_, field) not in self._fields:
            wanted = tuple(field.removesuffix(".iso8601duration").split("."))
            found: dict[str, list[Any]] = defaultdict(list)
            for path, values in self._said[type_].items():
                if (path if ":" in field else path[-len(wanted) :]) == wanted:
                    for name, value in values:
                        found[name].append(value)
            self._fields[type_, field] = found
        return self._fields[type_, field]

    def _field(self, asked: Any) -> str | None:
        """The one single-valued field that this filter names a value of."""
        if isinstance(asked, list) or "not" in asked:
            return None
        asked = _spelt_out(asked)
        if "operator" in asked:
            name = asked["id"].rpartition(".")[2]
            return name if asked["operator"] == "=" and name in _SINGLE else None
        fields = self._single.get(asked["id"], set())
        return next(iter(fields)) if len(fields) == 1 and fields <= _SINGLE else None


def _spelt_out(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """A custom filter `sex:female` asks for that word in that field."""
    field, _, word = asked["id"].partition(":")
    if word and field[:1].islower():
        return {"operator": "=", "value": word, **asked, "id": field}
    return asked


def _walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every object and plain value that is said of the record and not denied."""
    if isinstance(value, dict):
        if value.get("excluded") is True:
            return
        yield path, value
        for name, below in value.items():
            if name not in _NOT_ASKED:
                yield from _walk(below, (*path, name))
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each, path)
    else:
        yield path, value


def _scope(asked: Mapping[str, Any]) -> Sequence[str]:
    """The one type a filter is for, in the singular or plural; else all."""
    if "scope" not in asked:
        return TYPES
    return [type_ for type_ in TYPES if asked["scope"] in (type_, f"{type_}s", f"{type_[:-2]}es")]


def _same(value: Any, asked: Mapping[str, Any]) -> bool:
    """Whether it is or touches the value."""
    words = isinstance(said_amount(value), str)
    return stands(value, {**asked, "operator": "="} if words else asked)


def _measured(measurement: Mapping[str, Any]) -> Amount:
    quantity = measurement["measurementValue"]
    unit = quantity.get("unit", {})
    value = quantity["value"]
    return Amount("number", value, value, unit.get("label") or unit.get("id", ""))


def said(record: Record) -> Iterator[tuple[str, str, Any]]:
    """What can be asked of a record, as kind (term, word, date, age, measured), field and value."""
    for path, value in _walk(record):
        field = ".".join(path)
        if isinstance(value, dict):
            if "assayCode" in value:
                yield "measured", value["assayCode"]["id"], _measured(value)
            elif path and isinstance(value.get("id"), str) and "measurementValue" not in field:
                yield "term", field, value["id"]
                yield "word", field, value["label"]
        elif path[-1] == "iso8601duration" and path[-2] in {"start", "end"}:
            yield "age", ".".join(path[:-2]), value
        elif path[-1] == "iso8601duration":
            yield "age", field, value
        elif isinstance(value, bool):
            yield "word", field, str(value).lower()
        elif isinstance(value, str) and path[-1] not in _REFERENCES:
            yield _kind_of(value), field, value


def _kind_of(value: str) -> str:
    found = said_amount(value)
    return "word" if isinstance(found, str) else found.kind
