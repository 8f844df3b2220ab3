"""Shapes of alleles: trimming and variant types; sequence names are `schemas.sequences`'.

Beacon v2.2 genomic queries: an allele is the same whether it was written anchored as in VCF 4.3
(`A`>`AC`) or fully trimmed (empty>`C`), so both sides are trimmed before they are compared. No
reference sequence is at hand: alleles are trimmed, not shifted to the left.
"""

from __future__ import annotations

import re

from beacon import copy_number
from beacon.catalog import Allele
from schemas.sequences import (
    CHROMOSOMES,
    LENGTHS,
    RANKS,
    assembly_of_accession,
    canonical_assembly,
    canonical_chromosome,
)

__all__ = [
    "CHROMOSOMES",
    "EVERY_TYPE",
    "LENGTHS",
    "RANKS",
    "assembly_of_accession",
    "bases_match",
    "canonical_assembly",
    "canonical_chromosome",
    "canonical_type",
    "changed_length",
    "copy_number_type",
    "trimmed",
    "types_matching",
    "variant_type",
]

# The words and terms for each stored type: VCF, Sequence Ontology, EFO copy-number change.
_WORDS = {
    "SNP": ("SNP", "SNV", "SO:0001483"),
    "MNP": ("MNP", "MNV", "SO:0002007"),
    "INS": ("INS", "SO:0000667"),
    "DEL": ("DEL", "SO:0000159", "SO:0001743", "EFO:0030067", "COPY NUMBER LOSS"),
    "DUP": ("DUP", "SO:1000035", "SO:0001742", "EFO:0030070", "COPY NUMBER GAIN"),
    "INV": ("INV", "SO:1000036"),
    "BND": ("BND",),
    "INDEL": ("DELINS", "SO:1000032"),
}
# Terms above several stored types: children match a question for their parent (Beacon v2.2).
_ABOVE = {
    ("INDEL",): {"INS", "DEL", "INDEL"},
    ("CNV", "SO:0001019", "EFO:0030066"): {"CNV", "DEL", "DUP"},
    ("SV", "SO:0001537"): {"CNV", "DEL", "DUP", "INS", "INV", "BND"},
    ("SO:0001059",): {"SNP", "MNP", "INS", "DEL", "INDEL", "DUP", "INV", "CNV", "BND"},
}
_TYPES: dict[str, frozenset[str]] = {
    **{word: frozenset({stored}) for stored, words in _WORDS.items() for word in words},
    **{word: frozenset(below) for words, below in _ABOVE.items() for word in words},
}
EVERY_TYPE = _TYPES["SO:0001059"]
_FIRST = {word: words[0] for words in (*_WORDS.values(), *_ABOVE) for word in words}
_SYMBOLIC = re.compile(r"^<(DEL|DUP|INV|CNV|CN(\d{1,3}))(?::[^>]{1,100})?>$")
_BASES = re.compile(r"^[ACGTN]+$")


def trimmed(allele: Allele) -> Allele:
    """The same change with shared bases removed, at the end first and then at the start."""
    start0, ref, alt = allele.start0, allele.ref.upper(), allele.alt.upper()
    if alt.startswith("<"):
        return Allele(allele.chrom, start0, ref, alt)
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt, start0 = ref[1:], alt[1:], start0 + 1
    return Allele(allele.chrom, start0, ref, alt)


def variant_type(allele: Allele) -> str | None:
    """SNP, MNP, INS, DEL, INDEL, or DUP, INV, CNV for symbolic alleles; None if not storable."""
    if found := _SYMBOLIC.match(allele.alt):
        if found[2] is None:
            return found[1]
        return copy_number_type(int(found[2]))
    if not (_BASES.match(allele.ref) and _BASES.match(allele.alt)) or allele.ref == allele.alt:
        return None
    core = trimmed(allele)
    if not core.ref:
        return "INS"
    if not core.alt:
        return "DEL"
    if len(core.ref) == len(core.alt):
        return "SNP" if len(core.ref) == 1 else "MNP"
    return "INDEL"


def copy_number_type(copies: int) -> str | None:
    """The type of an allele that says its copies on one haplotype (1000 Genomes `<CN0>`): none is a
    loss, more than one a gain, one no change."""
    if copies == 1:
        return None
    return "DEL" if copies < 1 else "DUP"


def changed_length(allele: Allele, end0: int) -> int:
    """Bases inserted, deleted or replaced, the longer of the two sides; a symbolic allele's REF
    base is only its anchor."""
    if allele.alt.startswith("<"):
        return end0 - allele.start0 - 1
    core = trimmed(allele)
    return max(len(core.ref), len(core.alt))


def types_matching(requested: str) -> frozenset[str] | None:
    """Stored types a requested `variantType` covers, of a level of copy number those it is of; None
    when no stored type could tell."""
    level = copy_number.named(requested)
    if level is not None:
        return frozenset({level.change})
    return _TYPES.get(_word(requested))


def canonical_type(requested: str) -> str:
    """The one spelling of what `types_matching` knows: as many questions are told apart as differ
    in what they mean."""
    return copy_number.named(requested) or _FIRST[_word(requested)]


def _word(requested: str) -> str:
    return requested.upper().replace("_", " ")


def bases_match(pattern: str, bases: str) -> bool:
    """Whether `bases` fits `pattern`, in which `N` stands for any one base (Beacon v2.2); a letter
    of a symbol is none."""
    return len(pattern) == len(bases) and all(
        wanted == found or (wanted == "N" and found in "ACGTN")
        for wanted, found in zip(pattern, bases, strict=True)
    )
