"""Loads one dataset version into ClickHouse: from its canonical Parquet file, beside its segment.

The segment stays what holds people and records; what a reference said of each variant (how far it
can be moved) is taken from it, so that both engines agree. A version that was loaded to its end is
left alone; one that was not is made again.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from beacon.catalog import Allele, DatasetFacts
from beacon.clickhouse import conditions, schema
from beacon.clickhouse.engine import Engine
from beacon.errors import CatalogError
from beacon.loading import parquet
from beacon.variation import alleles, identifiers, naming, vrs
from schemas.sequences import refget_id

_KINDS = {
    "UInt8": pa.uint8(), "UInt16": pa.uint16(), "UInt32": pa.uint32(), "UInt64": pa.uint64(),
    "Int32": pa.int32(), "Float32": pa.float32(), "String": pa.string(),
}  # fmt: skip
_AS_IS = (
    "identifiers", "genes", "effects", "aminoacid_changes", "transcript_hgvs", "protein_hgvs",
    "changed_genes",
)  # fmt: skip


def load(
    engine: Engine,
    facts: DatasetFacts,
    *,
    segment: Path,
    variants: Path,
    tell: Callable[[int], None] = lambda _: None,
) -> str:
    """Returns the version's database. `segment` and `variants` (Parquet) are of one version."""
    name = schema.database(facts.id, facts.version)
    if is_loaded(engine, facts):
        return name
    if not _is_prepared(engine, name):
        engine.run(f"DROP DATABASE IF EXISTS {name}")
        for statement in schema.statements(name):
            engine.run(statement)
    with closing(sqlite3.connect(f"file:{quote(str(segment.absolute()))}?mode=ro", uri=True)) as db:
        carriers = 0
        for rows, table in _augmented(db, variants, facts):
            _insert(engine, f"{name}.variants", table)
            carriers += pc.sum(table["carriers"]).as_py() or 0
            tell(rows)
        _insert(engine, f"{name}.samples", _samples(db))
        _insert(engine, f"{name}.gene_spans", _spans(db))
    _expect(engine, f"SELECT count() FROM {name}.variants", facts.variants)
    engine.run(
        f"INSERT INTO {name}.carried SELECT arrayJoin(people) AS person, row FROM {name}.variants"
    )
    _expect(engine, f"SELECT count() FROM {name}.carried", carriers)
    engine.run(
        f"INSERT INTO {name}.loaded SELECT {{rows:UInt64}}",
        rows=facts.variants,
    )
    return name


def _expect(engine: Engine, counting: str, rows: int) -> None:
    """Fewer are there where another replica is asked that has not all of them yet, more where
    somebody else filled the same tables: neither is a version to its last row."""
    ((held,),) = engine.ask(counting)
    if int(held) != rows:
        raise CatalogError(
            "the engine does not hold what was loaded; publish again", detail=counting
        )


def is_loaded(engine: Engine, facts: DatasetFacts) -> bool:
    """Whether this version is there to its last row."""
    name = schema.database(facts.id, facts.version)
    sql = "SELECT 1 FROM system.tables WHERE database = {name:String} AND name = 'loaded'"
    if not engine.ask(sql, name=name):
        return False
    counts = engine.ask(f"SELECT rows FROM {name}.loaded")
    return [int(rows) for (rows,) in counts] == [facts.variants]


def _is_prepared(engine: Engine, name: str) -> bool:
    """Whether somebody made the tables (on a cluster: docs/scale.md), all of them still empty."""
    tables = engine.ask("SELECT name FROM system.tables WHERE database = {name:String}", name=name)
    made = {table for (table,) in tables}
    return made >= schema.TABLES and all(
        int(engine.ask(f"SELECT count() FROM {name}.{table}")[0][0]) == 0
        for table in sorted(schema.TABLES)
    )


def _insert(engine: Engine, table: str, rows: pa.Table) -> None:
    if not len(rows):
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(rows, file.name, compression="zstd", compression_level=1)
        engine.insert(table, Path(file.name))


def _augmented(
    db: sqlite3.Connection, variants: Path, facts: DatasetFacts
) -> Iterator[tuple[int, pa.Table]]:
    """(rows so far, the columns of `schema.VARIANTS`)."""
    persons = np.array(
        [person for (person,) in db.execute("SELECT person FROM samples ORDER BY number")],
        dtype=np.uint32,
    )
    first = 0
    for table in parquet.read(variants):
        columns = {name: table[name].to_pylist() for name in table.column_names}
        columns["row"] = list(range(first, first + len(table)))
        reaches = _reaches(db, first, len(table)) if facts.justified else {}
        _add_cores(columns, reaches, facts)
        _add_names(columns)
        _add_people(columns, persons)
        columns["populations"] = [_populations(each) for each in columns["populations"]]
        for name in _AS_IS:
            columns[name] = [each or [] for each in columns[name]]
        first += len(table)
        yield (
            first,
            pa.table(
                {name: pa.array(columns[name], type=_type(kind)) for name, kind in schema.VARIANTS}
            ),
        )


def _type(kind: str) -> pa.DataType:
    inner = kind.replace("LowCardinality(", "").replace("Nullable(", "").rstrip(")")
    if inner.startswith("Array("):
        return pa.list_(_KINDS[inner.removeprefix("Array(")])
    return _KINDS[inner]


def _reaches(db: sqlite3.Connection, first: int, count: int) -> dict[int, tuple[int, int]]:
    sql = "SELECT row, back, ahead FROM reaches WHERE row >= ? AND row < ?"
    return {row: (back, ahead) for row, back, ahead in db.execute(sql, (first, first + count))}


def _add_cores(
    columns: dict[str, list[Any]], reaches: dict[int, tuple[int, int]], facts: DatasetFacts
) -> None:
    added: dict[str, list[Any]] = {
        name: []
        for name in ("core_start0", "core_ref", "core_alt", "reach_left", "reach_right", "vrs")
    }
    places = (columns[name] for name in ("row", "rank", "start0", "ref", "alt"))
    for row, rank, start0, ref, alt in zip(*places, strict=True):
        allele = Allele(alleles.CHROMOSOMES[rank - 1], start0, ref, alt)
        core, reach = alleles.trimmed(allele), reaches.get(row, (0, 0))
        added["core_start0"].append(core.start0)
        added["core_ref"].append(core.ref)
        added["core_alt"].append(core.alt)
        added["reach_left"].append(reach[0])
        added["reach_right"].append(reach[1])
        added["vrs"].append(_vrs(allele, reach, facts) if facts.justified else 0)
    columns |= added


def _vrs(allele: Allele, reach: tuple[int, int], facts: DatasetFacts) -> int:
    change = naming.certain(allele, reach)
    if change is None:
        return 0
    digest = vrs.allele_digest(refget_id(facts.assembly, allele.chrom), change)
    return conditions.vrs_key(digest) if digest is not None else 0


def _add_names(columns: dict[str, list[Any]]) -> None:
    columns["symbols"] = [[gene.upper() for gene in each or ()] for each in columns["genes"]]
    lists = zip(
        *(columns[name] for name in ("identifiers", "transcript_hgvs", "protein_hgvs")),
        strict=True,
    )
    columns["names"] = [
        [_name(name) for group in groups for name in group or ()] for groups in lists
    ]


def _name(name: str) -> str:
    number = identifiers.rs_number(name)
    return f"rs{number}" if number is not None else identifiers.normal(name)


def _add_people(columns: dict[str, list[Any]], persons: Any) -> None:
    people: list[list[int]] = []
    carriers: list[int | None] = []
    for samples in columns["samples"]:
        found = np.unique(persons[samples]).tolist() if samples else []
        people.append(found)
        carriers.append(len(found) if samples is not None else None)
    columns["people"], columns["carriers"] = people, carriers
    for name in ("samples", "genotypes"):
        columns[name] = [each or [] for each in columns[name]]
    columns["levels"] = [
        each or [0] * len(carried)  # an array beside another is as long
        for each, carried in zip(columns["levels"], columns["samples"], strict=True)
    ]


def _populations(each: list[dict[str, Any]] | None) -> str:
    return json.dumps([list(one.values()) for one in each or ()], separators=(",", ":"))


def _samples(db: sqlite3.Connection) -> pa.Table:
    rows = db.execute("SELECT number, id, person FROM samples ORDER BY number").fetchall()
    numbers, ids, persons = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "number": pa.array(numbers, pa.uint32()),
            "id": pa.array(ids, pa.string()),
            "person": pa.array(persons, pa.uint32()),
        }
    )


def _spans(db: sqlite3.Connection) -> pa.Table:
    rows = db.execute("SELECT symbol, chrom, start0, end0 FROM gene_spans").fetchall()
    symbols, ranks, starts, ends = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "symbol": pa.array(symbols, pa.string()),
            "rank": pa.array(ranks, pa.uint8()),
            "start0": pa.array(starts, pa.int32()),
            "end0": pa.array(ends, pa.int32()),
        }
    )
