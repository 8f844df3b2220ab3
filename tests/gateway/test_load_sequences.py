"""`skerry load --sequences`: variants are compared with a FASTA file or a stored collection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon.catalog import Allele
from beacon.segments import SegmentCatalog
from gateway.errors import Exit
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder
from tests.support.sources import HEADER, write_vcf

BASES = "ACGTAAAACGTTTGCA"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reference.fa").write_text(f">chr1\n{BASES}\n")
    return node_folder(tmp_path / "node").root


def load(folder: Path, sequences: object, *, line: str = "4 . T TA . 0|1") -> Ran:
    vcf = write_vcf(folder / "a.vcf.gz", (line,), samples=("P1",), header=HEADER)
    return skerry("load", folder, "--dataset", "d", "--vcf", vcf, "--sequences", str(sequences))


def shifted(folder: Path) -> int:
    segment = SegmentCatalog(folder / "catalog").snapshot()["d"]
    return segment.variants(Allele("1", 8, "", "A"), samples=None, skip=0, limit=0).total


def test_a_fasta_file_makes_shifted_spellings_known(folder: Path, tmp_path: Path) -> None:
    assert load(folder, tmp_path / "reference.fa").code == Exit.OK
    assert shifted(folder) == 1


def test_a_stored_collection_does_the_same(folder: Path, tmp_path: Path) -> None:
    added = skerry("reference", "add", folder, tmp_path / "reference.fa", "--json")
    assert load(folder, json.loads(added.out)["collection"]).code == Exit.OK
    assert shifted(folder) == 1


@pytest.mark.parametrize("sequences", ["none.fa", "SQ.none", ""])
def test_what_is_no_reference_is_refused(folder: Path, sequences: str) -> None:
    assert load(folder, sequences).code not in (Exit.OK, 1)


def test_a_file_of_another_reference_is_refused(folder: Path, tmp_path: Path) -> None:
    ran = load(folder, tmp_path / "reference.fa", line="4 . G GA . 0|1")
    assert ran.code not in (Exit.OK, 1)
    assert "REF" in ran.err
