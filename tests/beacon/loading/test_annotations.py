from __future__ import annotations

import pytest

from beacon.catalog import Annotations
from beacon.effects import EFFECTS, LABELS
from beacon.loading.annotations import annotator

CSQ = (
    "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|"
    "HGVSc|HGVSp|Amino_acids|Protein_position"
)
ANN = (
    "Functional annotations: 'Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | "
    "Feature_Type | Feature_ID | Transcript_BioType | Rank | HGVS.c | HGVS.p | cDNA.pos / "
    "cDNA.length | CDS.pos / CDS.length | AA.pos / AA.length | Distance | ERRORS'"
)
MISSENSE, INTRON, UPSTREAM = "SO:0001583", "SO:0001627", "SO:0001631"


def read(key: str, description: str, text: str, ref: str = "A", *alts: str) -> list[Annotations]:
    made = annotator({key: description})
    assert made is not None
    return made.read(text, ref, alts or ("T",))


def test_vep_fields_are_found_by_the_names_in_the_header() -> None:
    text = (
        "T|missense_variant|MODERATE|BRAF|ENSG1|ENST1.2:c.1799T>A|ENSP1.1:p.Val600Glu|V/E|600,"
        "T|intron_variant&NMD_transcript_variant|MODIFIER|BRAF|ENSG1|ENST2.1:c.5+9T>A|||"
    )
    (said,) = read("CSQ", CSQ, text)
    assert said == Annotations(
        *(("BRAF",), (MISSENSE, INTRON, EFFECTS["NMD_transcript_variant"]), ("V600E",)),
        *(("ENST1.2:c.1799T>A", "ENST2.1:c.5+9T>A"), ("ENSP1.1:p.Val600Glu",), ("BRAF",)),
    )


def test_an_amino_acid_change_is_made_of_residues_where_there_is_no_hgvs() -> None:
    (said,) = read("CSQ", CSQ, "T|stop_gained|HIGH|G1||||W/*|24")
    assert said.aminoacid_changes == ("W24*",)
    (said,) = read("CSQ", CSQ, "T|synonymous_variant|LOW|G1||||W|24")
    assert said.aminoacid_changes == ()


def test_snpeff_gives_the_transcript_beside_the_change() -> None:
    where = "G1|ENSG1|transcript|ENST1.2|protein_coding|1/3"
    text = f"T|missense_variant|MODERATE|{where}|c.9A>T|p.Lys3Asn|||||"
    (said,) = read("ANN", ANN, text)
    assert said.transcript_hgvs == ("ENST1.2:c.9A>T",)
    assert (said.genes, said.aminoacid_changes) == (("G1",), ("K3N",))


def test_a_change_is_kept_with_the_gene_of_its_transcript() -> None:
    text = (
        "T|missense_variant|MODERATE|G1||||V/E|6,T|missense_variant|MODERATE|G2||||L/P|9,"
        "T|missense_variant|MODERATE|G2||||V/E|6,T|missense_variant|MODERATE|||||A/G|2,"
        "T|upstream_gene_variant|MODIFIER|NEAR||||K/R|4"
    )
    (said,) = read("CSQ", CSQ, text)
    pairs = list(zip(said.aminoacid_changes, said.changed_genes, strict=True))
    assert pairs == [("V6E", "G1"), ("L9P", "G2"), ("V6E", "G2"), ("A2G", ""), ("K4R", "")]


def test_a_gene_counts_only_where_the_variant_lies_in_it() -> None:
    text = "T|upstream_gene_variant|MODIFIER|NEAR|||||,T|intron_variant|MODIFIER|HOST|||||"
    (said,) = read("CSQ", CSQ, text)
    assert (said.genes, said.effects) == (("HOST",), (UPSTREAM, INTRON))
    (said,) = read("ANN", ANN, "T|intergenic_region|MODIFIER|A-B|A-B|||||||||||")
    assert said.genes == ()


def test_entries_belong_to_the_allele_they_name() -> None:
    text = "C|missense_variant||G1|||||,T|intron_variant||G2|||||,G|intron_variant||G3|||||"
    one, two = read("CSQ", CSQ, text, "A", "C", "T")
    assert (one.genes, two.genes) == (("G1",), ("G2",))


@pytest.mark.parametrize(
    ("ref", "alts", "named"),
    [
        ("A", ("AC", "ACT"), ("C", "CT")),
        ("ACT", ("A", "AC"), ("-", "C")),
        ("AC", ("A", "GC"), ("A", "GC")),
        ("A", ("C", "G"), ("C", "G")),
    ],
)
def test_vep_names_an_allele_without_the_base_all_share(
    ref: str, alts: tuple[str, ...], named: tuple[str, ...]
) -> None:
    text = ",".join(f"{name}|intron_variant||G{n}|||||" for n, name in enumerate(named))
    assert [said.genes for said in read("CSQ", CSQ, text, ref, *alts)] == [("G0",), ("G1",)]


def test_an_allele_number_wins_over_the_name() -> None:
    made = annotator({"CSQ": f"{CSQ}|ALLELE_NUM"})
    assert made is not None
    said = made.read("-|intron_variant||G1||||||2", "A", ("C", "T"))
    assert [each.genes for each in said] == [(), ("G1",)]


@pytest.mark.parametrize("text", ["", "|", "T", "||||||||||||", "T|nonsense|x|", ",,,", "X" * 5000])
def test_odd_entries_say_nothing(text: str) -> None:
    assert read("CSQ", CSQ, text) == [Annotations()]


@pytest.mark.parametrize(
    "declared",
    [{}, {"CSQ": ""}, {"CSQ": "Format: Allele|IMPACT"}, {"DP": CSQ}, {"ANN": "no fields here"}],
)
def test_a_header_that_declares_no_fields_is_no_annotation(declared: dict[str, str]) -> None:
    assert annotator(declared) is None


def test_every_effect_has_an_id_of_its_own() -> None:
    assert len(LABELS) == len(EFFECTS)
