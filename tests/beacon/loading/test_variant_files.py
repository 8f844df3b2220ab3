"""What the reader makes of each unusual thing a VCF may say; each test states what is meant."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pysam
import pytest

from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    InGene,
    PopulationCount,
    Segment,
    Span,
    VariantQuestion,
)
from beacon.errors import SourceRefused, UnsupportedQuestion
from beacon.loading.load import DatasetSource, load
from beacon.loading.variant_files import Selection, open_variants
from beacon.segments import SegmentCatalog

HEADER = """##fileformat=VCFv4.3
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">
##INFO=<ID=AC,Number=A,Type=Integer,Description="AC">
##INFO=<ID=AN,Number=1,Type=Integer,Description="AN">
##INFO=<ID=AC_afr,Number=A,Type=Integer,Description="AC">
##INFO=<ID=AN_afr,Number=1,Type=Integer,Description="AN">
##INFO=<ID=nhomalt,Number=A,Type=Integer,Description="Homozygotes">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""
CLINVAR = HEADER + (
    '##INFO=<ID=ALLELEID,Number=1,Type=Integer,Description="Allele">\n'
    '##INFO=<ID=CLNHGVS,Number=.,Type=String,Description="HGVS">\n'
    '##INFO=<ID=RS,Number=.,Type=String,Description="rs">\n'
)
VEP = HEADER + (
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="VEP. Format: '
    'Allele|Consequence|SYMBOL|HGVSc|HGVSp">\n'
)
EVERYTHING = Span("1", 0, 10**8)


def loaded(
    folder: Path, *lines: str, samples: tuple[str, ...] = ("S1", "S2"), header: str = HEADER
) -> Segment:
    """Lines are `CHROM POS ID REF ALT INFO GT...`, separated by spaces."""
    file = written(folder / "v.vcf.gz", *lines, samples=samples, header=header)
    load(DatasetSource("d", "D", "", "GRCh38", (file,)), folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["d"]


def written(path: Path, *lines: str, samples: tuple[str, ...], header: str = HEADER) -> Path:
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    contigs = "".join(f"##contig=<ID={name}>\n" for name in ("1", "2", "X", "Y", "MT", "GL1"))
    text = [header, contigs, "\t".join([*fixed, *(["FORMAT", *samples] if samples else [])]), "\n"]
    for line in lines:
        chrom, pos, name, ref, alt, info, *calls = line.split(" ")
        cells = [chrom, pos, name, ref, alt, ".", ".", info, *(["GT", *calls] if samples else [])]
        text.append("\t".join(cells) + "\n")
    plain = path.with_suffix(".txt")
    plain.write_text("".join(text))
    pysam.tabix_compress(str(plain), str(path), force=True)
    return path


def rows(segment: Segment, asked: VariantQuestion | None = None) -> list[Any]:
    return list(segment.variants(asked, samples=None, skip=0, limit=50).rows)


def shapes(segment: Segment, asked: VariantQuestion | None = None) -> list[tuple[str, int, int]]:
    return [(row.variant_type, row.allele.start0, row.end0) for row in rows(segment, asked)]


def test_each_alt_of_a_line_counts_the_others_as_not_itself(tmp_path: Path) -> None:
    one, two = rows(loaded(tmp_path, "1 100 rs1 A C,AT . 1/2 2|2"))
    assert (one.allele.alt, one.allele_count, one.allele_number, one.carriers) == ("AT", 3, 4, 2)
    assert (two.allele.alt, two.allele_count, two.allele_number, two.carriers) == ("C", 1, 4, 1)
    assert (one.homozygotes, two.homozygotes) == (1, 0)
    assert one.identifiers == two.identifiers == ("rs1",)


@pytest.mark.parametrize(
    ("alt", "info", "shape"),
    [
        ("<DEL>", "END=500", ("DEL", 99, 500)),
        ("<DEL>", "SVLEN=-400", ("DEL", 99, 500)),
        ("<DEL>", "SVLEN=400", ("DEL", 99, 500)),
        ("<DEL:ME:ALU>", "END=500", ("DEL", 99, 500)),
        ("<DUP>", "END=500", ("DUP", 99, 500)),
        ("<DUP:TANDEM>", "SVLEN=400", ("DUP", 99, 500)),
        ("<INV>", "END=500", ("INV", 99, 500)),
        ("<CNV>", "END=500", ("CNV", 99, 500)),
        ("<CN0>", "END=500", ("DEL", 99, 500)),
        ("<CN3>", "END=500", ("DUP", 99, 500)),
        ("<INS>", "SVLEN=300", ("INS", 99, 100)),
        ("<INS:ME:L1>", ".", ("INS", 99, 100)),
        ("A[2:321[", ".", ("BND", 99, 100)),
        ("]2:321]A", ".", ("BND", 99, 100)),
        ("A.", ".", ("BND", 99, 100)),
    ],
)
def test_structural_alleles_have_a_type_and_a_span(
    tmp_path: Path, alt: str, info: str, shape: tuple[str, int, int]
) -> None:
    segment = loaded(tmp_path, f"1 100 . A {alt} {info} 0/1 0/0")
    assert shapes(segment) == [shape]
    assert shapes(segment, Span("1", shape[2] - 1, shape[2])) == [shape]
    assert shapes(segment, Span("1", shape[2], shape[2] + 1)) == []


def test_an_inserted_length_is_that_of_the_insertion_not_of_its_place(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "1 100 . A <INS> SVLEN=300 0/1 0/0")
    assert len(rows(segment, Span("1", 0, 200, variant_type="INS", min_length=300))) == 1
    assert rows(segment, Span("1", 0, 200, variant_type="INS", min_length=301)) == []


@pytest.mark.parametrize(
    ("alt", "info"),
    [("<DEL>", "."), ("<DEL>", "END=50"), ("<DEL>", "END=999999999"), ("<XYZ>", "END=500"),
     ("*", "."), ("<*>", "."), ("<NON_REF>", "."), ("R", ".")],
)  # fmt: skip
def test_what_has_no_known_shape_is_left_out_and_counted(
    tmp_path: Path, alt: str, info: str
) -> None:
    file = written(tmp_path / "v.vcf.gz", f"1 100 . A {alt} {info} 0/1 0/0", samples=("S1", "S2"))
    told: dict[str, int] = {}
    source = DatasetSource("d", "D", "", "GRCh38", (file,))
    assert load(source, tmp_path / "c", progress=told.__setitem__).variants == 0
    assert [count for what, count in told.items() if what.startswith("left out")] == [1]


def test_a_star_beside_an_allele_leaves_the_allele(tmp_path: Path) -> None:
    (row,) = rows(loaded(tmp_path, "1 100 . AT A,* . 1/2 0/2"))
    assert (row.allele.alt, row.allele_count, row.allele_number) == ("A", 1, 4)


def test_haploid_calls_count_once_and_are_hemizygous(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "X 100 . A C . 1 0/1", "Y 100 . A C . 1 .", "MT 100 . A C . 1 1")
    x, y, mt = rows(segment)
    assert (x.allele_count, x.allele_number, x.hemizygotes, x.homozygotes) == (2, 3, 1, 0)
    assert (y.allele_count, y.allele_number, y.hemizygotes, y.carriers) == (1, 1, 1, 1)
    assert (mt.allele_count, mt.allele_number, mt.hemizygotes) == (2, 2, 2)
    assert segment.facts.chromosomes == ("X", "Y", "MT")
    assert segment.calls(x.row, limit=9) == [("S1", "1"), ("S2", "0/1")]


def test_missing_alleles_are_not_called(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "1 100 . A C . ./1 ./.", "1 200 . A C . 1/. .|1")
    half, both = rows(segment)
    assert (half.allele_count, half.allele_number, half.carriers) == (1, 1, 1)
    assert (half.homozygotes, half.hemizygotes) == (0, 0)
    assert segment.calls(both.row, limit=9) == [("S1", "1/."), ("S2", ".|1")]


def test_a_line_without_alt_says_nothing_of_any_allele(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "1 100 . A . . 0/0 0/0", "1 200 . A C . 0/1 0/0")
    assert shapes(segment) == [("SNP", 199, 200)]
    assert rows(segment, Allele("1", 99, "A", "C")) == []


def test_an_allele_nobody_carries_is_listed_but_not_there(tmp_path: Path) -> None:
    """A node that holds only calls of the reference answers no; one without any calls cannot."""
    segment = loaded(tmp_path, "1 100 . A C . 0/0 0/0", "1 200 . A C . ./. ./.")
    assert len(rows(segment, EVERYTHING)) == 2
    assert rows(segment, Allele("1", 99, "A", "C")) == []
    assert len(rows(segment, Allele("1", 199, "A", "C"))) == 1
    assert len(rows(segment, ById("1-100-A-C"))) == 1


def test_triploid_calls_are_read(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "1 100 . A C . 0/1/1 0/0/0", "1 200 . A C . 1/1/1 0/1")
    one, two = rows(segment)
    assert (one.allele_count, one.allele_number, one.homozygotes) == (2, 6, 0)
    assert (two.allele_count, two.allele_number, two.homozygotes) == (4, 5, 1)
    assert segment.calls(one.row, limit=1) == [("S1", "0/1/1")]


def test_a_call_of_too_many_alleles_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused):
        loaded(tmp_path, f"1 100 . A C . {'/'.join('01' * 4)} 0/0")


def test_other_sequences_are_left_out(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "GL1 100 . A C . 0/1 0/0", "2 100 . A C . 0/1 0/0")
    assert segment.facts.chromosomes == ("2",)


def test_files_need_no_order(tmp_path: Path) -> None:
    segment = loaded(tmp_path, "2 9 . A C . 0/1 0/0", "1 9 . A C . 0/1 0/0", "1 3 . A C . 0/1 0/1")
    places = [(row.allele.chrom, row.allele.start0) for row in rows(segment)]
    assert places == [("1", 2), ("1", 8), ("2", 8)]


def test_lower_case_bases_are_the_same_bases(tmp_path: Path) -> None:
    (row,) = rows(loaded(tmp_path, "1 100 . a c . 0/1 0/0"))
    assert (row.allele.ref, row.allele.alt) == ("A", "C")


# Sites without genotypes


def test_sites_without_samples_say_what_the_file_counts(tmp_path: Path) -> None:
    info = "AC=3,1;AN=20;nhomalt=1,0;AC_afr=2,0;AN_afr=8"
    segment = loaded(tmp_path, f"1 100 rs7 A C,G {info}", "1 200 . T G .", samples=())
    c, g, bare = rows(segment)
    assert (c.allele_count, c.allele_number, c.homozygotes, c.carriers) == (3, 20, 1, None)
    assert (g.allele_count, g.allele_number, g.homozygotes) == (1, 20, 0)
    assert c.populations == (PopulationCount("afr", 2, 8, 0.25),)
    assert (bare.allele_count, bare.allele_number, bare.populations) == (0, 0, ())
    facts = segment.facts
    assert (facts.genotypes, facts.people, facts.populations) == (False, 0, ("afr",))
    assert len(rows(segment, Allele("1", 99, "A", "C"))) == 1
    with pytest.raises(UnsupportedQuestion):
        segment.carriers(EVERYTHING)


def test_sites_and_genotypes_are_datasets_of_their_own(tmp_path: Path) -> None:
    sites = written(tmp_path / "a.vcf.gz", "1 100 . A C .", samples=())
    calls = written(tmp_path / "b.vcf.gz", "2 100 . A C . 0/1", samples=("S1",))
    with pytest.raises(SourceRefused, match="refused") as caught:
        load(DatasetSource("d", "D", "", "GRCh38", (sites, calls)), tmp_path / "catalog")
    assert "in every variant file" in str(caught.value.problems[0])


# Names and annotation


def test_a_clinvar_file_is_found_by_its_ids(tmp_path: Path) -> None:
    info = "ALLELEID=29000;CLNHGVS=NC_000001.11:g.100A>C;RS=121913"
    segment = loaded(tmp_path, f"1 100 13961 A C {info}", samples=(), header=CLINVAR)
    names = ("clinvar:13961", "VCV000013961", "RS121913", "nc_000001.11:g.100a>c")
    for name in names:
        assert len(rows(segment, ByIdentifier(name))) == 1, name
    assert rows(segment, ByIdentifier("clinvar:29000")) == []
    assert rows(segment)[0].identifiers[0] == "clinvar:13961"


def test_annotated_genes_and_changes_are_found(tmp_path: Path) -> None:
    said = "C|missense_variant|BRAF|NM_1.1:c.5A>C|NP_1.1:p.Lys2Thr"
    segment = loaded(
        tmp_path, f"1 100 . A C CSQ={said} 0/1 0/0", "1 200 . A C . 0/1 0/1", header=VEP
    )
    for asked in (
        InGene("BRAF"),
        AminoacidChange("K2T"),
        ByIdentifier("NM_1.1:c.5A>C"),
        ByIdentifier("np_1.1:p.K2T"),
    ):
        assert shapes(segment, asked) == [("SNP", 99, 100)]
    assert segment.supports(InGene("KRAS"))
    assert rows(segment, InGene("KRAS")) == []
    assert rows(segment)[0].annotations.effects == ("SO:0001583",)


def test_one_file_without_annotation_makes_genes_unsupported(tmp_path: Path) -> None:
    told = written(tmp_path / "a.vcf.gz", "1 100 . A C . 0/1", samples=("S1",), header=VEP)
    silent = written(tmp_path / "b.vcf.gz", "2 100 . A C . 0/1", samples=("S1",))
    load(DatasetSource("d", "D", "", "GRCh38", (told, silent)), tmp_path / "catalog")
    segment = SegmentCatalog(tmp_path / "catalog").snapshot()["d"]
    assert not segment.supports(InGene("BRAF"))
    assert not segment.supports(AminoacidChange("K2T"))


@pytest.mark.parametrize("seed", range(40))
def test_garbled_sites_are_refused_or_loaded_but_never_break(tmp_path: Path, seed: int) -> None:
    lines = ("1 101 rs1 A G AC=3;AN=10", "1 201 . A C,AT AC=1,2;AN=10", "1 401 . N <DEL> END=500")
    file = written(tmp_path / "v.vcf.gz", *lines, samples=())
    text = bytearray(gzip.decompress(file.read_bytes()))
    chance = random.Random(seed)  # noqa: S311 (seeded, so a failure repeats)
    body = text.index(b"#CHROM")
    for _ in range(chance.randrange(1, 6)):
        text[chance.randrange(body, len(text) - 1)] = chance.choice(
            b"\t\n:;/|.0129ACGT<>*=-\x00\xff"
        )
    garbled = tmp_path / "garbled.vcf"
    garbled.write_bytes(bytes(text))
    try:
        rows = list(open_variants(garbled).rows(Selection({})))
    except SourceRefused:
        return
    assert len(rows) <= 4
