"""One made-up gene on the synthetic chromosome, and what each substitution does to its protein.

Written as VEP writes it (`CSQ`): consequence by Sequence Ontology name, HGVS `c.` and `p.`. It is
one exon on the forward strand and codes for nothing that anybody has.
"""

from __future__ import annotations

SYMBOL = "ISLE1"
START0, END0 = 60_000, 90_000
DESCRIPTION = "Consequence annotations. Format: Allele|Consequence|SYMBOL|HGVSc|HGVSp"
_ORDER = "TCAG"
_LETTERS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
_NAMES = {
    "A": "Ala", "C": "Cys", "D": "Asp", "E": "Glu", "F": "Phe", "G": "Gly", "H": "His",
    "I": "Ile", "K": "Lys", "L": "Leu", "M": "Met", "N": "Asn", "P": "Pro", "Q": "Gln",
    "R": "Arg", "S": "Ser", "T": "Thr", "V": "Val", "W": "Trp", "Y": "Tyr", "*": "Ter",
}  # fmt: skip


def consequence(reference: str, start0: int, alt: str) -> str | None:
    """The `CSQ` entry of a substitution; None outside the gene."""
    if not START0 <= start0 < END0:
        return None
    place = start0 - START0
    first = start0 - place % 3
    codon = reference[first : first + 3]
    changed = codon[: place % 3] + alt + codon[place % 3 + 1 :]
    before, after = _amino_acid(codon), _amino_acid(changed)
    coding = f"{SYMBOL}-t.1:c.{place + 1}{reference[start0]}>{alt}"
    residue = f"{SYMBOL}-p.1:p.{_NAMES[before]}{place // 3 + 1}"
    # VEP writes the equals sign so, because INFO has its own.
    spelled = f"{residue}%3D" if before == after else residue + _NAMES[after]
    return "|".join((alt, _effect(before, after), SYMBOL, coding, spelled))


def _amino_acid(codon: str) -> str:
    first, second, third = (_ORDER.index(base) for base in codon)
    return _LETTERS[16 * first + 4 * second + third]


def _effect(before: str, after: str) -> str:
    if before == after:
        return "synonymous_variant"
    if after == "*":
        return "stop_gained"
    return "stop_lost" if before == "*" else "missense_variant"
