"""The file of one dataset version: its tables, and how they are written.

One SQLite file, alleles clustered on (chromosome, start, REF, ALT), carriers and terms as
roaring bitmaps over person numbers. It is written under a temporary name and never changed after;
the design's canonical sorted Parquet between source and segment is not built in this version.
Reading is left to `beacon.segments`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pyroaring import BitMap

from beacon import alleles, record_file
from beacon.catalog import Allele, DatasetFacts
from beacon.ontology import Hierarchy

FORMAT = 2
LONG_SPAN = 1000  # alleles this long have their own index, so a range looks back only this far
_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE people (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE samples (number INTEGER PRIMARY KEY, id TEXT NOT NULL, person INTEGER NOT NULL);
CREATE TABLE variants (
  chrom INTEGER NOT NULL, start0 INTEGER NOT NULL, ref TEXT NOT NULL, alt TEXT NOT NULL,
  end0 INTEGER NOT NULL, row INTEGER NOT NULL, variant_id TEXT NOT NULL, type TEXT NOT NULL,
  length INTEGER NOT NULL, core_start0 INTEGER NOT NULL, core_ref TEXT NOT NULL,
  core_alt TEXT NOT NULL, ac INTEGER NOT NULL, an INTEGER NOT NULL, carriers INTEGER NOT NULL,
  reference_af REAL, identifiers TEXT NOT NULL,
  PRIMARY KEY (chrom, start0, ref, alt, end0)
) WITHOUT ROWID;
CREATE TABLE carriers (row INTEGER PRIMARY KEY, people BLOB NOT NULL);
CREATE TABLE genotypes (
  row INTEGER NOT NULL, genotype TEXT NOT NULL, samples BLOB NOT NULL, PRIMARY KEY (row, genotype)
) WITHOUT ROWID;
CREATE TEMP TABLE staged (
  sid INTEGER PRIMARY KEY, chrom, start0, ref, alt, end0, variant_id, type, length, core_start0,
  core_ref, core_alt, ac, an, carriers, reference_af, identifiers, people
);
CREATE TEMP TABLE staged_genotypes (sid INTEGER, genotype TEXT, samples BLOB);
"""
# Row numbers are dense in the order of the key, so a page of variants is a range of rows.
_ARRANGE = """
CREATE TEMP TABLE ranked AS SELECT sid,
  row_number() OVER (ORDER BY chrom, start0, ref, alt, end0) - 1 AS row FROM staged;
CREATE UNIQUE INDEX temp.ranked_sid ON ranked (sid);
INSERT INTO variants SELECT chrom, start0, ref, alt, end0, row, variant_id, type, length,
  core_start0, core_ref, core_alt, ac, an, carriers, reference_af, identifiers
  FROM staged JOIN ranked USING (sid) ORDER BY row;
INSERT INTO carriers SELECT row, people FROM staged JOIN ranked USING (sid) ORDER BY row;
INSERT INTO genotypes SELECT row, genotype, samples
  FROM staged_genotypes JOIN ranked USING (sid) ORDER BY row, genotype;
CREATE UNIQUE INDEX variants_row ON variants (row);
CREATE UNIQUE INDEX variants_id ON variants (variant_id);
CREATE INDEX variants_core ON variants (chrom, core_start0, core_ref, core_alt);
CREATE INDEX variants_long ON variants (chrom, start0) WHERE end0 - start0 > 1000;
"""
_DUPLICATES = """
SELECT chrom, start0 FROM staged GROUP BY chrom, start0, ref, alt, end0 HAVING count(*) > 1 LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class StoredAllele:
    """An allele of this dataset with its carriers, ready to be written."""

    allele: Allele
    end0: int
    variant_type: str
    variant_id: str
    allele_count: int
    allele_number: int
    carriers: BitMap
    reference_af: float | None
    identifiers: tuple[str, ...]
    genotypes: Mapping[str, BitMap]


class SegmentWriter:
    """Writes one segment; leaving the block without `finish` leaves only a temporary file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(mode=0o600, exist_ok=False)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLES + record_file.TABLES)
        self._db.execute("BEGIN")
        self._staged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def people(self, ids: Sequence[str]) -> None:
        self._db.executemany("INSERT INTO people VALUES (?, ?)", enumerate(ids))

    def samples(self, rows: Iterable[tuple[int, str, int]]) -> None:
        self._db.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)

    def allele(self, stored: StoredAllele) -> None:
        self._staged += 1
        allele, core = stored.allele, alleles.trimmed(stored.allele)
        values = (
            *(self._staged, alleles.RANKS[allele.chrom], allele.start0, allele.ref, allele.alt),
            *(stored.end0, stored.variant_id, stored.variant_type),
            *(alleles.changed_length(allele, stored.end0), core.start0, core.ref, core.alt),
            *(stored.allele_count, stored.allele_number, len(stored.carriers)),
            *(stored.reference_af, "\n".join(stored.identifiers), stored.carriers.serialize()),
        )
        self._db.execute(f"INSERT INTO staged VALUES ({','.join('?' * len(values))})", values)  # noqa: S608 (only question marks)
        self._db.executemany(
            "INSERT INTO staged_genotypes VALUES (?, ?, ?)",
            ((self._staged, text, who.serialize()) for text, who in stored.genotypes.items()),
        )

    def duplicates(self) -> Sequence[tuple[str, int]]:
        """(chromosome, start0) of alleles that came more than once."""
        rows = self._db.execute(_DUPLICATES)
        return [(alleles.CHROMOSOMES[rank - 1], start0) for rank, start0 in rows]

    def records(self, entity: str, rows: record_file.Rows, hierarchy: Hierarchy) -> int:
        """Records in their order, and what filters can ask of them; how many they are."""
        return record_file.write(self._db, entity, rows, hierarchy)

    def dataset(self, record: Mapping[str, object], hierarchy: Hierarchy) -> None:
        record_file.write_dataset(self._db, record, hierarchy)

    def arrange(self) -> tuple[int, tuple[str, ...]]:
        """Sorts the alleles into place; answers how many there are and on which chromosomes."""
        self._db.execute("COMMIT")
        self._db.executescript(_ARRANGE)
        ranks = self._db.execute("SELECT DISTINCT chrom FROM variants ORDER BY chrom").fetchall()
        return self._staged, tuple(alleles.CHROMOSOMES[rank - 1] for (rank,) in ranks)

    def finish(self, facts: DatasetFacts, skipped: Mapping[str, int]) -> None:
        """Writes the facts last, verifies the file and makes it durable."""
        stated = {name: getattr(facts, name) for name in facts.__slots__}
        stated |= {"chromosomes": list(facts.chromosomes), "metadata": dict(facts.metadata)}
        rows = (("format", FORMAT), ("facts", stated), ("skipped", dict(skipped)))
        self._db.executemany(
            "INSERT INTO facts VALUES (?, ?)", ((name, json.dumps(value)) for name, value in rows)
        )
        self._db.execute("ANALYZE")
        (stored,) = self._db.execute("SELECT count(*) FROM variants").fetchone()
        (verdict,) = self._db.execute("PRAGMA integrity_check").fetchone()
        if (stored, verdict) != (facts.variants, "ok"):
            raise sqlite3.DatabaseError("the written segment does not verify")
        self._db.close()
        with self._path.open("rb") as written:
            os.fsync(written.fileno())
