"""The SQLite form of the catalog: one immutable file per dataset version, read in place.

Implements `beacon.catalog`. Files are opened read-only and `immutable`, so no lock is taken; a
newer version is another file, and requests that began on the old one finish on it. Exact alleles
and ranges read a few pages; a question narrowed to people reads the carriers of each candidate.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, assert_never
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon import manifest
from beacon.bitmaps import FieldKind, Values, compare_text
from beacon.catalog import (
    Allele,
    AnyOf,
    ById,
    Compare,
    DatasetFacts,
    EntryType,
    FilteringTerm,
    HasTerm,
    Predicate,
    Segment,
    Span,
    VariantPage,
    VariantQuestion,
)
from beacon.errors import CatalogError, UnsupportedFilter
from beacon.segment_file import FORMAT
from beacon.variant_table import VariantTable

MAX_NESTING = 10
_MAX_INTEGER = 2**62  # what SQLite can bind; no position or page is beyond it


class SqliteSegment:
    """One dataset version; see `beacon.catalog.Segment` for what each question means."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._failing():
            # The event loop and worker threads share it; SQLite serialises its own calls.
            self._db = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1",
                uri=True,
                check_same_thread=False,
            )
            stated = {name: json.loads(value) for name, value in self._all("SELECT * FROM facts")}
            if stated.get("format") != FORMAT:
                raise CatalogError("a dataset cannot be read", detail=f"{path}: format")
            raw = stated["facts"]
            self._facts = DatasetFacts(**{**raw, "chromosomes": tuple(raw["chromosomes"])})
            self.skipped: Mapping[str, int] = MappingProxyType(stated["skipped"])
        self._table = VariantTable(self._all, self._facts.variants)
        self._everyone = BitMap(range(self._facts.people))
        self._values: dict[str, Values] = {}
        self._owners: dict[str, NDArray[np.int32]] = {}

    @property
    def facts(self) -> DatasetFacts:
        return self._facts

    def close(self) -> None:
        self._db.close()

    # Variants

    def supports(self, question: VariantQuestion) -> bool:
        return isinstance(question, Allele | Span | ById)

    def variants(
        self, question: VariantQuestion | None, *, people: BitMap | None, skip: int, limit: int
    ) -> VariantPage:
        with self._failing():
            if question is None and people is None:
                rows: Sequence[int] = range(self._facts.variants)
            else:
                rows = self._table.matching(question)
            if people is not None:
                rows = [row for row in rows if people.intersect(self._table.carriers(row))]
            page = rows[skip : skip + limit]
            return VariantPage(len(rows), tuple(self._table.variant(row) for row in page))

    def carriers(self, question: VariantQuestion) -> BitMap:
        with self._failing():
            found = BitMap()
            for row in self._table.matching(question):
                found |= self._table.carriers(row)
            return found

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        with self._failing():
            return self._table.calls(row, limit=limit)

    # People

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        with self._failing():
            found = self._everyone.copy()
            for predicate in predicates:
                found &= self._holds(predicate, 0)
            return found

    def knows(self, predicate: Predicate) -> bool:
        with self._failing():
            match predicate:
                case HasTerm(term):
                    return bool(self._all("SELECT 1 FROM terms WHERE id = ?", term))
                case Compare(name):
                    return bool(self._all("SELECT 1 FROM fields WHERE name = ?", name))
                case AnyOf(of):
                    return all(self.knows(each) for each in of)
                case _ as unreachable:
                    assert_never(unreachable)

    def _holds(self, predicate: Predicate, depth: int) -> BitMap:
        if depth > MAX_NESTING:
            raise UnsupportedFilter(f"filters can be nested at most {MAX_NESTING} deep")
        match predicate:
            case HasTerm(term, descendants):
                rows = self._all("SELECT exact, closed FROM terms WHERE id = ?", term)
                if not rows:
                    raise UnsupportedFilter("no such ontology term is known in this dataset")
                return BitMap.deserialize(rows[0][int(descendants)])
            case Compare():
                return self._compare(predicate)
            case AnyOf(of):
                either = BitMap()
                for each in of:
                    either |= self._holds(each, depth + 1)
                return either
            case _ as unreachable:
                assert_never(unreachable)

    def _compare(self, question: Compare) -> BitMap:
        rows = self._all("SELECT kind FROM fields WHERE name = ?", question.id)
        if not rows:
            raise UnsupportedFilter("no such field is known in this dataset")
        kind: FieldKind = rows[0][0]
        if kind == "text":
            texts = self._all("SELECT value, people FROM texts WHERE name = ?", question.id)
            return compare_text(question, ((v, BitMap.deserialize(blob)) for v, blob in texts))
        return self._field(question.id).compare(question, kind=kind)

    def _field(self, name: str) -> Values:
        if name not in self._values:
            ((amounts, persons),) = self._all(
                "SELECT amounts, persons FROM fields WHERE name = ?", name
            )
            arrays = np.frombuffer(amounts, np.float64), np.frombuffer(persons, np.uint32)
            self._values[name] = Values(*arrays)
        return self._values[name]

    def person_number(self, individual_id: str) -> int | None:
        with self._failing():
            rows = self._all("SELECT number FROM people WHERE id = ?", individual_id)
            return int(rows[0][0]) if rows else None

    def terms(self) -> Sequence[FilteringTerm]:
        with self._failing():
            terms = self._all("SELECT id, label, people FROM terms WHERE people > 0 ORDER BY id")
            fields = self._all("SELECT name, label, people FROM fields ORDER BY name")
            return [
                *(FilteringTerm(i, la, "ontologyTerm", "individual", n) for i, la, n in terms),
                *(FilteringTerm(i, la, "alphanumeric", "individual", n) for i, la, n in fields),
            ]

    def term_field(self, term: str) -> str | None:
        with self._failing():
            rows = self._all("SELECT field FROM terms WHERE id = ?", term)
            return rows[0][0] if rows else None

    # Records

    def entries(
        self, entry_type: EntryType, *, people: BitMap | None, skip: int, limit: int
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        if entry_type == "dataset":
            page = [self._dataset()][skip : skip + limit]
            return 1, page
        with self._failing():
            chosen = self._chosen(entry_type, people)
            texts = (
                self._all("SELECT json FROM records WHERE entity = ? AND seq = ?", entry_type, n)
                for n in chosen[skip : skip + limit].tolist()
            )
            return len(chosen), [json.loads(text) for ((text,),) in texts]

    def entry(self, entry_type: EntryType, entry_id: str) -> Mapping[str, object] | None:
        if entry_type == "dataset":
            return self._dataset() if entry_id == self._facts.id else None
        with self._failing():
            sql = "SELECT json FROM records WHERE entity = ? AND id = ?"
            rows = self._all(sql, entry_type, entry_id)
            record: Mapping[str, object] | None = json.loads(rows[0][0]) if rows else None
            return record

    def _chosen(self, entity: str, people: BitMap | None) -> NDArray[np.int64]:
        owners = self._owners_of(entity)
        if people is None:
            return np.arange(len(owners))
        if entity == "cohort":
            # A cohort is all of the dataset's people: it belongs to any of them.
            return np.arange(len(owners) if people else 0)
        # The last place stands for records that are nobody's (-1).
        wanted = np.zeros(self._facts.people + 1, dtype=bool)
        wanted[np.array(people & self._everyone, dtype=np.int64)] = True
        return np.flatnonzero(wanted[owners])

    def _owners_of(self, entity: str) -> NDArray[np.int32]:
        if entity not in self._owners:
            rows = self._all("SELECT persons FROM owners WHERE entity = ?", entity)
            if not rows:
                raise UnsupportedFilter("variants are asked for as variants, not as entries")
            self._owners[entity] = np.frombuffer(rows[0][0], np.int32)
        return self._owners[entity]

    def _dataset(self) -> Mapping[str, object]:
        facts = self._facts
        described = {"description": facts.description} if facts.description else {}
        return {**facts.metadata, **described, "id": facts.id, "name": facts.name}

    def _all(self, sql: str, *values: object) -> list[Any]:
        bound = (min(v, _MAX_INTEGER) if isinstance(v, int) else v for v in values)
        return self._db.execute(sql, tuple(bound)).fetchall()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, KeyError, TypeError) as broken:
            raise CatalogError("a dataset cannot be read", detail=str(self._path)) from broken


class SegmentCatalog:
    """The active segments of a folder; `refresh` follows the manifest, requests keep their own."""

    def __init__(self, catalog_dir: Path) -> None:
        self._folder = catalog_dir
        self._open: dict[str, tuple[manifest.Entry, Segment]] = {}
        self.refresh()

    def snapshot(self) -> Mapping[str, Segment]:
        return {dataset: segment for dataset, (_, segment) in self._open.items()}

    def refresh(self) -> None:
        """Opens what is new in the manifest; on failure the segments open before stay."""
        opened: dict[str, tuple[manifest.Entry, Segment]] = {}
        for dataset, entry in manifest.read(self._folder).items():
            before = self._open.get(dataset)
            if before is not None and before[0] == entry:
                opened[dataset] = before
                continue
            opened[dataset] = (entry, self._opened(dataset, entry))
        self._open = opened

    def _opened(self, dataset: str, entry: manifest.Entry) -> Segment:
        path = self._folder / entry.file
        try:
            whole = path.stat().st_size == entry.size
        except OSError as missing:
            raise CatalogError("a dataset cannot be read", detail=str(path)) from missing
        segment = SqliteSegment(path) if whole else None
        if segment is None or (segment.facts.id, segment.facts.version) != (dataset, entry.version):
            raise CatalogError("a dataset is not the one in the manifest", detail=str(path))
        return segment
