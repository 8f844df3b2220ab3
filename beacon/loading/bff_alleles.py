"""The allele of a BFF `genomicVariations` record, in the form that VCF gives it, and its level.

Beacon v2.2 `LegacyVariation`; VRS 1.3 `Allele`, `CopyNumberChange`, `CopyNumberCount` (and their
names before 1.3) on a `SequenceLocation`. Haplotypes, sets, genotypes, text, cytobands and ranges
without exact ends have no allele, and are refused by name.
"""

from __future__ import annotations

import re

from beacon import copy_number
from beacon.loading import bff_vrs, shapes
from beacon.loading.bff_fields import Record, Rejected, member, text, whole
from beacon.loading.shapes import Place, Shape
from beacon.loading.variant_lines import BREAKEND, LONGEST_CHROMOSOME, MAX_ALLELE_BASES
from beacon.variation import alleles
from beacon.variation.reference import Reference
from schemas.sequences import canonical_chromosome, place

_PSEUDO = re.compile(r"HGVSid:([^:]{1,40}):[gm]\.")  # as converters write a sequence
_MAX_NAME = 200
_CNV = frozenset({"CNV", "DEL", "DUP"})


def shape(record: Record, *, assembly: str, reference: Reference | None) -> Shape | None:
    """None on a sequence beside 1..22, X, Y, MT. Raises `Rejected`."""
    variation = _located(record)
    kind = variation.get("type")
    if kind is None and "alternateBases" in variation:
        where = _placed(variation, "location", assembly)
        return where and _legacy(variation, where, reference)
    if kind == "Allele":
        where = _placed(variation, "location", assembly)
        return where and shapes.explicit(where, None, bff_vrs.state(variation), reference)
    if bff_vrs.is_copy_number(kind):
        where = _placed(variation, "subject", assembly)
        if where is None:
            return None
        alt, level = bff_vrs.copy_change(variation, where.chrom)
        return shapes.symbolic(where, "", alt, reference)._replace(level=level)
    raise Rejected(
        "variation",
        "a LegacyVariation, or a VRS 1.3 Allele, CopyNumberChange or CopyNumberCount",
    )


# Places


def _located(record: Record) -> Record:
    """The variation; converters that name a gene as its sequence say beside it which one it is."""
    variation = member(record, "variation")
    location = variation.get("location")
    if not isinstance(location, dict):
        return variation
    sequence = location.get("sequence_id")
    pseudo = _PSEUDO.match(sequence) if isinstance(sequence, str) else None
    if pseudo is None or canonical_chromosome(pseudo[1]) is not None:
        return variation
    beside = text(member(record, "_position"), "refseqId", at="_position.", most=_MAX_NAME)
    if not beside:
        raise Rejected("variation.location.sequence_id", "a sequence such as refseq:NC_000001.11")
    return {**variation, "location": {**location, "sequence_id": beside}}


def _placed(variation: Record, name: str, assembly: str) -> Place | None:
    at = f"variation.{name}."
    location = member(variation, name, at="variation.")
    if location.get("type", "SequenceLocation") != "SequenceLocation":
        raise Rejected(f"{at}type", "a SequenceLocation; others have no coordinates")
    sequence = text(location, "sequence_id", at=at, most=MAX_ALLELE_BASES)
    if not sequence:
        raise Rejected(f"{at}sequence_id", "a sequence such as refseq:NC_000001.11")
    pseudo = _PSEUDO.match(sequence)
    name = pseudo[1] if pseudo else sequence[:_MAX_NAME]
    found = place(name)
    if found is None and canonical_chromosome(name) is None:
        return None
    if found is None or found[1] not in (None, assembly):
        raise Rejected(f"{at}sequence_id", f"a sequence of {assembly}")
    start0, end0 = _interval(member(location, "interval", at=at), f"{at}interval")
    return Place(found[0], start0, end0)


def _interval(interval: Record, at: str) -> tuple[int, int]:
    ends = []
    for side in ("start", "end"):
        value = interval.get(side)
        if isinstance(value, dict):
            if value.get("type", "Number") != "Number":
                raise Rejected(f"{at}.{side}", "a Number; ranges without exact ends have no allele")
            value = value.get("value")
        ends.append(whole(value, at=f"{at}.{side}", most=LONGEST_CHROMOSOME))
    if ends[0] > ends[1]:
        raise Rejected(at, "an end that is not before its start")
    return ends[0], ends[1]


# Alleles


def _legacy(variation: Record, where: Place, reference: Reference | None) -> Shape:
    at = "variation."
    ref = text(variation, "referenceBases", at=at, most=MAX_ALLELE_BASES)
    alt = text(variation, "alternateBases", at=at, most=MAX_ALLELE_BASES) or ""
    ref = None if ref is None else _bare(ref)
    if BREAKEND.match(alt):
        if not ref:
            raise Rejected(f"{at}referenceBases", "the base of the breakend")
        return shapes.breakend(where.chrom, where.start0, ref, alt)
    alt = _bare(alt)
    word = text(variation, "variantType", at=at, most=_MAX_NAME) or ""
    if not alt and word.upper() == "BND":
        raise Rejected(f"{at}alternateBases", "the breakend as VCF writes it, such as G]2:321]")
    kind = _structural(word)
    spelled = bool(ref) and len(ref or "") == where.end0 - where.start0
    unsaid = not alt and kind is not None and not (spelled and kind == "DEL")
    if alt.startswith("<") or unsaid:
        made = shapes.symbolic(where, ref or "", alt or f"<{kind}>", reference)
    else:
        made = shapes.explicit(where if spelled else _mended(where, ref), ref, alt, reference)
    level = copy_number.named(word)
    return made._replace(level=level) if level and level.change == made.type else made


def _mended(where: Place, ref: str | None) -> Place:
    """The place of REF, of which converters count the first base only."""
    if ref and where.end0 - where.start0 == 1:
        return where._replace(end0=where.start0 + len(ref))
    if ref is None or (not ref and where.start0 == where.end0):
        return where
    raise Rejected("variation.location.interval", "an interval as long as referenceBases")


def _bare(bases: str) -> str:
    return "" if bases in ("-", ".") else bases.upper() if not bases.startswith("<") else bases


def _structural(word: str) -> str | None:
    """The stored type of a word that can stand without bases."""
    below = alleles.types_matching(word)
    if below == _CNV:
        return "CNV"
    one = next(iter(below)) if below is not None and len(below) == 1 else None
    return one if one in ("DEL", "DUP", "INV", "INS") else None
