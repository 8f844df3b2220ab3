"""Writes the variants of a segment: blocks of columns, side tables for what few variants have.

Stage two of a load: the sorted Parquet file in, tables out, in memory bounded by one batch, one
chunk of carriers and the bitmaps of genes and types. Reading them is left to
`beacon.segment.variant_table`, the file around them to `beacon.segment.segment_file`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon import copy_number
from beacon.catalog import Allele
from beacon.copy_number import TOLD_BY_COPIES, Level
from beacon.loading import parquet
from beacon.loading.variant_batch import Batch
from beacon.segment import blocks, sparse
from beacon.segment.blocks import CHUNK, LONG_SPAN
from beacon.segment.tail import TailWriter
from beacon.variation import alleles, identifiers
from beacon.variation.reaches import ReachWriter

TABLES = """
CREATE TABLE arrays (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
-- Of the samples behind each block.
CREATE TABLE calls (row INTEGER PRIMARY KEY, genotypes BLOB NOT NULL);
-- By chunk << 32 | person; a table clustered on both would spill blobs of this size to other pages.
CREATE TABLE carried (place INTEGER PRIMARY KEY, rows BLOB NOT NULL);
-- Beside the genotypes of `calls`, where any carrier's copy number is known.
CREATE TABLE levels (row INTEGER PRIMARY KEY, codes BLOB NOT NULL);
CREATE TABLE marks (
  kind TEXT NOT NULL, name TEXT NOT NULL, rows BLOB NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE cores (
  chrom INTEGER NOT NULL, start0 INTEGER NOT NULL, ref TEXT NOT NULL, alt TEXT NOT NULL,
  row INTEGER NOT NULL, PRIMARY KEY (chrom, start0, ref, alt, row)
) WITHOUT ROWID;
CREATE TABLE rsids (number INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (number, row))
  WITHOUT ROWID;
CREATE TABLE names (name TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (name, row))
  WITHOUT ROWID;
CREATE TABLE changes (
  change TEXT NOT NULL, gene TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (change, gene, row)
) WITHOUT ROWID;
CREATE TABLE notes (row INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE gene_spans (
  symbol TEXT NOT NULL, chrom INTEGER NOT NULL, start0 INTEGER NOT NULL, end0 INTEGER NOT NULL,
  PRIMARY KEY (symbol, chrom, start0, end0)
) WITHOUT ROWID;
CREATE TEMP TABLE staged_rsids (number INTEGER, row INTEGER);
CREATE TEMP TABLE staged_names (name TEXT, row INTEGER);
CREATE TEMP TABLE staged_changes (change TEXT, gene TEXT, row INTEGER);
"""
# Sorted first, a table clustered on another key than the row is written front to back.
_ARRANGE = (
    "INSERT INTO rsids SELECT DISTINCT number, row FROM staged_rsids ORDER BY 1, 2",
    "INSERT INTO names SELECT DISTINCT name, row FROM staged_names ORDER BY 1, 2",
    "INSERT INTO changes SELECT DISTINCT change, gene, row FROM staged_changes ORDER BY 1, 2, 3",
)


class VariantWriter:
    """`persons` is the person of each sample number; blocks go to `tail`; `reaches` compares with
    a reference."""

    def __init__(
        self,
        db: sqlite3.Connection,
        persons: NDArray[np.uint32],
        *,
        tail: TailWriter,
        reaches: ReachWriter | None = None,
    ) -> None:
        self._db, self._persons, self._reaches = db, persons, reaches
        self._tail = tail
        self._one_sample_each = len(np.unique(persons)) == len(persons)
        self._rows = 0
        self._keys: list[int] = []
        self._firsts: list[int] = []
        self._begins: list[int] = [0]  # of each block and of the samples behind it
        self._long: list[NDArray[np.int64]] = []
        self._marks: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self._carried: list[NDArray[np.uint64]] = []
        self._chunk = 0
        self.kinds: set[str] = set()
        self._levels: set[Level] = set()

    def write(self, path: Path, *, tell: Callable[[int], None]) -> None:
        for table in parquet.read(path):
            batch = Batch(table, self._rows)
            self._write_blocks(batch)
            self._write_marks(batch)
            self._write_names(batch)
            self._db.executemany("INSERT INTO cores VALUES (?, ?, ?, ?, ?)", self._cores(batch))
            if batch.has_calls:
                self._write_calls(batch)
            if self._reaches is not None:
                self._reaches.write(self._rows, batch.alleles())
            self._rows += batch.count
            tell(self._rows)
        self._flush_carried()
        self._finish()

    @property
    def chromosomes(self) -> tuple[str, ...]:
        ranks = sorted({key >> 32 for key in self._keys})
        return tuple(alleles.CHROMOSOMES[rank - 1] for rank in ranks)

    @property
    def levels(self) -> tuple[Level, ...]:
        """Those that can be asked for: any that copies tell where they told one, and what records
        say."""
        told = self._levels.union(TOLD_BY_COPIES) if self._levels else ()
        return tuple(level for level in Level if level in told)

    # Blocks

    def _write_blocks(self, batch: Batch) -> None:
        columns = batch.columns()
        # Looked for and found in nobody, which an answer leaves out.
        unseen = np.flatnonzero((columns["ac"] == 0) & (columns["an"] != 0))
        if len(unseen):
            self._marks["unseen", ""] |= sparse.bitmap(unseen + self._rows)
        samples = self._samples(batch) if batch.has_calls else []
        if batch.has_calls:
            columns["carriers"] = self._carriers(batch)
        lengths = np.fromiter(map(len, samples), np.int64, len(samples))
        texts, others = batch.texts(), np.cumsum(columns["code"] == blocks.OTHER)
        starts = np.flatnonzero(np.diff(batch.rank, prepend=0))
        bounds = sorted({*starts.tolist(), batch.count, *self._inner(starts, batch.count)})
        for first, last in pairwise(bounds):
            before = int(others[first - 1]) if first else 0
            after = int(others[last - 1])
            part = {name: of[first:last] for name, of in columns.items() if name in blocks.EACH}
            part |= {name: columns[name][before:after] for name in blocks.OTHERS}
            ends = np.cumsum(lengths[first:last]) if samples else np.zeros(last - first, np.int64)
            self._tail.add(blocks.encode(part | {"samples": ends}, texts[before:after]))
            self._begins.append(self._tail.size)
            self._tail.add(b"".join(samples[first:last]))
            self._begins.append(self._tail.size)
            self._keys.append(int(batch.rank[first]) << 32 | int(columns["start0"][first]))
            self._firsts.append(self._rows + first)

    @staticmethod
    def _inner(starts: NDArray[np.int64], count: int) -> Iterator[int]:
        """Where blocks begin inside a run of one chromosome."""
        for first, last in zip(starts.tolist(), [*starts[1:].tolist(), count], strict=True):
            yield from range(first, last, blocks.ROWS)

    def _carriers(self, batch: Batch) -> NDArray[np.int64]:
        ends, samples, _ = batch.calls
        if self._one_sample_each:
            return np.diff(ends).astype(np.int64)
        parts = np.split(self._persons[samples], ends[1:-1])
        return np.array([len(np.unique(part)) for part in parts], dtype=np.int64)

    # Carriers

    def _samples(self, batch: Batch) -> list[bytes]:
        """Of each row, those that carry it."""
        ends, samples, _ = batch.calls
        size = len(self._persons)
        return [sparse.encode(samples[first:last], size) for first, last in pairwise(ends.tolist())]

    def _write_calls(self, batch: Batch) -> None:
        ends, samples, codes = batch.calls
        bounds = ends.tolist()
        self._db.executemany(
            "INSERT INTO calls VALUES (?, ?)",
            (
                (self._rows + row, sparse.encode_codes(codes[first:last]))
                for row, (first, last) in enumerate(pairwise(bounds))
                if last > first
            ),
        )
        self._write_levels(batch)
        rows = self._rows + np.repeat(np.arange(batch.count, dtype=np.uint64), np.diff(ends))
        pairs = self._persons[samples].astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64)
        while (end := (self._chunk + 1) * CHUNK) <= self._rows + batch.count:
            inside = int(rows.searchsorted(end))
            self._carried.append(pairs[:inside])
            rows, pairs = rows[inside:], pairs[inside:]
            self._flush_carried()
        self._carried.append(pairs)

    def _write_levels(self, batch: Batch) -> None:
        for place, codes in batch.levels():
            row = self._rows + place
            text = sparse.encode_codes(codes)
            self._db.execute("INSERT INTO levels VALUES (?, ?)", (row, text))
            for level in copy_number.levels_in(codes):
                self._levels.add(level)
                self._marks["levels", level].add(row)

    def _flush_carried(self) -> None:
        """One chunk of rows, turned from rows of people into people of rows."""
        pairs = np.sort(np.concatenate([np.zeros(0, np.uint64), *self._carried]))
        if not self._one_sample_each:
            pairs = pairs[np.diff(pairs, prepend=np.uint64(2**64 - 1)) > 0]
        people = (pairs >> np.uint64(32)).astype(np.int64)
        low = (pairs & np.uint64(CHUNK - 1)).astype(np.uint32)
        bounds = [*np.flatnonzero(np.diff(people, prepend=-1)).tolist(), len(pairs)]
        self._db.executemany(
            "INSERT INTO carried VALUES (?, ?)",
            (
                (self._chunk << 32 | int(people[first]), sparse.encode(low[first:last], CHUNK))
                for first, last in pairwise(bounds)
            ),
        )
        self._carried, self._chunk = [], self._chunk + 1

    # Sides

    def _write_marks(self, batch: Batch) -> None:
        for kind in ("type", "genes", "effects"):
            for name, places in batch.places(kind):
                if name != "SNP":  # what no other type has
                    self._marks[kind, _symbol(name)] |= sparse.bitmap(places + self._rows)
        spans = batch.end0 - batch.start0
        long = np.flatnonzero(spans > LONG_SPAN)
        if len(long):
            table = (batch.rank[long], batch.start0[long], batch.end0[long], long + self._rows)
            self._long.append(np.stack(table, axis=1).astype(np.int64))

    def _cores(self, batch: Batch) -> Iterator[tuple[object, ...]]:
        """Compared forms that looking at a position and the one before would not find."""
        for place, ref, alt in batch.sequences():
            chrom, start0 = (
                alleles.CHROMOSOMES[int(batch.rank[place]) - 1],
                int(batch.start0[place]),
            )
            stored = Allele(chrom, start0, ref, alt)
            core = alleles.trimmed(stored)
            if core.start0 - start0 > 1:
                rank, row = int(batch.rank[place]), self._rows + place
                yield rank, core.start0, core.ref, core.alt, row

    def _write_names(self, batch: Batch) -> None:
        numbers, places = batch.rs_numbers()
        if len(numbers):
            self.kinds.add(identifiers.Kind.RSID)
            self._db.executemany(
                "INSERT INTO staged_rsids VALUES (?, ?)",
                zip(numbers.tolist(), (places + self._rows).tolist(), strict=True),
            )
        for place, note in batch.notes():
            self._write_note(self._rows + place, note)

    def _write_note(self, row: int, note: Mapping[str, Any]) -> None:
        text = json.dumps(note, separators=(",", ":"))
        self._db.execute("INSERT INTO notes VALUES (?, ?)", (row, text))
        named = [*note.get("identifiers", ()), *note.get("transcript_hgvs", ())]
        named += note.get("protein_hgvs", ())
        for name in named:
            self.kinds.add(identifiers.kind(name))
            number = identifiers.rs_number(name)
            if number is not None:
                self._db.execute("INSERT INTO staged_rsids VALUES (?, ?)", (number, row))
            else:
                plain = identifiers.normal(name)
                self._db.execute("INSERT INTO staged_names VALUES (?, ?)", (plain, row))
        self._db.executemany(
            "INSERT INTO staged_changes VALUES (?, ?, ?)",
            (
                (change, _symbol(gene), row)
                for change, gene in zip(
                    note.get("aminoacid_changes", ()), note.get("changed_genes", ()), strict=True
                )
            ),
        )

    def _finish(self) -> None:
        for (kind, name), rows in self._marks.items():
            rows.run_optimize()
            self._db.execute("INSERT INTO marks VALUES (?, ?, ?)", (kind, name, rows.serialize()))
        long = np.concatenate(self._long) if self._long else np.zeros((0, 4), np.int64)
        arrays: Sequence[tuple[str, NDArray[Any]]] = (
            ("keys", np.array(self._keys, dtype=np.uint64)),
            ("firsts", np.array(self._firsts, dtype=np.uint32)),
            ("begins", np.array(self._begins, dtype=np.uint64)),
            ("long", long),
        )
        self._db.executemany(
            "INSERT INTO arrays VALUES (?, ?)", ((name, of.tobytes()) for name, of in arrays)
        )
        for statement in _ARRANGE:
            self._db.execute(statement)
        if self._reaches is not None:
            self._reaches.finish()
            self.kinds.add(identifiers.Kind.VRS)


def _symbol(name: str) -> str:
    return name.upper()
