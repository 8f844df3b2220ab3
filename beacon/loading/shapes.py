"""The stored form of an allele that a record states in words of its own: where, REF and ALT as VCF.

VCF 4.3 writes a base in front of what has none left, and of what is not spelled: where the record
does not say it, it comes from the reference. Refusals name the members of a Beacon
`LegacyVariation`. What records say is left to `bff_alleles` and `descriptors`.
"""

from __future__ import annotations

from typing import NamedTuple

from beacon.catalog import Allele
from beacon.copy_number import Level
from beacon.loading.bff_fields import Rejected
from beacon.loading.variant_lines import INSERTION, LONGEST_CHROMOSOME, MAX_ALLELE_BASES
from beacon.variation import alleles
from beacon.variation.reference import Reference

_SEQUENCE_STEP = "give the bases of the assembly with --sequences"


class Shape(NamedTuple):
    """The columns of `parquet.Row` that say which allele it is, and how far a copy number went."""

    rank: int
    start0: int
    end0: int
    ref: str
    alt: str
    type: str
    length: int
    level: Level | None = None  # of all who carry it


class Place(NamedTuple):
    chrom: str
    start0: int
    end0: int


def explicit(where: Place, ref: str | None, alt: str, reference: Reference | None) -> Shape:
    """What stands in the place becomes `alt`. Without `ref` the reference says it."""
    chrom, start0, end0 = where
    if end0 - start0 > MAX_ALLELE_BASES:
        raise Rejected("variation.location", f"an allele of at most {MAX_ALLELE_BASES} bases")
    if ref is None:
        ref = fetched(reference, where) if end0 > start0 else ""
    if not ref or not alt:
        base = fetched(reference, Place(chrom, start0 - 1, start0))
        start0, ref, alt = start0 - 1, base + ref, base + alt
    allele = Allele(chrom, start0, ref, alt)
    kind = alleles.variant_type(allele)
    if kind is None:
        raise Rejected("variation", "two different alleles in the letters ACGTN")
    end0 = start0 + len(ref)
    return _shape(chrom, start0, end0, ref, alt, kind, alleles.changed_length(allele, end0))


def fetched(reference: Reference | None, where: Place) -> str:
    """All of the bases that stand there."""
    chrom, start0, end0 = where
    bases = reference.bases(chrom, start0, end0) if reference is not None and start0 >= 0 else ""
    if len(bases) != end0 - start0:
        expected = "bases in front of the change, as VCF writes it, or the reference's"
        raise Rejected("variation.referenceBases", expected, _SEQUENCE_STEP)
    return bases


def breakend(chrom: str, start0: int, ref: str, alt: str) -> Shape:
    """`ref` is the base that VCF writes at its place."""
    return _shape(chrom, start0, start0 + len(ref), ref, alt, "BND", 0)


def symbolic(where: Place, ref: str, alt: str, reference: Reference | None) -> Shape:
    """The place is of what changes, or with `ref` of the base in front of it too."""
    chrom, start0, end0 = where
    if len(ref) > 1 or ref.strip("ACGTN"):
        raise Rejected("variation.referenceBases", "one base where alternateBases are not spelled")
    if not ref:
        start0 -= 1
        ref = reference.bases(chrom, start0, start0 + 1) if reference and start0 >= 0 else ""
        ref = ref or "N"
    if start0 < 0:
        raise Rejected("variation.location", "a change behind the first base")
    if INSERTION.match(alt):
        if end0 != start0 + 1:
            raise Rejected(
                "variation.location", "one place for an insertion whose bases are unsaid"
            )
        return _shape(chrom, start0, end0, ref, alt, "INS", 0)
    allele = Allele(chrom, start0, ref, alt)
    kind = alleles.variant_type(allele)
    if kind is None:
        raise Rejected("variation.alternateBases", "<DEL>, <DUP>, <INV>, <CNV>, <CN0>, <INS>")
    if end0 <= start0 + 1:
        raise Rejected("variation.location", "an interval of at least one changed base")
    return _shape(chrom, start0, end0, ref, alt, kind, alleles.changed_length(allele, end0))


def _shape(chrom: str, start0: int, end0: int, ref: str, alt: str, kind: str, length: int) -> Shape:
    if not (0 <= start0 < end0 <= LONGEST_CHROMOSOME):
        raise Rejected("variation.location", "a place inside the chromosome")
    return Shape(alleles.RANKS[chrom], start0, end0, ref, alt, kind, length)
