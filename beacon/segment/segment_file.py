"""The file of one dataset version: people, samples, records, variants and the facts, in SQLite,
and the columns of the variants behind it (`beacon.segment.tail`).

It is written under a temporary name and never changed after. What variants are written as is left
to `beacon.loading.variant_writer`, records to `beacon.loading.record_file`, reading to
`beacon.segments`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from beacon.catalog import DatasetFacts
from beacon.copy_number import Level
from beacon.loading import record_file, variant_writer
from beacon.loading.genes import Gene
from beacon.loading.variant_writer import VariantWriter
from beacon.ontology import Hierarchy
from beacon.segment.blocks import FORMAT
from beacon.segment.tail import TailWriter
from beacon.variation import reaches
from beacon.variation.reaches import ReachWriter
from beacon.variation.reference import Reference
from schemas.sequences import RANKS

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE people (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE samples (number INTEGER PRIMARY KEY, id TEXT NOT NULL, person INTEGER NOT NULL);
"""


class Indexed(NamedTuple):
    """What there is among the variants of a segment."""

    chromosomes: tuple[str, ...]
    identifiers: tuple[str, ...]  # their kinds
    levels: tuple[Level, ...]


class SegmentWriter:
    """Writes one segment; leaving the block without `finish` leaves only a temporary file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(mode=0o600, exist_ok=False)
        self._tail = TailWriter(path.parent)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(
            _TABLES + variant_writer.TABLES + reaches.TABLES + record_file.TABLES
        )
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        self._tail.close()

    def people(self, ids: Sequence[str]) -> None:
        self._db.executemany("INSERT INTO people VALUES (?, ?)", enumerate(ids))

    def samples(self, rows: Iterable[tuple[int, str, int]]) -> None:
        self._db.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)

    def records(self, entity: str, rows: record_file.Rows, hierarchy: Hierarchy) -> int:
        """Records in their order, and what filters can ask of them; how many they are."""
        return record_file.write(self._db, entity, rows, hierarchy)

    def members(self, cohorts: Iterable[tuple[int, Iterable[int]]]) -> None:
        record_file.write_members(self._db, cohorts)

    def dataset(self, record: Mapping[str, object], hierarchy: Hierarchy) -> None:
        record_file.write_dataset(self._db, record, hierarchy)

    def against(self, reference: Reference, assembly: str) -> ReachWriter:
        """Compares the variants with a reference while they are written."""
        return ReachWriter(self._db, reference, assembly=assembly)

    def variants(
        self,
        source: Path,
        persons: Sequence[int],
        *,
        reaches: ReachWriter | None = None,
        tell: Callable[[int], None],
    ) -> Indexed:
        """Writes the rows of a sorted Parquet file; `persons` is the person of each sample
        number."""
        numbers = np.array(persons, dtype=np.uint32)
        writer = VariantWriter(self._db, numbers, tail=self._tail, reaches=reaches)
        writer.write(source, tell=tell)
        return Indexed(writer.chromosomes, tuple(sorted(writer.kinds)), writer.levels)

    def genes(self, spans: Iterable[Gene]) -> None:
        """A gene table, which answers where the variants carry no annotation."""
        self._db.executemany(
            "INSERT OR IGNORE INTO gene_spans VALUES (?, ?, ?, ?)",
            ((symbol.upper(), RANKS[chrom], start0, end0) for symbol, chrom, start0, end0 in spans),
        )

    def finish(self, facts: DatasetFacts, skipped: Mapping[str, int]) -> None:
        """Writes the facts last, verifies the file and makes it durable."""
        stated = {name: getattr(facts, name) for name in facts.__slots__}
        stated["metadata"] = dict(facts.metadata)
        rows = (("format", FORMAT), ("facts", stated), ("skipped", dict(skipped)))
        self._db.executemany(
            "INSERT INTO facts VALUES (?, ?)", ((name, json.dumps(value)) for name, value in rows)
        )
        self._db.execute("COMMIT")
        (verdict,) = self._db.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError("the written segment does not verify")
        self._db.close()
        self._tail.append_to(self._path)
        with self._path.open("rb") as written:
            os.fsync(written.fileno())
