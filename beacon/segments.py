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

from beacon import alleles, manifest
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
    VariantRow,
)
from beacon.errors import CatalogError, UnsupportedFilter, UnsupportedVariantType
from beacon.segment_file import FORMAT, LONG_SPAN

MAX_NESTING = 10
_MAX_INTEGER = 2**62  # what SQLite can bind; no position or page is beyond it
# N is any base; the characters GLOB would take as its own stand for themselves.
_GLOB = {"N": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_COLUMNS = (
    "row, variant_id, chrom, start0, ref, alt, end0, type, ac, an, carriers, reference_af, "
    "identifiers"
)


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
        self._everyone = BitMap(range(self._facts.people))
        self._values: dict[str, Values] = {}
        self._owners: dict[str, NDArray[np.int32]] = {}

    @property
    def facts(self) -> DatasetFacts:
        return self._facts

    def close(self) -> None:
        self._db.close()

    # Variants

    def variants(
        self, question: VariantQuestion | None, *, people: BitMap | None, skip: int, limit: int
    ) -> VariantPage:
        with self._failing():
            if question is None and people is None:
                rows: Sequence[int] = range(self._facts.variants)
            else:
                rows = self._matching(question)
            if people is not None:
                rows = [row for row in rows if people.intersect(self._carriers(row))]
            page = rows[skip : skip + limit]
            return VariantPage(len(rows), tuple(self._variant(row) for row in page))

    def carriers(self, question: VariantQuestion) -> BitMap:
        with self._failing():
            found = BitMap()
            for row in self._matching(question):
                found |= self._carriers(row)
            return found

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        with self._failing():
            found: list[tuple[int, str]] = []
            for genotype, blob in self._all(
                "SELECT genotype, samples FROM genotypes WHERE row = ?", row
            ):
                # No page of calls needs more than `limit` of one genotype.
                found.extend((number, genotype) for number in BitMap.deserialize(blob)[:limit])
            return [(self._sample(n), genotype) for n, genotype in sorted(found)[:limit]]

    def _matching(self, question: VariantQuestion | None) -> list[int]:
        """Numbers of the matching rows, in order."""
        match question:
            case None:
                return list(range(self._facts.variants))
            case ById(variant_id):
                found = self._all("SELECT row FROM variants WHERE variant_id = ?", variant_id)
            case Allele():
                found = self._allele(question)
            case Span():
                found = self._span(question)
            case _ as unreachable:
                assert_never(unreachable)
        return sorted(row for (row,) in found)

    def _allele(self, asked: Allele) -> list[tuple[int]]:
        rank = alleles.RANKS.get(asked.chrom)
        ref, alt = asked.ref.upper(), asked.alt.upper()
        if "N" in ref or "N" in alt:
            # N stands for any base, so trimming could remove what it must match.
            return [
                (row,)
                for row, stored_ref, stored_alt in self._all(
                    "SELECT row, ref, alt FROM variants WHERE chrom = ? AND start0 = ?",
                    *(rank, asked.start0),
                )
                if alleles.bases_match(ref, stored_ref) and alleles.bases_match(alt, stored_alt)
            ]
        core = alleles.trimmed(asked)
        return self._all(
            "SELECT row FROM variants WHERE chrom = ? AND core_start0 = ? AND core_ref = ? "
            "AND core_alt = ?",
            *(rank, core.start0, core.ref, core.alt),
        )

    def _span(self, asked: Span) -> list[tuple[int]]:
        where, values = _narrowing(asked)
        rank, start0, end0 = alleles.RANKS.get(asked.chrom), asked.start0, asked.end0
        if asked.starts is not None:
            first, last = asked.starts
            where, values = [*where, "start0 >= ? AND start0 < ?"], [*values, first, last]
        if asked.ends is not None:
            where, values = [*where, "end0 >= ? AND end0 < ?"], [*values, *asked.ends]
        if asked.starts is not None or asked.ends is not None:
            low, high = asked.starts or (0, (asked.ends or (0, 0))[1])
            return self._select("", where, values, between=(rank, low, high))
        overlap = [*where, "end0 > ?"]
        short = self._select(
            *("AND end0 - start0 <= 1000", overlap, [*values, start0]),
            between=(rank, start0 - LONG_SPAN, end0),
        )
        long = self._select(
            *("AND end0 - start0 > 1000", overlap, [*values, start0]), between=(rank, 0, end0)
        )
        return short + long

    def _select(
        self, length: str, where: list[str], values: list[Any], *, between: tuple[Any, int, int]
    ) -> list[tuple[int]]:
        clauses = " AND ".join(["chrom = ? AND start0 >= ? AND start0 < ?", *where])
        sql = f"SELECT row FROM variants WHERE {clauses} {length}"  # noqa: S608 (constant clauses, bound values)
        return self._all(sql, *between, *values)

    def _carriers(self, row: int) -> BitMap:
        ((blob,),) = self._all("SELECT people FROM carriers WHERE row = ?", row)
        return BitMap.deserialize(blob)

    def _sample(self, number: int) -> str:
        ((name,),) = self._all("SELECT id FROM samples WHERE number = ?", number)
        return str(name)

    def _variant(self, row: int) -> VariantRow:
        sql = f"SELECT {_COLUMNS} FROM variants WHERE row = ?"  # noqa: S608 (constant columns)
        ((number, name, rank, start0, ref, alt, end0, *rest),) = self._all(sql, row)
        kind, count, total, carriers, frequency, identifiers = rest
        return VariantRow(
            row=number,
            variant_id=name,
            allele=Allele(alleles.CHROMOSOMES[rank - 1], start0, ref, alt),
            end0=end0,
            variant_type=kind,
            allele_count=count,
            allele_number=total,
            carriers=carriers,
            reference_af=frequency,
            identifiers=tuple(identifiers.split("\n")) if identifiers else (),
        )

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


def _narrowing(asked: Span) -> tuple[list[str], list[Any]]:
    """SQL conditions on bases, type and length, and their values."""
    where: list[str] = []
    values: list[Any] = []
    for column, bases in (("ref", asked.ref), ("alt", asked.alt)):
        if bases is not None:
            pattern = "".join(_GLOB.get(base, base) for base in bases.upper())
            where.append(f"({column} GLOB ? OR core_{column} GLOB ?)")
            values += [pattern, pattern]
    if asked.variant_type is not None:
        types = alleles.types_matching(asked.variant_type)
        if types is None:
            raise UnsupportedVariantType("this variantType is not in the vocabulary")
        where.append(f"type IN ({','.join('?' * len(types))})")
        values += sorted(types)
    if asked.min_length is not None:
        where, values = [*where, "length >= ?"], [*values, asked.min_length]
    if asked.max_length is not None:
        where, values = [*where, "length <= ?"], [*values, asked.max_length]
    return where, values


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
