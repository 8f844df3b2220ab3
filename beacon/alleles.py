"""Names and shapes of alleles: chromosomes, assemblies, trimming and variant types.

Beacon v2.2 genomic queries: an allele is the same whether it was written anchored as in VCF 4.3
(`A`>`AC`) or fully trimmed (empty>`C`), so both sides are trimmed before they are compared. No
reference sequence is at hand: alleles are trimmed, not shifted to the left.
"""

from __future__ import annotations

import re

from beacon.catalog import Allele

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
RANKS = {name: rank for rank, name in enumerate(CHROMOSOMES, start=1)}

# RefSeq accession versions of 1..22, X, Y in GRCh37; GRCh38 has the next version of each.
_GRCH37_VERSIONS = (
    10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9,
)  # fmt: skip
_REFSEQ = re.compile(r"^(?:refseq:)?NC_0{4}(\d\d)\.(\d{1,2})$", re.IGNORECASE)
_MITOCHONDRION = re.compile(r"^(?:refseq:)?NC_012920\.1$", re.IGNORECASE)
_PLAIN = re.compile(r"^(?:chr)?(\d{1,2}|x|y|mt?)$", re.IGNORECASE)

# Lengths that tell the two assemblies apart in VCF headers: (GRCh37, GRCh38).
LENGTHS = {
    "1": (249250621, 248956422),
    "2": (243199373, 242193529),
    "20": (63025520, 64444167),
    "21": (48129895, 46709983),
    "22": (51304566, 50818468),
    "X": (155270560, 156040895),
}
_ASSEMBLY = {
    "GRCh37": re.compile(
        r"grch37|hg19|hs37d5|\bb37\b|GCF_000001405\.(1[3-9]|2[0-5])\b", re.IGNORECASE
    ),
    "GRCh38": re.compile(r"grch38|hg38|\bb38\b|GCF_000001405\.(2[6-9]|[34]\d)\b", re.IGNORECASE),
}

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


def canonical_chromosome(name: str) -> str | None:
    """`1`..`22`, `X`, `Y`, `MT`, or None for any other sequence."""
    if _MITOCHONDRION.match(name):
        return "MT"
    if found := _REFSEQ.match(name):
        number = int(found[1])
        return CHROMOSOMES[number - 1] if 1 <= number <= 24 else None
    if found := _PLAIN.match(name):
        plain = found[1].upper()
        plain = "MT" if plain == "M" else plain
        return plain if plain in RANKS else None
    return None


def assembly_of_accession(name: str) -> str | None:
    """The assembly a versioned RefSeq chromosome belongs to; None when the name does not say."""
    found = _REFSEQ.match(name)
    if not found or not 1 <= int(found[1]) <= 24:
        return None
    newer = int(found[2]) - _GRCH37_VERSIONS[int(found[1]) - 1]
    return {0: "GRCh37", 1: "GRCh38"}.get(newer)


def canonical_assembly(text: str) -> str | None:
    """`GRCh37` or `GRCh38` where the text names exactly one of them."""
    named = [name for name, pattern in _ASSEMBLY.items() if pattern.search(text)]
    return named[0] if len(named) == 1 else None


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
