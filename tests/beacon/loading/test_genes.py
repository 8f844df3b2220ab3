from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import pytest

from beacon.catalog import InGene, Segment
from beacon.errors import SourceRefused
from beacon.loading import genes
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog
from tests.support.sources import write_vcf

GTF = (
    '##version\nchr1\tx\tgene\t101\t200\t.\t+\t.\tgene_id "E1"; gene_name "AAA"; level 2;\n'
    'chr1\tx\ttranscript\t101\t200\t.\t+\t.\tgene_id "E1"; gene_name "AAA";\n'
    'chrUn\tx\tgene\t1\t9\t.\t+\t.\tgene_name "ELSEWHERE";\n'
)
GFF3 = "1\tx\tncRNA_gene\t101\t200\t.\t+\t.\tID=gene:E1;Name=AAA;biotype=x\n"
BED = "track x\nchr1\t100\t200\tAAA\t0\t+\n"
SPAN = [("AAA", "1", 100, 200)]


@pytest.mark.parametrize("text", [GTF, GFF3, BED, BED.replace("\n", "\r\n")])
def test_the_three_formats_say_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "genes"
    path.write_text(text)
    assert genes.read(path) == SPAN
    packed = tmp_path / "genes.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert genes.read(packed) == SPAN


@pytest.mark.parametrize(
    "text",
    ["", "#only\n", "chr1 100 200 AAA\n", "chr1\t200\t100\tAAA\n", "chr1\t-1\t100\tAAA\n",
     "chr1\tx\tgene\t0\t9\t.\t+\t.\tName=A\n", "chr1\t1\t99999999999\tAAA\n", "1\t2\t3\n",
     "chrUn\t1\t2\tA\n"],
)  # fmt: skip
def test_what_is_no_gene_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "genes"
    path.write_text(text)
    with pytest.raises(SourceRefused):
        genes.read(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\t", gzip.compress(BED.encode(), mtime=0)[:-9]])
def test_a_damaged_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "genes.gz"
    path.write_bytes(content)
    with pytest.raises(SourceRefused):
        genes.read(path)


@pytest.fixture
def source(tmp_path: Path) -> DatasetSource:
    table = tmp_path / "genes.bed"
    table.write_text("chr1\t100\t200\tAAA\nchr1\t150\t300\tBBB\nchr1\t999\t1000\tAAA\n")
    lines = ["101 . A C . 0/1", "200 . ACG A . 0/1", "301 . A C . 0/1", "1000 . A C . 0/1"]
    vcf = write_vcf(tmp_path / "a.vcf.gz", lines, samples=("S1",))
    return DatasetSource("d", "D", "", "GRCh38", (vcf,), genes=table)


def loaded(source: DatasetSource, folder: Path) -> Segment:
    load(source, folder)
    return SegmentCatalog(folder).snapshot()["d"]


def starts(segment: Segment, asked: InGene) -> list[int]:
    page = segment.variants(asked, samples=None, skip=0, limit=9)
    return [row.allele.start0 for row in page.rows]


def test_variants_without_annotation_are_in_the_genes_they_overlap(
    source: DatasetSource, tmp_path: Path
) -> None:
    segment = loaded(source, tmp_path / "catalog")
    assert segment.facts.genes == "table"
    assert starts(segment, InGene("aaa")) == [100, 199, 999]
    assert starts(segment, InGene("BBB")) == [199]
    assert starts(segment, InGene("AAA", variant_type="DEL")) == [199]
    assert starts(segment, InGene("CCC")) == []


def test_another_table_is_another_version(source: DatasetSource, tmp_path: Path) -> None:
    first = load(source, tmp_path / "one").version
    assert load(dataclasses.replace(source, genes=None), tmp_path / "two").version != first


def test_without_table_and_annotation_genes_are_unsupported(
    source: DatasetSource, tmp_path: Path
) -> None:
    segment = loaded(dataclasses.replace(source, genes=None), tmp_path / "catalog")
    assert segment.facts.genes is None
    assert not segment.supports(InGene("AAA"))
