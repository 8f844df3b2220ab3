from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from beacon.catalog import Annotations, PopulationCount
from beacon.loading import parquet
from beacon.loading.parquet import Row
from tests.support.small_segment import row


def stored(path: Path) -> list[tuple[object, ...]]:
    names = ["rank", "start0", "ref", "alt", "end0", "ac"]
    return [
        tuple(one[name] for name in names)
        for table in parquet.read(path)
        for one in table.select(names).to_pylist()
    ]


def scattered(count: int) -> Iterator[Row]:
    chance = random.Random(5)  # noqa: S311 (seeded, so a failure repeats)
    for number in range(count):
        start0 = chance.randrange(count * 2)
        alt = "".join(chance.choices("ACGT", k=8))
        yield row((chance.randrange(1, 26), start0, start0 + 1), ("A", alt), "INS", ac=number)


def key(one: Row) -> tuple[object, ...]:
    return (one.rank, one.start0, one.ref, one.alt, one.end0, one.ac)


def quiet(_rows: int) -> None:
    pass


@pytest.mark.parametrize("batch", [7, 64, 100_000])
def test_rows_in_any_order_come_out_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", batch)
    monkeypatch.setattr(parquet, "MAX_OPEN_RUNS", 5)
    path = tmp_path / "v.parquet"
    written = parquet.write(scattered(800), path, tell=quiet)
    assert (written.rows, written.duplicates) == (800, ())
    assert stored(path) == sorted(key(one) for one in scattered(800))
    assert [each.name for each in tmp_path.iterdir()] == ["v.parquet"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_alleles_of_one_place_are_ordered_across_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", batch)
    rows = [row((1, 9, 10), ("A", alt), "SNP") for alt in "TGC"]
    rows += [row((1, 9, 10), ("A", "AA"), "INS"), row((1, 20, 21), ("A", "C"), "SNP")]
    parquet.write(iter(rows), tmp_path / "v.parquet", tell=quiet)
    assert [one[3] for one in stored(tmp_path / "v.parquet")] == ["AA", "C", "G", "T", "C"]


@pytest.mark.parametrize("batch", [1, 3, 1000])
@pytest.mark.parametrize("apart", [0, 5])
def test_an_allele_that_comes_twice_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, apart: int
) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", batch)
    twice = row((2, 50, 51), ("A", "C"), "SNP")
    between = [row((2, 60 + n, 61 + n), ("A", "C"), "SNP") for n in range(apart)]
    same_place = row((2, 50, 51), ("A", "G"), "SNP")
    rows = [twice, same_place, *between, twice]
    written = parquet.write(iter(rows), tmp_path / "v.parquet", tell=quiet)
    assert written.duplicates == (("2", 50),)


def test_lists_and_counts_come_back(tmp_path: Path) -> None:
    note = Annotations(("G",), (), ("V1M",), changed_genes=("G",))
    counts = [PopulationCount("afr", 1, None, 0.5)]
    rows = [
        row((1, 1, 2), ("A", "C"), "SNP", samples=np.array([0, 9], "u4"),
            genotypes=np.array([22, 31], "u2"), annotations=note, populations=counts),
        row((1, 2, 3), ("A", "C"), "SNP", samples=np.array([], "u4"),
            genotypes=np.array([], "u2")),
    ]  # fmt: skip
    parquet.write(iter(rows), tmp_path / "v.parquet", tell=quiet)
    (table,) = parquet.read(tmp_path / "v.parquet")
    one, two = table.to_pylist()
    assert (one["samples"], one["genotypes"], two["samples"]) == ([0, 9], [22, 31], [])
    assert (one["genes"], one["effects"], one["aminoacid_changes"]) == (["G"], None, ["V1M"])
    assert one["changed_genes"] == ["G"]
    assert one["populations"] == [{"population": "afr", "ac": 1, "an": None, "af": 0.5}]


def test_nothing_makes_an_empty_file(tmp_path: Path) -> None:
    assert parquet.write(iter(()), tmp_path / "v.parquet", tell=quiet).rows == 0
    assert sum(map(len, parquet.read(tmp_path / "v.parquet"))) == 0


def test_a_source_that_fails_leaves_no_runs(tmp_path: Path) -> None:
    def broken() -> Iterator[Row]:
        yield row((1, 1, 2), ("A", "C"), "SNP")
        raise EOFError

    with pytest.raises(EOFError):
        parquet.write(broken(), tmp_path / "v.parquet", tell=quiet)
    assert list(tmp_path.iterdir()) == []
