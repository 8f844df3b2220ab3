"""`skerry load --genes`: variants without annotation are asked by a gene table."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.catalog import InGene
from beacon.segments import SegmentCatalog
from gateway.errors import Exit
from tests.support.command import Ran, skerry
from tests.support.node_folder import node_folder
from tests.support.sources import write_vcf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return node_folder(tmp_path / "node").root


def load(folder: Path, table: str) -> Ran:
    vcf = write_vcf(folder / "a.vcf.gz", ("101 . A G . 0|1",), samples=("P1",))
    genes = folder / "genes.bed"
    genes.write_text(table)
    return skerry("load", folder, "--dataset", "d", "--vcf", vcf, "--genes", genes)


def test_a_gene_table_answers_gene_questions(folder: Path) -> None:
    assert load(folder, "chr1\t50\t150\tAAA\n").code == Exit.OK
    segment = SegmentCatalog(folder / "catalog").snapshot()["d"]
    assert segment.variants(InGene("AAA"), samples=None, skip=0, limit=0).total == 1


def test_what_is_no_gene_table_is_refused(folder: Path) -> None:
    ran = load(folder, "nothing of the kind\n")
    assert ran.code not in (Exit.OK, 1)
    assert "genes.bed" in ran.err
    assert SegmentCatalog(folder / "catalog").snapshot() == {}
