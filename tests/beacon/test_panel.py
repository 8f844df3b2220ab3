"""A reference panel tells the public frequency of an allele, however it is spelled."""

from __future__ import annotations

import json
from pathlib import Path

import pysam
import pytest

from beacon import names, panel
from beacon.catalog import Allele, ByIdentifier, InGene, Span
from beacon.errors import CatalogError, SourceRefused
from beacon.loading import names_load, panel_load
from beacon.panel import UNKNOWN, Panel
from beacon.variation import shorthand

HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=AF_fin,Number=A,Type=Float,Description="Frequency in Finns">
"""
COUNTS = """##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Number">
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
# One base is said by the reference below: a run of CA from 11 to 20.
BASES = "GGGGGGGGGG" + "CACACACACA" + "GGGGGGGGGG"


def vcf(path: Path, *lines: str, header: str = HEADER) -> Path:
    rows = ("\t".join(["1", *line.split(" ")]) for line in lines)
    path.write_text(header + COLUMNS + "".join(f"{row}\n" for row in rows))
    return path


def loaded(folder: Path, path: Path, **more: object) -> Panel:
    panel_load.load(path, folder, assembly="GRCh38", **more)  # type: ignore[arg-type]  # as given
    return panel.read(folder)["GRCh38"]


@pytest.fixture
def plain(tmp_path: Path) -> Panel:
    path = vcf(tmp_path / "p.vcf", "101 rs7 A G,T . . AF=0.25,0.01", "201 . C A . . AF=0.5")
    return loaded(tmp_path / "panel", path)


def test_an_allele_has_the_frequency_of_its_own_alternative(plain: Panel) -> None:
    assert plain.expected(Allele("1", 100, "A", "T")).commonest == pytest.approx(0.01)


@pytest.mark.parametrize(
    "absent",
    [
        Allele("1", 100, "A", "C"),
        Allele("2", 100, "A", "G"),
        Span("1", 300, 400),
        InGene("BRCA1"),
        shorthand.asked("rs8").question,
    ],
)
def test_what_a_panel_has_not_is_the_rarest_there_is(plain: Panel, absent: Allele) -> None:
    assert plain.expected(absent) == UNKNOWN


@pytest.mark.parametrize("spelled", ["1-101-A-G", "NC_000001.11:g.101A>G", "1:101:A:G"])
def test_every_spelling_of_an_allele_finds_one_name(plain: Panel, spelled: str) -> None:
    found = plain.expected(shorthand.named(spelled).question)
    assert found.alleles == plain.expected(Allele("1", 100, "A", "G")).alleles
    assert found.commonest == pytest.approx(0.25)


def test_an_anchored_spelling_is_the_trimmed_one(tmp_path: Path) -> None:
    held = loaded(tmp_path / "panel", vcf(tmp_path / "p.vcf", "301 . A AC . . AF=0.1"))
    names = {
        held.expected(each).alleles
        for each in (
            Allele("1", 300, "A", "AC"),
            Allele("1", 301, "", "C"),
            Allele("1", 299, "GA", "GAC"),
        )
    }
    assert len(names) == 1
    assert names != {()}


def test_with_a_reference_a_shifted_deletion_is_the_same_allele(tmp_path: Path) -> None:
    fasta = tmp_path / "bases.fa"
    fasta.write_text(f">1\n{BASES}\n")
    pysam.faidx(str(fasta))
    path = vcf(tmp_path / "p.vcf", "10 . GCA G . . AF=0.2")
    held = loaded(tmp_path / "panel", path, bases=fasta)
    left = held.expected(Allele("1", 10, "CA", ""))
    assert left.commonest == pytest.approx(0.2)
    for start0, ref in ((12, "CA"), (11, "AC"), (18, "CA")):
        assert held.expected(Allele("1", start0, ref, "")) == left


def test_a_range_is_as_frequent_as_all_it_covers(plain: Panel) -> None:
    found = plain.expected(Span("1", 0, 1000))
    assert len(found.alleles) == 3
    assert found.commonest == pytest.approx(0.5)
    assert found.frequency == pytest.approx(1 - 0.75 * 0.99 * 0.5)


def test_frequencies_of_one_population_are_taken_where_it_is_named(tmp_path: Path) -> None:
    path = vcf(tmp_path / "p.vcf", "101 . A G . . AC=1;AN=10;AF_fin=0.4", header=HEADER + COUNTS)
    assert loaded(tmp_path / "a", path).expected(Allele("1", 100, "A", "G")).commonest == 0.1
    finns = loaded(tmp_path / "b", path, population="fin")
    assert finns.expected(Allele("1", 100, "A", "G")).commonest == pytest.approx(0.4)


def test_a_table_will_do(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    path.write_text("#CHROM\tPOS\tREF\tALT\tAF\nchr1\t101\tA\tG\t0.125\n")
    assert loaded(tmp_path / "panel", path).expected(Allele("1", 100, "A", "G")).commonest == 0.125


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chrom\tpos\tref\talt\n1\t1\tA\tG\n",
        "chrom\tpos\tref\talt\taf\n1\tx\tA\tG\t0.1\n",
        "chrom\tpos\tref\talt\taf\n1\t1\tA\tG\t1.5\n",
        "chrom\tpos\tref\talt\taf\n1\t1\tA\tG\tnan\n",
        "chrom\tpos\tref\talt\taf\n1\t1\tA\n",
        "chrom\tpos\tref\talt\taf\n",
    ],
)
def test_a_table_that_does_not_say_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.tsv"
    path.write_text(text)
    with pytest.raises(SourceRefused):
        panel_load.load(path, tmp_path / "panel", assembly="GRCh38")
    assert panel.read(tmp_path / "panel") == {}


def test_a_panel_without_frequencies_is_refused(tmp_path: Path) -> None:
    path = vcf(tmp_path / "p.vcf", "101 . A G . . .")
    with pytest.raises(SourceRefused, match="1 problem"):
        panel_load.load(path, tmp_path / "panel", assembly="GRCh38")


@pytest.mark.parametrize(("assembly", "population"), [("hg17", ""), ("GRCh38", "nfe")])
def test_an_unknown_assembly_or_population_is_refused(
    tmp_path: Path, assembly: str, population: str
) -> None:
    path = vcf(tmp_path / "p.vcf", "101 . A G . . AF=0.1")
    with pytest.raises(SourceRefused):
        panel_load.load(path, tmp_path / "panel", assembly=assembly, population=population)


def test_without_a_panel_there_is_none(tmp_path: Path) -> None:
    assert panel.read(tmp_path) == {}


def test_a_panel_whose_facts_are_damaged_is_not_read_as_absent(tmp_path: Path) -> None:
    folder = tmp_path / "panel"
    loaded(folder, vcf(tmp_path / "p.vcf", "101 . A G . . AF=0.1"))
    facts = json.loads((folder / "panels.json").read_text())
    facts["GRCh38"]["version"] = "other"
    (folder / "panels.json").write_text(json.dumps(facts))
    with pytest.raises(CatalogError):
        panel.read(folder)
    (folder / "panels.json").write_text("{")
    with pytest.raises(CatalogError):
        panel.read(folder)


def test_a_name_of_the_nodes_tables_is_the_allele_to_the_panel(tmp_path: Path) -> None:
    table = vcf(tmp_path / "names.vcf", "201 rs5 C A . . .", "301 rs6 C A . . .")
    names_load.load(table, tmp_path / "names", name="dbsnp", assembly="GRCh38")
    frequencies = vcf(tmp_path / "p.vcf", "201 . C A . . AF=0.5", "401 . C A . . AF=0.5")
    panel_load.load(frequencies, tmp_path / "panel", assembly="GRCh38")
    form = names.form(names.read(tmp_path / "names"))
    held = panel.read(tmp_path / "panel", form=form)["GRCh38"]
    assert (
        held.expected(ByIdentifier("rs5")) == held.expected(Allele("1", 200, "C", "A")) != UNKNOWN
    )
    for absent in ("rs6", "rs404"):  # not in the panel; not in the table
        assert held.expected(ByIdentifier(absent)) == UNKNOWN
