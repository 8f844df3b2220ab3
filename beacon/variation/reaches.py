"""What a reference adds to a segment: how far its insertions and deletions move, and VRS ids.

Written once while the sorted variants pass by, so questions need no reference: a row that can be
written at several places is found at each of them (GA4GH VRS 1.3, fully-justified alleles). The
first bytes of a VRS digest find its row; the whole identifier is compared after.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from beacon.catalog import Allele
from beacon.variation import naming, vrs
from beacon.variation.justify import Justified, justified
from beacon.variation.reference import Reference, Windowed
from schemas.sequences import RANKS, refget_id

MAX_MISMATCHES = 20
_SINGLE = frozenset("ACGT")
TABLES = """
CREATE TABLE reaches (
  row INTEGER PRIMARY KEY, chrom INTEGER NOT NULL, first INTEGER NOT NULL, back INTEGER NOT NULL,
  ahead INTEGER NOT NULL
);
CREATE TABLE longest_reach (places INTEGER NOT NULL);
CREATE TABLE vrs (digest INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (digest, row))
  WITHOUT ROWID;
CREATE TEMP TABLE staged_vrs (digest INTEGER, row INTEGER);
"""
_ARRANGE = (
    "INSERT INTO longest_reach SELECT max(back + ahead) FROM reaches HAVING count(*) > 0",
    "CREATE INDEX reaches_first ON reaches (chrom, first, back, ahead)",
    "INSERT INTO vrs SELECT DISTINCT digest, row FROM staged_vrs ORDER BY 1, 2",
)

Ask = Callable[..., list[Any]]


class RefCheck:
    """Compares REF with a reference; `places` are the first where it is not what stands there."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self.places: list[tuple[str, int]] = []

    def look(self, chrom: str, start0: int, ref: str) -> None:
        """A base the reference does not know fits every base."""
        there = self._reference.bases(chrom, start0, start0 + len(ref))
        if there == ref or len(self.places) >= MAX_MISMATCHES:
            return
        fits = len(there) == len(ref) and all(
            one == other or one not in "ACGT" or other == "N"
            for one, other in zip(there, ref, strict=True)
        )
        if not fits:
            self.places.append((chrom, start0))


class ReachWriter:
    """Rows in their order, each compared with the reference."""

    def __init__(self, db: sqlite3.Connection, reference: Reference, *, assembly: str) -> None:
        self._db, self._reference, self._assembly = db, Windowed(reference), assembly
        self.checked = RefCheck(self._reference)

    def write(self, first: int, stored: Iterator[Allele]) -> None:
        """`first` is the number of the first row."""
        reaches: list[tuple[int, ...]] = []
        digests: list[tuple[int, int]] = []
        for row, allele in enumerate(stored, start=first):
            self.checked.look(allele.chrom, allele.start0, allele.ref)
            single = allele.ref in _SINGLE and allele.alt in _SINGLE
            change = Justified(allele) if single else justified(allele, self._reference)
            if change.ambiguous:
                core = change.core
                place = (RANKS[core.chrom], core.start0 - change.left)
                reaches.append((row, *place, change.left, change.right))
            if single or naming.certain(allele, (change.left, change.right)) is not None:
                digest = vrs.allele_digest(refget_id(self._assembly, allele.chrom), change)
                if digest is not None:
                    digests.append((_number(digest), row))
        self._db.executemany("INSERT INTO reaches VALUES (?, ?, ?, ?, ?)", reaches)
        self._db.executemany("INSERT INTO staged_vrs VALUES (?, ?)", digests)

    def finish(self) -> None:
        for statement in _ARRANGE:
            self._db.execute(statement)


class Reaches:
    """`ask` runs one statement."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        found = ask("SELECT places FROM longest_reach")
        self._longest = int(found[0][0]) if found else 0

    def near(self, chrom: str, start0: int) -> Iterator[tuple[int, int, int]]:
        """(row, places to the left, places to the right) of the rows that may be written here."""
        if not self._longest:
            return
        sql = (
            "SELECT row, back, ahead FROM reaches "
            "WHERE chrom = ? AND first >= ? AND first <= ? AND first + back + ahead >= ?"
        )
        yield from self._ask(sql, RANKS[chrom], start0 - self._longest, start0, start0)

    def of(self, row: int) -> tuple[int, int]:
        found = self._ask("SELECT back, ahead FROM reaches WHERE row = ?", row)
        return found[0] if found else (0, 0)

    def with_vrs_id(self, name: str) -> list[int]:
        """Rows whose VRS id begins as this one does."""
        return [
            row
            for (row,) in self._ask(
                "SELECT row FROM vrs WHERE digest = ?", _number(vrs.digest_of(name))
            )
        ]


def _number(digest: bytes) -> int:
    """The first six bytes: SQLite holds such numbers in as many."""
    return int.from_bytes(digest[:6], "big")
