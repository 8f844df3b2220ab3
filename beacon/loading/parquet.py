"""The canonical form of a dataset's variants: one sorted Parquet file, written in bounded memory.

Rows are in the order (chromosome, start, REF, ALT, end), whatever the order of the sources: sorted
runs are spilled and merged. Segments and other engines are made from this file. The only importer
of pyarrow; reading sources is left to `beacon.loading.variant_files`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from beacon.catalog import Annotations, PopulationCount
from beacon.variation import alleles

BATCH_ROWS = 16_384
BATCH_CALLS = 8_000_000
MAX_OPEN_RUNS = 32
MAX_DUPLICATES = 20
_ORDER = [(name, "ascending") for name in ("rank", "start0", "ref", "alt", "end0")]
_NAMES = pa.list_(pa.string())
_SITE = [
    ("rank", pa.uint8()), ("start0", pa.int32()), ("end0", pa.int32()), ("ref", pa.string()),
    ("alt", pa.string()), ("type", pa.string()), ("length", pa.int32()), ("ac", pa.int32()),
    ("an", pa.int32()), ("homozygotes", pa.int32()), ("hemizygotes", pa.int32()),
    ("reference_af", pa.float32()), ("samples", pa.list_(pa.uint32())),
    ("genotypes", pa.list_(pa.uint16())), ("identifiers", _NAMES), ("genes", _NAMES),
    ("effects", _NAMES), ("aminoacid_changes", _NAMES), ("transcript_hgvs", _NAMES),
    ("protein_hgvs", _NAMES), ("changed_genes", _NAMES), ("populations", pa.list_(pa.struct([
        ("population", pa.string()), ("ac", pa.int32()), ("an", pa.int32()), ("af", pa.float32()),
    ]))), ("levels", pa.list_(pa.uint8())),
]  # fmt: skip
SCHEMA = pa.schema(_SITE)
_OPTIONS: dict[str, Any] = {"compression": "zstd", "compression_level": 1}


class Row(NamedTuple):
    """One ALT allele as it comes from a source; columns as in the file, None where not said."""

    rank: int  # of the chromosome, from 1
    start0: int
    end0: int
    ref: str
    alt: str
    type: str
    length: int
    ac: int
    an: int
    homozygotes: int | None
    hemizygotes: int | None
    reference_af: float | None
    samples: NDArray[np.uint32] | None  # numbers of the carrying samples, ascending
    genotypes: NDArray[np.uint16] | None  # their codes, see `beacon.loading.genotypes`
    identifiers: Sequence[str] | None
    annotations: Annotations | None
    populations: Sequence[PopulationCount] | None
    levels: NDArray[np.uint8] | None = None  # of the samples, see `beacon.copy_number`


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows the file has, and the first places where an allele came twice."""

    rows: int
    duplicates: tuple[tuple[str, int], ...]


def write(rows: Iterable[Row], path: Path, *, tell: Callable[[int], None]) -> Written:
    """Writes the sorted file; `tell` hears the number of rows read so far."""
    runs: list[Path] = []
    try:
        with _no_collector():
            total = _spill(rows, path, runs, tell=tell)
        if len(runs) > 1:
            return Written(total, _joined(runs, path))
        repeated = _Repeated()
        for batch in _batches(runs[0], ["rank", "start0", "ref", "alt", "end0"]):
            repeated.look(batch)
        runs.pop().replace(path)
        _sync(path)
        return Written(total, tuple(repeated.found))
    finally:
        for run in runs:
            run.unlink(missing_ok=True)


def merge(files: Sequence[Path], path: Path) -> Written:
    """Writes one sorted file of several, which stay; none makes an empty one."""
    made: list[Path] = []
    try:
        repeated = _joined(list(files), path, made=made)
    finally:
        for run in made:
            run.unlink(missing_ok=True)
    with pq.ParquetFile(path) as whole:
        return Written(whole.metadata.num_rows, repeated)


def _joined(
    runs: list[Path], path: Path, *, made: list[Path] | None = None
) -> tuple[tuple[str, int], ...]:
    """Merges runs into `path`, some at a time where there are many, and says what came twice.
    What is made between is named in `made`, or among `runs`, for the caller to remove."""
    waiting, between = list(runs), runs if made is None else made
    while len(waiting) > MAX_OPEN_RUNS:
        first, waiting = waiting[:MAX_OPEN_RUNS], waiting[MAX_OPEN_RUNS:]
        merged = _run_path(path, f"m{len(waiting)}")
        between.append(merged)
        _write_all(merged, _merged(first))
        for run in first:
            if run in between:
                run.unlink()
        waiting.append(merged)
    repeated = _Repeated()
    _write_all(path, _watched(_merged(waiting), repeated))
    _sync(path)
    return tuple(repeated.found)


def _sync(path: Path) -> None:
    with path.open("rb") as whole:
        os.fsync(whole.fileno())


def read(path: Path) -> Iterator[pa.Table]:
    """The rows in order, in tables of at most `BATCH_ROWS`."""
    yield from _batches(path, None)


# Sorted runs


@contextmanager
def _no_collector() -> Iterator[None]:
    """Rows make no cycles; walking millions of them to find none would cost a tenth of a load."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _spill(
    rows: Iterable[Row], path: Path, runs: list[Path], *, tell: Callable[[int], None]
) -> int:
    """Writes rows as sorted runs; a batch that continues the one before goes to the same run."""
    writer: pq.ParquetWriter | None = None
    last, total = -1, 0
    try:
        for batch in _collected(rows):
            table = _sorted(_table(batch))
            keys = _keys(table)
            if writer is None or keys[0] <= last:
                if writer is not None:
                    writer.close()
                runs.append(_run_path(path, str(len(runs))))
                writer = _writer(runs[-1])
            writer.write_table(table)
            last, total = int(keys[-1]), total + len(table)
            tell(total)
        if writer is None:
            runs.append(_run_path(path, "0"))
            writer = _writer(runs[-1])
    finally:
        if writer is not None:
            writer.close()
    return total


def _collected(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Batches that end where a position ends, so sorting one orders all alleles of a place."""
    batch: list[Row] = []
    calls = 0
    for row in rows:
        if (len(batch) >= BATCH_ROWS or calls >= BATCH_CALLS) and batch[-1][:2] != row[:2]:
            yield batch
            batch, calls = [], 0
        batch.append(row)
        if row.samples is not None:
            calls += len(row.samples)
    if batch:
        yield batch


def _table(batch: list[Row]) -> pa.Table:
    columns = dict(zip(Row._fields, zip(*batch, strict=True), strict=True))
    notes = columns.pop("annotations")
    arrays = []
    for name in SCHEMA.names:
        kind = SCHEMA.field(name).type
        values: Sequence[Any] = columns.get(name) or [
            getattr(note, name) or None if note else None for note in notes
        ]
        if name in ("samples", "genotypes") and values[0] is not None:
            arrays.append(_lists(values, kind))
        elif name == "levels":  # arrays, which have no equality to count by
            arrays.append(pa.array(values, type=kind))
        elif values.count(None) == len(values):
            arrays.append(pa.nulls(len(values), kind))
        elif name == "populations":
            arrays.append(_populations(values, kind))
        else:
            arrays.append(pa.array(values, type=kind))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _lists(values: Sequence[NDArray[Any]], kind: pa.DataType) -> pa.Array:
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(values)), type=kind)


def _populations(values: Sequence[Sequence[PopulationCount] | None], kind: pa.DataType) -> pa.Array:
    ends = np.cumsum([0, *(len(each or ()) for each in values)], dtype=np.int32)
    counts = [one for each in values if each for one in each]
    fields = (
        [one.population for one in counts], [one.allele_count for one in counts],
        [one.allele_number for one in counts], [one.frequency for one in counts],
    )  # fmt: skip
    inner = kind.value_type
    arrays = [pa.array(of, type=inner.field(place).type) for place, of in enumerate(fields)]
    structs = pa.StructArray.from_arrays(arrays, fields=list(inner))
    return pa.ListArray.from_arrays(pa.array(ends), structs, type=kind)


def _keys(table: pa.Table) -> NDArray[np.int64]:
    rank: NDArray[np.int64] = table["rank"].to_numpy().astype(np.int64)
    keys: NDArray[np.int64] = rank << 32 | table["start0"].to_numpy().astype(np.int64)
    return keys


def _sorted(table: pa.Table) -> pa.Table:
    if (np.diff(_keys(table)) > 0).all():
        return table
    return table.take(pc.sort_indices(table, sort_keys=_ORDER))


# Merging


class _Cursor:
    """A sorted run, read as far as merging needs."""

    def __init__(self, run: Path) -> None:
        self._batches = _batches(run, None)
        self._table = SCHEMA.empty_table()
        self._keys = np.zeros(0, dtype=np.int64)
        self.ended = False
        self.extend()

    @property
    def empty(self) -> bool:
        return self.ended and not len(self._keys)

    @property
    def last(self) -> int:
        """The key of the last row read and not yet taken."""
        return int(self._keys[-1]) if len(self._keys) else -1

    def extend(self) -> None:
        batch = next(self._batches, None)
        if batch is None:
            self.ended = True
            return
        self._table = pa.concat_tables([self._table, batch])
        self._keys = np.concatenate([self._keys, _keys(batch)])

    def before(self, key: int) -> pa.Table:
        """Takes out the rows that come before `key`."""
        count = int(self._keys.searchsorted(key))
        taken, self._table = self._table[:count], self._table[count:]
        self._keys = self._keys[count:]
        return taken


def _merged(runs: Sequence[Path]) -> Iterator[pa.Table]:
    cursors = [_Cursor(run) for run in runs]
    while cursors := [cursor for cursor in cursors if not cursor.empty]:
        # What comes after the last row read of any unfinished run may still be overtaken.
        cut = min((c.last for c in cursors if not c.ended), default=2**62)
        parts = [cursor.before(cut) for cursor in cursors]
        table = pa.concat_tables(parts)
        if len(table):
            yield _sorted(table.combine_chunks())
        for cursor in cursors:
            if not cursor.ended and cursor.last <= cut:
                cursor.extend()


def _watched(tables: Iterator[pa.Table], repeated: _Repeated) -> Iterator[pa.Table]:
    for table in tables:
        repeated.look(table)
        yield table


class _Repeated:
    """Finds alleles that come twice in tables that end where a position ends."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int]] = []

    def look(self, table: pa.Table) -> None:
        keys = _keys(table)
        for place in np.flatnonzero(keys[1:] == keys[:-1]).tolist():
            if len(self.found) >= MAX_DUPLICATES:
                return
            one, two = (
                tuple(table[name][at].as_py() for name in ("ref", "alt", "end0"))
                for at in (place, place + 1)
            )
            if one == two:
                rank, start0 = keys[place] >> 32, keys[place] & 0xFFFFFFFF
                self.found.append((alleles.CHROMOSOMES[int(rank) - 1], int(start0)))


# Files


def _batches(path: Path, columns: list[str] | None) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=columns)


def _write_all(path: Path, tables: Iterator[pa.Table]) -> None:
    with _writer(path) as writer:
        for table in tables:
            writer.write_table(table)


def _writer(path: Path) -> pq.ParquetWriter:
    path.touch(mode=0o600, exist_ok=False)
    return pq.ParquetWriter(path, SCHEMA, **_OPTIONS)


def _run_path(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.run-{name}.tmp")
