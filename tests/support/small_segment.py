"""Segments written from rows on the spot, without files of variants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from beacon.catalog import DatasetFacts
from beacon.loading import parquet
from beacon.loading.parquet import Row
from beacon.segment.segment_file import SegmentWriter
from beacon.segments import SqliteSegment

_REST = dict.fromkeys(
    ("homozygotes", "hemizygotes", "reference_af", "samples", "genotypes", "identifiers",
     "annotations", "populations"),
)  # fmt: skip


def row(place: tuple[int, int, int], bases: tuple[str, str], kind: str, **rest: Any) -> Row:
    """`place` is (chromosome rank, start0, end0)."""
    stated = {"length": 1, "ac": 1, "an": 10, **_REST, **rest}
    return Row(*place, *bases, kind, **stated)


def segment_of(
    folder: Path,
    rows: Iterable[Row],
    *,
    people: Sequence[str] = (),
    persons: Sequence[int] | None = None,
    **facts: Any,
) -> SqliteSegment:
    """People are samples of the same name and number, but where `persons` has whose each is."""
    owners = range(len(people)) if persons is None else persons
    names = people if persons is None else [f"S{number}" for number in range(len(owners))]
    path = folder / "variants.parquet"
    written = parquet.write(rows, path, tell=lambda _rows: None)
    assert written.duplicates == ()
    with SegmentWriter(folder / "made.segment") as writer:
        writer.people(people)
        writer.samples(zip(range(len(names)), names, owners, strict=True))
        indexed = writer.variants(path, owners, tell=lambda _rows: None)
        stated = {
            "genotypes": bool(people),
            "identifiers": indexed.identifiers,
            "levels": indexed.levels,
            **facts,
        }
        known = DatasetFacts(
            *("d", "D", "1", "GRCh38", len(people), written.rows, indexed.chromosomes), **stated
        )
        writer.finish(known, {})
    return SqliteSegment(folder / "made.segment")
