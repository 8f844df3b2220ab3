"""The SQLite form of the catalog: one immutable file per dataset version, read in place.

Implements `beacon.catalog`. Files are opened read-only and `immutable`, so no lock is taken; a
newer version is another file, and requests that began on the old one finish on it. What a question
finds is a bitmap of rows; only the rows of a page become values.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, ParamSpec, TypeVar, assert_never

from pyroaring import BitMap

from beacon import batches, copy_number, manifest, withdrawals
from beacon.batches import Batch
from beacon.catalog import (
    Affecting,
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    ChangeWithin,
    Compare,
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
from beacon.loading.source import digest
from beacon.segment.blocks import FORMAT
from beacon.segment.carriers import Carriers, Manner
from beacon.segment.record_table import RecordTable
from beacon.segment.samples import Samples
from beacon.segment.statements import Statements
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
_PAGES = "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size"
# What reading a file that is not as it was written comes to.
_FAILURES = (
    sqlite3.Error, struct.error, OSError, LookupError, ValueError, TypeError, ArithmeticError,
    AttributeError, MemoryError,
)  # fmt: skip

_P = ParamSpec("_P")
_T = TypeVar("_T")


class SqliteSegment:
    """One dataset version; see `beacon.catalog.Segment` for what each question means. Nothing in it
    points back at it: the file is let go with the last request that asks it."""

    def __init__(self, path: Path) -> None:
        self._failing = _Failing(path)
        with self._failing:
            self._ask = Statements(path)
            stated = {name: json.loads(value) for name, value in self._ask("SELECT * FROM facts")}
            if stated.get("format") != FORMAT:
                raise CatalogError(_OF_ANOTHER_RELEASE, detail=str(path))
            raw = stated["facts"].items()
            listed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw}
            self.facts = DatasetFacts(**listed)
            self.skipped: Mapping[str, int] = MappingProxyType(stated["skipped"])
            ((pages, size),) = self._ask(_PAGES)
            self._tail = Tail(path, begin=pages * size)
            self._rows = VariantRows(
                self._ask, self._tail, count=self.facts.variants, justified=self.facts.justified
            )
            self._table = VariantTable(self._ask, self._rows, assembly=self.facts.assembly)
            people = self.facts.people
            self._samples = Samples(self._ask, people)
            self._carriers = Carriers(self._ask, self._rows, self._samples, people=people)
            self._records = RecordTable(self._ask, self._samples, people=people)
        # What a predicate or a term is to a dataset that never changes.
        known, records = lru_cache(MAX_KNOWN), self._records
        self.knows = known(self._failing.around(records.knows))
        self.objection = known(self._failing.around(records.objection))
        self.term_field = known(self._failing.around(records.term_field))

    @property
    def waits(self) -> bool:
        return False

    def close(self) -> None:
        self._ask.close()
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
            case Affecting(within=within):
                return facts.effects and (within is None or self.supports(within))
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
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        try:
            found = self._matching(question)
            levels = copy_number.asked(question)
            if samples is not None or zygosity or levels:
                found = self._carried(found, Manner(zygosity, levels), samples)
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
            levels = copy_number.asked(question)
            if zygosity or levels:
                return self._carriers.carrying_so(found, Manner(zygosity, levels))
            return self._carriers.of(found)
        except _FAILURES as failure:
            raise self._failing.told() from failure

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        with self._failing:
            return self._carriers.calls(row, limit=limit)

    def _carried(self, found: BitMap | None, so: Manner, samples: BitMap | None) -> BitMap | None:
        """Those of the rows found that some sample carries, one of `samples` where these are
        given."""
        self._need_genotypes()
        if samples is not None:
            found = self._carriers.rows(samples, among=found)
        if not so.narrows:
            return found
        return self._carriers.rows_so_carried(so, among=found, samples=samples)

    def _matching(self, question: VariantQuestion | None) -> BitMap | None:
        if question is None:
            return None
        if not self.supports(question):
            raise UnsupportedQuestion("This dataset holds no annotation that answers this.")
        return self._table.matching(question)

    def _need_genotypes(self) -> None:
        if not self.facts.genotypes:
            raise UnsupportedQuestion("This dataset holds sites without genotypes.")

    def owners(self, samples: BitMap) -> BitMap:
        with self._failing:
            return self._samples.owners(samples)

    # People and records

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        with self._failing:
            return self._records.matching("individual", predicates)

    def matching(self, entry_type: EntryType, predicates: Sequence[Predicate]) -> BitMap:
        try:
            return self._records.matching(entry_type, predicates)
        except _FAILURES as failure:
            raise self._failing.told() from failure

    def belonging(self, entry_type: EntryType, *, to: EntryType, entry_id: str) -> BitMap | None:
        with self._failing:
            return self._records.belonging(entry_type, to=to, entry_id=entry_id)

    def reading(self, question: Compare) -> str:
        with self._failing:
            return self._records.reading(question)

    def person_number(self, individual_id: str) -> int | None:
        with self._failing:
            rows = self._ask("SELECT number FROM people WHERE id = ?", individual_id)
            return int(rows[0][0]) if rows else None

    def person_ids(self, numbers: BitMap) -> Sequence[str]:
        sql = "SELECT id FROM people WHERE number = ?"
        with self._failing:
            return [name for number in numbers for (name,) in self._ask(sql, number)]

    def ontologies(self) -> frozenset[str]:
        with self._failing:
            return self._records.ontologies()

    def stands_for(self, term: str) -> str | None:
        with self._failing:
            return self._records.stands_for(term)

    def terms(self) -> Sequence[FilteringTerm]:
        with self._failing:
            return self._records.terms()

    def entries(
        self,
        entry_type: EntryType,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        records: BitMap | None = None,
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        if entry_type == "dataset":
            page = [self._dataset()] if records is None or records else []
            return len(page), page[skip : skip + limit]
        try:
            return self._records.entries(
                entry_type, samples=samples, records=records, skip=skip, limit=limit
            )
        except _FAILURES as failure:
            raise self._failing.told() from failure

    def entry(self, entry_type: EntryType, entry_id: str) -> Mapping[str, object] | None:
        if entry_type == "dataset":
            return self._dataset() if entry_id == self.facts.id else None
        with self._failing:
            return self._records.entry(entry_type, entry_id)

    def _dataset(self) -> Mapping[str, object]:
        facts = self.facts
        described = {"description": facts.description} if facts.description else {}
        return {**facts.metadata, **described, "id": facts.id, "name": facts.name}


class _Failing:
    """Names the file of whatever fails to be read. What nearly all questions pass catches it by
    itself, which costs them nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, _kind: object, failure: BaseException | None, _trace: object) -> None:
        if isinstance(failure, _FAILURES):
            raise self.told() from failure

    def around(self, asked: Callable[_P, _T]) -> Callable[_P, _T]:
        @wraps(asked)
        def naming(*values: _P.args, **named: _P.kwargs) -> _T:
            with self:
                return asked(*values, **named)

        return naming

    def told(self) -> CatalogError:
        return CatalogError("a dataset cannot be read", detail=str(self._path))


class SegmentCatalog:
    """The active segments of a folder; `refresh` follows the manifest, requests keep their own.
    `form` makes of an opened file what answers: the file itself, or another engine beside it."""

    def __init__(
        self,
        catalog_dir: Path,
        *,
        form: Callable[[Segment], Segment] = lambda segment: segment,
        only: str | None = None,
    ) -> None:
        """With `only`, one dataset is looked at and the state of others is nobody's concern."""
        self._folder, self._form, self._only = catalog_dir, form, only
        self._open: dict[str, _Opened] = {}
        self._doubted: dict[str, _Found] = {}
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
        """Takes up whoever withdrew, and opens what is new in the manifest. Where a version cannot
        be opened the one opened before stays; the first failure is raised in the end."""
        withdrawn = withdrawals.read(self._folder)
        failed: dict[str, CatalogError] = {}
        opened, waiting = self._open, self._batches
        try:
            noted = batches.read(self._folder)  # before the version is, so it is read before it
            opened = self._followed(manifest.read(self._folder), failed)
            # Who waits is noted of versions in the manifest; one that stays may be there no more.
            waiting = {**noted, **{each: of for each, of in waiting.items() if each in failed}}
        except CatalogError as unreadable:
            failed[""] = unreadable
        # Before the versions: a thread may run this while requests take both, and nobody may see a
        # version whose newcomers he does not know to be newcomers.
        self._batches = waiting
        if opened != self._open or withdrawn != self._withdrawn:
            self._served = dict(_without_the_withdrawn(opened, withdrawn, failed))
        self._open, self._withdrawn = opened, withdrawn
        for failure in failed.values():
            raise failure

    def _followed(
        self, active: Mapping[str, manifest.Entry], failed: dict[str, CatalogError]
    ) -> dict[str, _Opened]:
        opened: dict[str, _Opened] = {}
        for dataset, entry in active.items():
            if self._only not in (None, dataset):
                continue
            before = self._open.get(dataset)
            try:
                opened[dataset] = self._opened(dataset, entry, before)
            except CatalogError as failure:
                failed[dataset] = failure
                if before is not None:
                    opened[dataset] = before
        return opened

    def _opened(self, dataset: str, entry: manifest.Entry, before: _Opened | None) -> _Opened:
        path = self._folder / entry.file
        try:
            found = _Found.of(path)
            if before is not None and before.entry == entry:
                if before.found == found:
                    return before
                # A version never changes: the file was built again, or is not to be believed.
                if self._doubted.get(dataset) == found or digest(path) != entry.sha256:
                    self._doubted[dataset] = found
                    before.doubt(found)
                    raise _not_the_one(path)
        except OSError as missing:
            raise CatalogError("a dataset cannot be read", detail=str(path)) from missing
        file = SqliteSegment(path) if found.size == entry.size else None
        if file is None or (file.facts.id, file.facts.version) != (dataset, entry.version):
            raise _not_the_one(path)
        return _Opened(entry, found, file, self._form(file))


class _Found(NamedTuple):
    """A file beside its content."""

    place: tuple[int, int]
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> _Found:
        file = path.stat()
        return cls((file.st_dev, file.st_ino), file.st_size, file.st_mtime_ns)


class _Opened(NamedTuple):
    entry: manifest.Entry
    found: _Found
    file: SqliteSegment
    segment: Segment

    def doubt(self, found: _Found) -> None:
        """Where the very file that is open was changed, nothing of it is told any more: every
        question is an error from here on."""
        if found.place == self.found.place:
            self.file.close()


def _not_the_one(path: Path) -> CatalogError:
    return CatalogError("a dataset is not the one in the manifest", detail=str(path))


def _without_the_withdrawn(
    opened: Mapping[str, _Opened],
    withdrawn: Mapping[str, frozenset[str]],
    failed: dict[str, CatalogError],
) -> Iterator[tuple[str, Segment]]:
    """A version of which cannot be read who is in it is not served: somebody may have withdrawn."""
    for dataset, one in opened.items():
        try:
            yield dataset, without(one.segment, withdrawn.get(dataset, ()))
        except CatalogError as unreadable:
            failed[dataset] = unreadable


def active(catalog_dir: Path, dataset: str) -> Segment | None:
    """One dataset as it is served, without who withdrew; None where there is none of that id."""
    return SegmentCatalog(catalog_dir, only=dataset).snapshot().get(dataset)
