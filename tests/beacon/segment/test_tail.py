"""Columns behind the pages of a segment are part of the one file, and whole or refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from beacon.catalog import Allele
from beacon.errors import CatalogError
from beacon.segment.tail import Tail, TailWriter
from beacon.segments import SqliteSegment
from tests.support.small_segment import row, segment_of

ASKED = Allele("1", 100, "A", "G")


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[SqliteSegment]:
    made = segment_of(tmp_path, [row((1, 100, 101), ("A", "G"), "SNP")])
    yield made
    made.close()


def count(segment: SqliteSegment) -> int:
    return segment.variants(ASKED, samples=None, skip=0, limit=0).total


def test_the_database_is_whole_with_the_columns_behind_it(
    segment: SqliteSegment, tmp_path: Path
) -> None:
    """SQLite counts its pages by its own header (file format, 1.3.7)."""
    path = tmp_path / "made.segment"
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as db:
        (pages,), (size,) = (
            db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
        )
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert path.stat().st_size > pages * size
    assert count(segment) == 1


def test_a_segment_whose_columns_are_cut_short_is_refused_and_not_no(
    segment: SqliteSegment, tmp_path: Path
) -> None:
    path = tmp_path / "made.segment"
    cut = tmp_path / "cut.segment"
    cut.write_bytes(path.read_bytes()[:-1])
    damaged = SqliteSegment(cut)
    with pytest.raises(CatalogError, match="cannot be read"):
        count(damaged)
    damaged.close()


def test_a_segment_without_variants_has_no_columns_and_answers_no(tmp_path: Path) -> None:
    empty = segment_of(tmp_path, [])
    assert count(empty) == 0
    empty.close()


def test_what_was_collected_is_read_back_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"pages")
    collected = TailWriter(tmp_path)
    collected.add(b"first")
    collected.add(b"second")
    collected.append_to(path)
    collected.close()
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    tail = Tail(path, begin=5)
    assert tail.read(0, 5) == b"first"
    assert tail.read(5, collected.size) == b"second"
    with pytest.raises(CatalogError, match="cannot be read"):
        tail.read(5, collected.size + 1)
    tail.close()
