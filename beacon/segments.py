"""The SQLite form of the catalog: one immutable file per dataset version, read in place.

Implements `beacon.catalog`. Files are opened read-only and `immutable`, so no lock is taken; a
newer version is another file, and requests that began on the old one finish on it. What a question
finds is a bitmap of rows; only the rows of a page become values.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, assert_never
from urllib.parse import quote

from pyroaring import BitMap

from beacon import batches, copy_number, manifest, withdrawals
from beacon.batches import Batch
from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    ChangeWithin,
    DatasetFacts,
    Edited,
    EntryType,
    FilteringTerm,
    InGene,
    Predicate,
    Segment,
    Span,
    VariantPage,
    VariantQuestion,
)
from beacon.errors import CatalogError, UnsupportedQuestion
from beacon.segment.blocks import FORMAT
from beacon.segment.carriers import Carriers, Manner
from beacon.segment.record_table import RecordTable
from beacon.segment.tail import Tail
from beacon.segment.variant_rows import VariantRows
from beacon.segment.variant_table import VariantTable
from beacon.segment.without import without
from beacon.variation import identifiers
from beacon.zygosity import ANY, Zygosities

_OF_ANOTHER_RELEASE = (
    "a dataset was loaded by a release whose layout this one does not read; load its files again"
)
MAX_KNOWN = 1_000
_MAPPED_BYTES = 2**31 - 1  # SQLite maps no more of a file
_PAGES = "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size"
_FAILURES = (sqlite3.Error, KeyError, TypeError)
_MAX_INTEGER = 2**62  # what SQLite can bind; no position or page is beyond it


class SqliteSegment:
    """One dataset version; see `beacon.catalog.Segment` for what each question means."""

    def __init__(self, path: Path) -> None:
        self._failing = _Failing(path)
        with self._failing:
            # The event loop and worker threads share it; SQLite serialises its own calls.
            self._db = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1",
                uri=True,
                check_same_thread=False,
            )
            # Pages are read where the system has them, without a call and a copy for each.
            self._db.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            stated = {name: json.loads(value) for name, value in self._all("SELECT * FROM facts")}
            if stated.get("format") != FORMAT:
                raise CatalogError(_OF_ANOTHER_RELEASE, detail=str(path))
            raw = stated["facts"].items()
            listed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw}
            self.facts = DatasetFacts(**listed)
            self.skipped: Mapping[str, int] = MappingProxyType(stated["skipped"])
            ((pages, size),) = self._all(_PAGES)
            self._tail = Tail(path, begin=pages * size)
            self._rows = VariantRows(
                self._all, self._tail, count=self.facts.variants, justified=self.facts.justified
            )
            self._table = VariantTable(self._all, self._rows, assembly=self.facts.assembly)
        self._carriers = Carriers(self._all, self._rows, people=self.facts.people)
        self._records = RecordTable(self._all, self.facts.people)
        # What a predicate or a term is to a dataset that never changes.
        self.knows = lru_cache(MAX_KNOWN)(self._knows)
        self.objection = lru_cache(MAX_KNOWN)(self._objection)
        self.term_field = lru_cache(MAX_KNOWN)(self._term_field)

    @property
    def waits(self) -> bool:
        return False

    def close(self) -> None:
        self._db.close()
        self._tail.close()

    # Variants

    def supports(self, question: VariantQuestion) -> bool:
        facts = self.facts
        match question:
            case Allele() | ById():
                return True
            case Span():
                return self._tells(question)
            case Edited(change=change):
                return facts.justified or change != "DUP"
            case InGene():
                return facts.genes is not None and self._tells(question)
            case AminoacidChange():
                return facts.aminoacid_changes
            case ChangeWithin(within=within):
                return facts.aminoacid_changes and self.supports(within)
            case ByIdentifier(name):
                return identifiers.kind(name) in facts.identifiers
            case _ as unreachable:
                assert_never(unreachable)

    def _tells(self, question: VariantQuestion) -> bool:
        """Whether it knows how far anybody's copy number went, where that is asked."""
        levels = copy_number.asked(question)
        return not levels or not levels.isdisjoint(self.facts.levels)

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        people: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        try:
            found = self._matching(question)
            so = Manner(zygosity, copy_number.asked(question))
            if people is not None or so.narrows:
                self._need_genotypes()
            if people is not None:
                found = self._carriers.rows(people, among=found)
            if so.narrows:
                found = self._carriers.rows_so_carried(so, among=found, people=people)
            rows = range(self.facts.variants) if found is None else found
            page = self._rows.records(rows[skip : skip + limit]) if limit else ()
            return VariantPage(len(rows), page)
        except _FAILURES as failure:
            raise self._failing.told() from failure

    def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
        try:
            self._need_genotypes()
            found = self._matching(question)
            if not found:
                return self._carriers.of_none(self._table.beside(question))
            so = Manner(zygosity, copy_number.asked(question))
            if so.narrows:
                return self._carriers.carrying_so(found, so)
            return self._carriers.of(found)
        except _FAILURES as failure:
            raise self._failing.told() from failure

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        with self._failing:
            return self._carriers.calls(row, limit=limit)

    def _matching(self, question: VariantQuestion | None) -> BitMap | None:
        if question is None:
            return None
        if not self.supports(question):
            raise UnsupportedQuestion("This dataset holds no annotation that answers this.")
        return self._table.matching(question)

    def _need_genotypes(self) -> None:
        if not self.facts.genotypes:
            raise UnsupportedQuestion("This dataset holds sites without genotypes.")

    # People and records

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        with self._failing:
            return self._records.matching("individual", predicates)

    def matching(self, entry_type: EntryType, predicates: Sequence[Predicate]) -> BitMap:
        with self._failing:
            return self._records.matching(entry_type, predicates)

    def belonging(self, entry_type: EntryType, *, to: EntryType, entry_id: str) -> BitMap | None:
        with self._failing:
            return self._records.belonging(entry_type, to=to, entry_id=entry_id)

    def _knows(self, predicate: Predicate) -> bool:
        with self._failing:
            return self._records.knows(predicate)

    def _objection(self, predicate: Predicate) -> str | None:
        with self._failing:
            return self._records.objection(predicate)

    def person_number(self, individual_id: str) -> int | None:
        with self._failing:
            rows = self._all("SELECT number FROM people WHERE id = ?", individual_id)
            return int(rows[0][0]) if rows else None

    def person_ids(self, numbers: BitMap) -> Sequence[str]:
        sql = "SELECT id FROM people WHERE number = ?"
        with self._failing:
            return [name for number in numbers for (name,) in self._all(sql, number)]

    def ontologies(self) -> frozenset[str]:
        with self._failing:
            return self._records.ontologies()

    def stands_for(self, term: str) -> str | None:
        with self._failing:
            return self._records.stands_for(term)

    def terms(self) -> Sequence[FilteringTerm]:
        with self._failing:
            return self._records.terms()

    def _term_field(self, term: str) -> str | None:
        with self._failing:
            return self._records.term_field(term)

    def entries(
        self,
        entry_type: EntryType,
        *,
        people: BitMap | None,
        skip: int,
        limit: int,
        records: BitMap | None = None,
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        if entry_type == "dataset":
            page = [self._dataset()] if records is None or records else []
            return len(page), page[skip : skip + limit]
        with self._failing:
            return self._records.entries(
                entry_type, people=people, records=records, skip=skip, limit=limit
            )

    def entry(self, entry_type: EntryType, entry_id: str) -> Mapping[str, object] | None:
        if entry_type == "dataset":
            return self._dataset() if entry_id == self.facts.id else None
        with self._failing:
            return self._records.entry(entry_type, entry_id)

    def _dataset(self) -> Mapping[str, object]:
        facts = self.facts
        described = {"description": facts.description} if facts.description else {}
        return {**facts.metadata, **described, "id": facts.id, "name": facts.name}

    def _all(self, sql: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except OverflowError:
            bound = (
                max(-_MAX_INTEGER, min(v, _MAX_INTEGER)) if isinstance(v, int) else v
                for v in values
            )
            return self._db.execute(sql, tuple(bound)).fetchall()


class _Failing:
    """Names the file of whatever fails to be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        if isinstance(failure, _FAILURES):
            raise self.told() from failure

    def told(self) -> CatalogError:
        return CatalogError("a dataset cannot be read", detail=str(self._path))


class SegmentCatalog:
    """The active segments of a folder; `refresh` follows the manifest, requests keep their own.
    `form` makes of an opened file what answers: the file itself, or another engine beside it."""

    def __init__(
        self, catalog_dir: Path, *, form: Callable[[Segment], Segment] = lambda segment: segment
    ) -> None:
        self._folder, self._form = catalog_dir, form
        self._open: dict[str, tuple[manifest.Entry, Segment]] = {}
        self._served: Mapping[str, Segment] = {}
        self._withdrawn: Mapping[str, frozenset[str]] = {}
        self._batches: Mapping[str, Batch] = {}
        self.refresh()

    @property
    def folder(self) -> Path:
        return self._folder

    def snapshot(self) -> Mapping[str, Segment]:
        return self._served

    def batches(self) -> Mapping[str, Batch]:
        return self._batches

    def refresh(self) -> None:
        """Opens what is new in the manifest; on failure the segments open before stay."""
        opened: dict[str, tuple[manifest.Entry, Segment]] = {}
        waiting = batches.read(self._folder)  # noted before the version is, so read before it
        for dataset, entry in manifest.read(self._folder).items():
            before = self._open.get(dataset)
            if before is not None and before[0] == entry:
                opened[dataset] = before
                continue
            opened[dataset] = (entry, self._opened(dataset, entry))
        withdrawn = withdrawals.read(self._folder)
        # Before the versions: a thread may run this while requests take both, and nobody may see a
        # version whose newcomers he does not know to be newcomers.
        self._batches = waiting
        if opened != self._open or withdrawn != self._withdrawn:
            self._served = {
                dataset: without(segment, withdrawn.get(dataset, ()))
                for dataset, (_, segment) in opened.items()
            }
        self._open, self._withdrawn = opened, withdrawn

    def _opened(self, dataset: str, entry: manifest.Entry) -> Segment:
        path = self._folder / entry.file
        try:
            whole = path.stat().st_size == entry.size
        except OSError as missing:
            raise CatalogError("a dataset cannot be read", detail=str(path)) from missing
        segment = SqliteSegment(path) if whole else None
        if segment is None or (segment.facts.id, segment.facts.version) != (dataset, entry.version):
            raise CatalogError("a dataset is not the one in the manifest", detail=str(path))
        return self._form(segment)
