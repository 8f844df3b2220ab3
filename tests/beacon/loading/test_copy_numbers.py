"""Copies beside genotypes: how many one would have, and which files say what is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from beacon import copy_number
from beacon.catalog import Segment, Span
from beacon.copy_number import Level
from beacon.loading import copy_numbers, genotypes
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog
from schemas.sequences import RANKS

HEADER = (
    "##fileformat=VCFv4.3\n"
    + "".join(f"##contig=<ID={name}>\n" for name in ("1", "X", "Y", "MT"))
    + '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=CN,Number=1,Type={},Description="Copies">\n'
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tB\tA\tC\n"
)
# Samples out of order, lines with and without copies between each other, two alleles on one.
LINES = (
    "1 100 A <DEL> GT:CN 0/1:1 1/1:0 0/0:2",
    "1 150 A G GT 0/1 1/1 0/0",
    "1 200 A <DUP> GT:CN 1:3 0/1:5 ./.:4",
    "1 300 A <DEL>,<DUP> GT:CN 0/1:1 0/2:3 1/2:2",
    "X 100 A <DEL> GT:CN 1:0 0/1:1 1:1",
    "X 200 A <DUP> GT:CN 1:2 0/1:3 1:4",
    "Y 100 A <DEL> GT:CN 1:0 0/1:1 0:1",
    "MT 100 A <DEL> GT:CN 1:0 1:900 0:1000",
)
LOST, GONE, MORE, MANY = Level.LOW_LOSS, Level.COMPLETE_LOSS, Level.LOW_GAIN, Level.HIGH_GAIN


def written(folder: Path, *, kind: str = "Integer", form: str = "vcf") -> Path:
    plain = folder / "copies.vcf"
    text = [HEADER.format(kind)]
    for line in LINES:
        chrom, pos, ref, alt, told, *calls = line.split()
        cells = [chrom, pos, ".", ref, alt, ".", ".", f"END={int(pos) + 49}", told, *calls]
        text.append("\t".join(cells) + "\n")
    plain.write_text("".join(text))
    if form == "vcf":
        return plain
    path = folder / "copies.bcf"
    with (
        pysam.VariantFile(str(plain)) as read,
        pysam.VariantFile(str(path), "wb", header=read.header) as made,
    ):
        for record in read:
            made.write(record)
    return path


def loaded(file: Path, folder: Path) -> Segment:
    load(DatasetSource("d", "D", "", "GRCh38", (file,)), folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["d"]


def carriers(segment: Segment, chrom: str, start0: int, level: Level) -> list[str]:
    asked = Span(chrom, start0, start0 + 1, variant_type=level)
    return sorted(segment.person_ids(segment.owners(segment.carriers(asked))))


@pytest.mark.parametrize(("kind", "form"), [("Integer", "vcf"), ("Integer", "bcf"),
                                            ("Float", "vcf"), ("Float", "bcf")])  # fmt: skip
def test_copies_are_those_of_the_very_sample_in_every_form_of_file(
    tmp_path: Path, kind: str, form: str
) -> None:
    segment = loaded(written(tmp_path, kind=kind, form=form), tmp_path)
    told = {
        (chrom, start0, level): found
        for chrom, start0 in (("1", 99), ("1", 199), ("1", 299), ("X", 99), ("X", 199), ("Y", 99),
                              ("MT", 99))
        for level in (LOST, Level.HIGH_LOSS, GONE, MORE, MANY)
        if (found := carriers(segment, chrom, start0, level))
    }  # fmt: skip
    assert told == {
        ("1", 99, LOST): ["B"],
        ("1", 99, Level.HIGH_LOSS): ["A"],
        ("1", 99, GONE): ["A"],
        ("1", 199, MORE): ["B"],  # two is usual on 1, though one allele is written
        ("1", 199, MANY): ["A"],
        ("1", 299, LOST): ["B"],
        ("1", 299, MORE): ["A"],  # C has both, and two copies: which way he went nobody knows
        ("X", 99, Level.HIGH_LOSS): ["B"],
        ("X", 99, GONE): ["B"],
        ("X", 99, LOST): ["A"],
        ("X", 199, MORE): ["A", "B"],
        ("X", 199, MANY): ["C"],
        ("Y", 99, Level.HIGH_LOSS): ["B"],
        ("Y", 99, GONE): ["B"],
    }


@pytest.mark.parametrize("stated", ["inf", "1e30", "-inf", "nan", "-1", "-1e30", "."])
def test_no_number_is_too_strange_to_be_read(tmp_path: Path, stated: str) -> None:
    file = tmp_path / "strange.vcf"
    lines = (f"1\t{pos}\t.\tA\t<{kind}>\t.\t.\tEND={pos + 9}\tGT:CN\t0/1:{stated}\t0/0:2\t0/0:2\n"
             for pos, kind in ((100, "DEL"), (200, "DUP")))  # fmt: skip
    known = "1\t300\t.\tA\t<DEL>\t.\t.\tEND=309\tGT:CN\t0/0:2\t0/1:1\t0/0:2\n"
    file.write_text(HEADER.format("Float") + "".join(lines) + known)
    segment = loaded(file, tmp_path)
    asked = (Span("1", 0, 1000, variant_type=level) for level in copy_number.TOLD_BY_COPIES)
    found = [segment.person_ids(segment.owners(segment.carriers(each))) for each in asked]
    many = ["B"] if stated in {"inf", "1e30"} else []
    assert found == [["A"], [], [], [], many]


@pytest.mark.parametrize(
    ("stated", "levels"),
    [
        ("0", [Level.HIGH_LOSS, GONE]),
        ("0.04", [Level.HIGH_LOSS, GONE]),  # the noise of an estimate
        ("0.05", [Level.HIGH_LOSS]),
        ("0.3", [Level.HIGH_LOSS]),  # some cells have one
        ("0.49", [Level.HIGH_LOSS]),
        ("0.6", [LOST]),
        ("1.4", [LOST]),
        ("1.6", []),
    ],
)
def test_part_of_a_copy_is_rounded_and_is_no_complete_loss(
    tmp_path: Path, stated: str, levels: list[Level]
) -> None:
    """VCF 4.4 has fractions for cells that differ; complete (EFO:0030069) is a loss of which
    nothing is left in any of them."""
    file = tmp_path / "mosaic.vcf"
    line = f"1\t100\t.\tA\t<DEL>\t.\t.\tEND=149\tGT:CN\t0/1:{stated}\t0/1:1\t0/1:0\n"
    file.write_text(HEADER.format("Float") + line)
    segment = loaded(file, tmp_path)
    told = (LOST, Level.HIGH_LOSS, GONE)
    assert [each for each in told if "B" in carriers(segment, "1", 99, each)] == levels


def test_part_of_an_only_copy_is_a_loss_of_one(tmp_path: Path) -> None:
    file = tmp_path / "mosaic.vcf"
    line = "Y\t100\t.\tA\t<DEL>\t.\t.\tEND=149\tGT:CN\t1:0.4\t0:1\t1:0\n"
    file.write_text(HEADER.format("Float") + line)
    segment = loaded(file, tmp_path)
    assert carriers(segment, "Y", 99, LOST) == ["B"]
    assert carriers(segment, "Y", 99, GONE) == ["C"]


@pytest.mark.parametrize(
    ("stated", "declared"),
    [
        ({"Type": "Integer", "Number": "1"}, True),
        ({"Type": "Float", "Number": "1"}, True),
        ({"Type": "String", "Number": "1"}, False),
        ({"Type": "Integer", "Number": "."}, False),
        ({"Type": "Integer", "Number": "A"}, False),
        ({}, False),
    ],
)
def test_only_what_is_declared_as_the_standard_does_is_read(
    stated: dict[str, str], declared: bool
) -> None:
    assert copy_numbers.declared({"CN": stated}) is declared
    assert not copy_numbers.declared({"cn": stated})


@pytest.mark.parametrize(
    ("genotype", "ploidy"), [("1", 1), ("0/1", 2), (".|1", 2), ("0/0/1", 3), ("1/1/1/1/1/1/1", 7)]
)
def test_a_genotype_has_as_many_alleles_as_are_written(genotype: str, ploidy: int) -> None:
    called = genotypes.called(genotype)
    assert called is not None
    assert genotypes.ploidies(np.array([called.code], dtype=np.uint16)).tolist() == [ploidy]


@pytest.mark.parametrize("kind", ["SNP", "MNP", "INS", "INDEL", "INV", "CNV", "BND"])
def test_other_changes_have_no_level(kind: str) -> None:
    codes = np.array([4 * 2 + 1], dtype=np.uint16)
    assert copy_numbers.levels(np.array([0]), codes, kind=kind, rank=RANKS["1"]) is None
