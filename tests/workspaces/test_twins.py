"""Synthetic sites have the shape that was stated, and a seed gives the same ones again."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from workspaces import twins
from workspaces.analysis.alleles import Allele
from workspaces.errors import TwinsRefused
from workspaces.flapps import reading
from workspaces.twins import Column, Shape

COLUMNS = (Column("sex", 0, 1), Column("age", 18, 90), Column("height", 140.5, 199.5))


def test_a_twin_reads_as_a_site_s_staged_folder(tmp_path: Path) -> None:
    shape = Shape(300, COLUMNS, twins.made_up(40), missing=0.1)
    for place in twins.make(tmp_path, shape, sites=3, seed=1):
        table = reading.clinical(place)
        held = reading.read_genotypes(place, tmp_path)
        assert table.people == held.people
        assert list(table.variables) == ["sex", "age", "height"]
        for column, values in zip(COLUMNS, table.variables.values(), strict=True):
            there = values[np.isfinite(values)]
            assert column.low <= there.min() < there.max() <= column.high
            assert 0 < len(values) - len(there) < 300
        assert set(table.variables["sex"][np.isfinite(table.variables["sex"])]) == {0.0, 1.0}
        assert held.alleles == tuple(allele for allele, _ in shape.alleles)
        assert 0 < (held.dosages < 0).mean() < 1
        for name in ("dosages.npy", "alleles.json", "people.json"):
            (tmp_path / name).unlink()


def test_the_same_seed_gives_the_same_twins_and_no_two_sites_are_alike(tmp_path: Path) -> None:
    shape = Shape(50, COLUMNS, twins.made_up(10))
    first, again, other = (
        [
            (place / "clinical.tsv").read_text() + (place / "genotypes.vcf").read_text()
            for place in twins.make(tmp_path / name, shape, sites=3, seed=seed)
        ]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert len({*first, *other}) == 6


def test_joint_sites_hold_other_columns_of_the_same_people(tmp_path: Path) -> None:
    shape = Shape(50, COLUMNS, (), joint=True)
    tables = [reading.clinical(place) for place in twins.make(tmp_path, shape, sites=3, seed=0)]
    assert len({table.people for table in tables}) == 1
    assert [list(table.variables) for table in tables] == [["sex"], ["age"], ["height"]]
    with pytest.raises(TwinsRefused, match="fewer columns"):
        twins.make(tmp_path / "more", shape, sites=4, seed=0)


VCF = (
    "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    "chr1\t10\t.\tA\tG,T\t.\t.\tDP=3;AF=0.25,0\nchr1\t11\t.\tC\tT\t.\t.\tAF=.\n"
    "chr2\t12\t.\tG\tGA\t.\t.\tAF=0.5;X\n"
)
FOUND = ((Allele("chr1", 10, "A", "G"), 0.25), (Allele("chr2", 12, "G", "GA"), 0.5))


def test_public_frequencies_are_read_as_they_are_published(tmp_path: Path) -> None:
    plain, packed, table = (tmp_path / name for name in ("a.vcf", "a.vcf.gz", "a.tsv"))
    plain.write_text(VCF)
    packed.write_bytes(gzip.compress(VCF.encode()))
    table.write_text("#CHROM\tpos\tref\talt\taf\nchr1\t10\tA\tG\t0.25\nchr2\t12\tG\tGA\t0.5\n")
    for place in (plain, packed, table):
        assert twins.frequencies(place, most=5) == FOUND
    assert twins.frequencies(plain, most=1) == FOUND[:1]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.vcf", "chr1\t10\n"), ("a.vcf", "chr1\tx\t.\tA\tG\t.\t.\tAF=0.1\n"), ("a.vcf", VCF[:60]),
     ("a.tsv", "chrom\tpos\nchr1\t10\n"), ("a.tsv", ""), ("a.vcf.gz", "no gzip"),
     ("a.tsv", "chrom\tpos\tref\talt\taf\nchr1\t10\tA\tG\n")],
)  # fmt: skip
def test_what_holds_no_frequencies_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TwinsRefused, match=name):
        twins.frequencies(tmp_path / name, most=5)
    with pytest.raises(TwinsRefused, match="absent"):
        twins.frequencies(tmp_path / "absent.vcf", most=5)


@pytest.mark.parametrize(
    "changed",
    [{"people": 0}, {"people": 5_001}, {"columns": ()}, {"columns": COLUMNS * 2},
     {"missing": 1.0}, {"missing": -0.1}, {"columns": (Column("a", 5, 5),)},
     {"people": 5_000, "alleles": twins.made_up(10_001)}],
)  # fmt: skip
def test_a_shape_that_cannot_be_made_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(TwinsRefused):
        Shape(**{"people": 10, "columns": COLUMNS, "alleles": (), **changed})  # type: ignore[arg-type]  # the point
