"""Shapes of alleles: trimming and variant types; sequence names are `schemas.sequences`'.

Beacon v2.2 genomic queries: an allele is the same whether it was written anchored as in VCF 4.3
(`A`>`AC`) or fully trimmed (empty>`C`), so both sides are trimmed before they are compared. No
reference sequence is at hand: alleles are trimmed, not shifted to the left.
"""

from __future__ import annotations

import re

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
    "LENGTHS",
    "RANKS",
    "assembly_of_accession",
    "bases_match",
    "canonical_assembly",
    "canonical_chromosome",
    "changed_length",
    "trimmed",
    "types_matching",
    "variant_type",
]

# What a requested type means in stored types; copy-number terms are the trees of Beacon v2.2.
_GAIN = ("EFO:0030070", "EFO:0030071", "EFO:0030072", "EFO:0030073", "SO:0001742", "SO:1000035")
_LOSS = (
    "EFO:0030067", "EFO:0030068", "EFO:0020073", "EFO:0030069", "SO:0001743", "SO:0000159",
)  # fmt: skip
_TYPES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("SNP", "SNV", "SO:0001483"), frozenset({"SNP"})),
    **dict.fromkeys(("MNP", "MNV", "SO:0002007"), frozenset({"MNP"})),
    **dict.fromkeys(("INS", "SO:0000667"), frozenset({"INS"})),
    **dict.fromkeys(("INDEL", "SO:1000032"), frozenset({"INS", "DEL", "INDEL"})),
    **dict.fromkeys(("DELINS",), frozenset({"INDEL"})),
    **dict.fromkeys(("DEL", *_LOSS[:1], *_LOSS[4:]), frozenset({"DEL"})),
    **dict.fromkeys(("DUP", *_GAIN[:1], *_GAIN[4:]), frozenset({"DUP"})),
    # How far a copy number went is not stored, so the narrower terms match nothing.
    **dict.fromkeys((*_LOSS[1:4], *_GAIN[1:4]), frozenset()),
    **dict.fromkeys(("INV", "SO:1000036"), frozenset({"INV"})),
    **dict.fromkeys(("CNV", "SO:0001019"), frozenset({"CNV", "DEL", "DUP"})),
}
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
        # 1000 Genomes: <CN0> is a lost copy on this haplotype, <CN2> and above gained ones.
        return {0: "DEL", 1: None}.get(int(found[2]), "DUP")
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


def changed_length(allele: Allele, end0: int) -> int:
    """Bases inserted, deleted or replaced, the longer of the two sides; a symbolic allele's REF
    base is only its anchor."""
    if allele.alt.startswith("<"):
        return end0 - allele.start0 - 1
    core = trimmed(allele)
    return max(len(core.ref), len(core.alt))


def types_matching(requested: str) -> frozenset[str] | None:
    """Stored types a requested `variantType` covers; None when the word is not known."""
    return _TYPES.get(requested.upper())


def bases_match(pattern: str, bases: str) -> bool:
    """Whether `bases` fits `pattern`, in which `N` stands for any one base (Beacon v2.2)."""
    return len(pattern) == len(bases) and all(
        wanted in ("N", found) for wanted, found in zip(pattern, bases, strict=True)
    )
