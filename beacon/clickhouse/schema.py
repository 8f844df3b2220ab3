"""The tables of one dataset version in ClickHouse: one database, named by its digest.

`variants` is the canonical Parquet file with what questions look up beside it: the trimmed form,
how far a change can be moved, names in one spelling. `carried` turns it round, person first. What
a cluster needs besides is in docs/scale.md.
"""

from __future__ import annotations

import hashlib

# Column, ClickHouse type: in the order of the file that `loading` writes.
VARIANTS = (
    ("row", "UInt32"), ("rank", "UInt8"), ("start0", "Int32"), ("end0", "Int32"),
    ("ref", "String"), ("alt", "String"), ("type", "LowCardinality(String)"),
    ("length", "Int32"), ("ac", "Int32"), ("an", "Int32"), ("carriers", "Nullable(Int32)"),
    ("homozygotes", "Nullable(Int32)"), ("hemizygotes", "Nullable(Int32)"),
    ("reference_af", "Nullable(Float32)"), ("identifiers", "Array(String)"),
    ("genes", "Array(LowCardinality(String))"), ("effects", "Array(LowCardinality(String))"),
    ("aminoacid_changes", "Array(String)"), ("transcript_hgvs", "Array(String)"),
    ("protein_hgvs", "Array(String)"), ("changed_genes", "Array(LowCardinality(String))"),
    ("populations", "String"),
    ("core_start0", "Int32"), ("core_ref", "String"), ("core_alt", "String"),
    ("reach_left", "Int32"), ("reach_right", "Int32"), ("vrs", "UInt64"),
    ("symbols", "Array(LowCardinality(String))"), ("names", "Array(String)"),
    ("samples", "Array(UInt32)"), ("genotypes", "Array(UInt16)"), ("levels", "Array(UInt8)"),
    ("people", "Array(UInt32)"),
)  # fmt: skip
_INDEXES = (
    "INDEX by_end (rank, end0) TYPE minmax GRANULARITY 1",
    "INDEX by_core (rank, core_start0) TYPE minmax GRANULARITY 1",
    "INDEX by_name names TYPE bloom_filter(0.001) GRANULARITY 4",
    "INDEX by_symbol symbols TYPE bloom_filter(0.01) GRANULARITY 4",
    "INDEX by_vrs vrs TYPE bloom_filter(0.001) GRANULARITY 4",
    "INDEX by_row row TYPE minmax GRANULARITY 1",
)
FORMAT = 4  # of these tables
_ORDER = "(rank, start0, ref, alt, end0)"
# A range is mostly one shard's.
_SHARD_BY = {"variants": "intDiv(start0, 5000000) * 32 + rank", "carried": "person"}
TABLES = frozenset({"variants", "carried", "samples", "gene_spans", "loaded"})


def database(dataset: str, version: str) -> str:
    """The name of a version's database: letters and digits, whatever its dataset is called."""
    return "v" + hashlib.sha256(f"{dataset}\0{version}\0{FORMAT}".encode()).hexdigest()[:32]


def statements(name: str) -> tuple[str, ...]:
    """Makes the tables of one version on one server; `name` comes from `database`."""
    return (
        f"CREATE DATABASE {name}",
        *(
            f"CREATE TABLE {name}.{table} ({columns}) ENGINE = MergeTree {rest}"
            for table, columns, rest in _tables()
        ),
    )


def clustered(name: str, cluster: str) -> tuple[str, ...]:
    """Makes them on a cluster of replicated shards, whose servers name themselves by the macros
    `shard` and `replica`. Variants lie by place and carriers by person; what is small is whole on
    every server."""
    made = [f"CREATE DATABASE {name} ON CLUSTER {cluster}"]
    for table, columns, rest in _tables():
        sharded = table in _SHARD_BY
        local = f"{table}_local" if sharded else table
        # One path for all shards makes every server a replica of the others.
        path, replica = ("{shard}", "{replica}") if sharded else ("all", "{shard}-{replica}")
        made.append(
            f"CREATE TABLE {name}.{local} ON CLUSTER {cluster} ({columns}) ENGINE = "
            f"ReplicatedMergeTree('/clickhouse/tables/{path}/{name}/{table}', '{replica}') {rest}"
        )
        if sharded:
            made.append(
                f"CREATE TABLE {name}.{table} ON CLUSTER {cluster} AS {name}.{local} ENGINE = "
                f"Distributed({cluster}, '{name}', '{local}', {_SHARD_BY[table]})"
            )
    return tuple(made)


def _tables() -> tuple[tuple[str, str, str], ...]:
    """(name, columns, order and settings)."""
    columns = ", ".join(f"{column} {kind}" for column, kind in VARIANTS)
    return (
        ("variants", f"{columns}, {', '.join(_INDEXES)}",
         f"ORDER BY {_ORDER} SETTINGS index_granularity = 512"),
        ("carried", "person UInt32, row UInt32", "ORDER BY (person, row)"),
        ("samples", "number UInt32, id String, person UInt32", "ORDER BY number"),
        ("gene_spans", "symbol String, rank UInt8, start0 Int32, end0 Int32", "ORDER BY symbol"),
        # Written last: a version without it was not loaded to its end.
        ("loaded", "rows UInt64", "ORDER BY rows"),
    )  # fmt: skip
