"""The allele that a phenopacket's `VariationDescriptor` states, in the form that VCF gives it.

GA4GH Phenopacket Schema 2.0 and VRSATILE: `vcfRecord` first, then genomic HGVS and SPDI among the
`expressions`, then the VRS 1.2 `variation`. What has no place on the dataset's assembly (a coding
name, a label, a gene) is `Unplaced`, never guessed at. Who carries it is left to `interpretations`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from beacon.catalog import Allele
from beacon.loading import bff_alleles, shapes
from beacon.loading.bff_fields import Record, Rejected, member, objects, text, whole
from beacon.loading.shapes import Place, Shape
from beacon.loading.variant_lines import BREAKEND, INSERTION, LONGEST_CHROMOSOME, MAX_ALLELE_BASES
from beacon.variation import justify
from beacon.variation.alleles import CHROMOSOMES, canonical_assembly, trimmed
from beacon.variation.reaches import RefCheck
from beacon.variation.reference import Reference
from schemas import sequences, variant_text
from schemas.hgvs import Edit, GenomicName, UnreadableName, reverse
from schemas.variant_text import WrittenAllele

# A deletion, duplication or inversion whose bases are not written is spelled from the reference up
# to so many; from where VCF calls it structural it may stand as a symbol.
MAX_SPELLED = 1_000
STRUCTURAL = 50
_MAX_NAME = 200
_MAX_TEXT = 1_000_000
_SYMBOLS = {Edit.DELETION: "<DEL>", Edit.DUPLICATION: "<DUP>", Edit.INVERSION: "<INV>"}
_END = re.compile(r"(?:^|;)END=(\d{1,10})(?:;|$)", re.ASCII)
_LENGTH = re.compile(r"(?:^|;)SVLEN=-?(\d{1,10})(?:;|$)", re.ASCII)
_AT = "variationDescriptor."
_Form = Callable[[str, Reference | None], Shape | None]


class Unplaced(Exception):
    """No form of a descriptor says where on the assembly the change is."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field, self.expected = field, expected


def shape(descriptor: Record, *, assembly: str, reference: Reference | None) -> Shape:
    """Raises `Unplaced`; and `Rejected` for what contradicts the schema or the reference."""
    reasons: list[Unplaced] = []
    for form in _forms(descriptor):
        try:
            made = form(assembly, reference)
        except Unplaced as nowhere:
            reasons.append(nowhere)
            continue
        if made is not None:
            _compare(made, reference)
            return _normal(made, reference)
    raise (
        reasons[0]
        if reasons
        else Unplaced(
            "variationDescriptor", "a vcfRecord, a genomic HGVS or SPDI expression, or a VRS allele"
        )
    )


def _forms(descriptor: Record) -> Iterator[_Form]:
    """The best first."""
    if record := member(descriptor, "vcfRecord", at=_AT):
        yield partial(_of_vcf, record)
    for at, written in expressions(descriptor):
        yield partial(_of_text, written, at)
    if variation := member(descriptor, "variation", at=_AT):
        yield partial(_of_vrs, variation)


def expressions(descriptor: Record) -> Iterator[tuple[str, str]]:
    """(where, value) of each, of whatever syntax it is said to be: some say another than it is."""
    for at, stated in objects(descriptor, "expressions", at=_AT):
        written = (text(stated, "value", at=at, most=_MAX_TEXT) or "").strip()
        if 0 < len(written) <= variant_text.MAX_CHARS:
            yield f"{at}value", written


# vcfRecord


def _of_vcf(record: Record, assembly: str, reference: Reference | None) -> Shape:
    at = f"{_AT}vcfRecord."
    said = text(record, "genomeAssembly", at=at, most=_MAX_NAME) or ""
    chrom = _chromosome(
        text(record, "chrom", at=at, most=_MAX_NAME) or "", f"{at}chrom", assembly, said
    )
    start0 = number(record.get("pos", 0), at=f"{at}pos") - 1
    ref = (text(record, "ref", at=at, most=MAX_ALLELE_BASES) or "").upper()
    alt = text(record, "alt", at=at, most=MAX_ALLELE_BASES) or ""
    if start0 < 0 or not ref or not alt or "," in alt:
        raise Unplaced(f"{at}alt", "POS, REF and one ALT allele as VCF has them")
    info = text(record, "info", at=at, most=_MAX_TEXT) or ""
    where = Place(chrom, start0, start0 + len(ref))
    try:
        return _of_alt(where, ref, alt, info=info, reference=reference)
    except Rejected as wrong:
        raise Unplaced(f"{at}alt", wrong.expected) from wrong


def _of_alt(where: Place, ref: str, alt: str, *, info: str, reference: Reference | None) -> Shape:
    if BREAKEND.match(alt):
        return shapes.breakend(where.chrom, where.start0, ref, alt)
    if not alt.startswith("<"):
        return shapes.explicit(where, ref, alt.upper(), reference)
    if INSERTION.match(alt):
        return shapes.symbolic(where, ref, alt, reference)
    end, size = _END.search(info), _LENGTH.search(info)
    if end is None and size is None:
        raise Unplaced(f"{_AT}vcfRecord.info", "END or SVLEN of a symbolic allele")
    end0 = int(end[1]) if end else where.start0 + 1 + int(size[1]) if size else 0
    return shapes.symbolic(where._replace(end0=end0), ref, alt, reference)


def number(value: object, *, at: str, most: int = LONGEST_CHROMOSOME) -> int:
    """A whole number, which protobuf's JSON form writes as text where it may be large."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20:
        value = int(value)
    return whole(value, at=at, most=most)


# Expressions


def _of_text(written: str, at: str, assembly: str, reference: Reference | None) -> Shape | None:
    """None for a text that is no genomic change."""
    try:
        spelled = variant_text.allele(written)
    except UnreadableName as wrong:
        raise Unplaced(at, "an exact genomic change") from wrong
    if spelled is None:
        return None
    chrom = _chromosome(spelled.sequence, at, assembly, "")
    try:
        if isinstance(spelled, WrittenAllele):
            where = Place(chrom, spelled.start0, spelled.start0 + len(spelled.ref))
            unsaid = bool(spelled.ref) and not spelled.ref.strip("N")
            return shapes.explicit(where, None if unsaid else spelled.ref, spelled.alt, reference)
        return _of_name(chrom, spelled, reference)
    except Rejected as wrong:
        raise Unplaced(at, wrong.expected) from wrong


def _of_name(chrom: str, name: GenomicName, reference: Reference | None) -> Shape:
    where = Place(chrom, name.start0, name.end0)
    length, symbol = name.end0 - name.start0, _SYMBOLS.get(name.edit)
    known = name.deleted is not None or (reference is not None and length <= MAX_SPELLED)
    if symbol is not None and length >= STRUCTURAL and not known:
        return shapes.symbolic(where, "", symbol, reference)
    deleted = name.deleted if name.deleted is not None else shapes.fetched(reference, where)
    match name.edit:
        case Edit.DUPLICATION:
            # A tandem copy in front is the same as one behind; VCF has it in front.
            where, deleted, inserted = where._replace(end0=where.start0), "", deleted
        case Edit.INVERSION:
            inserted = reverse(deleted)
        case _:
            inserted = name.inserted or ""
    return shapes.explicit(where, deleted, inserted, reference)


# VRS


def _of_vrs(variation: Record, assembly: str, reference: Reference | None) -> Shape:
    """As the VRS 1.3 that Beacon has: 1.2 in protobuf names the kinds of its members."""
    at = f"{_AT}variation"
    if stated := member(variation, "allele", at=f"{at}."):
        literal = member(stated, "literalSequenceExpression") or member(stated, "sequenceState")
        same: Record = {
            "type": "Allele",
            "location": _location(stated, at, assembly),
            "state": {"type": "LiteralSequenceExpression", **literal},
        }
    elif counted := member(variation, "copyNumber", at=f"{at}."):
        copies = number(member(counted, "number").get("value"), at=f"{at}.copyNumber.number")
        same = {
            "type": "CopyNumberCount",
            "subject": _location(member(counted, "allele"), at, assembly),
            "copies": {"type": "Number", "value": copies},
        }
    else:
        raise Unplaced(at, "an allele or a copy number")
    try:
        made = bff_alleles.shape({"variation": same}, assembly=assembly, reference=reference)
    except Rejected as wrong:
        raise Unplaced(at, wrong.expected) from wrong
    if made is None:
        raise Unplaced(at, "a sequence of 1..22, X, Y, MT")
    return made


def _location(stated: Record, at: str, assembly: str) -> Record:
    where = member(stated, "sequenceLocation")
    interval, simple = member(where, "sequenceInterval"), member(where, "simpleInterval")
    ends = (
        [member(interval, f"{side}Number").get("value") for side in ("start", "end")]
        if interval
        else [simple.get(side) for side in ("start", "end")]
    )
    if not where or ends[1] is None:
        raise Unplaced(at, "a location in a sequence with exact ends")
    name = text(where, "sequenceId", at=at, most=_MAX_NAME) or ""
    _chromosome(name, at, assembly, "")
    # A start of 0 is left out of protobuf's JSON form, as every default is.
    first, last = (number(end or 0, at=f"{at}.interval") for end in ends)
    return {
        "type": "SequenceLocation",
        "sequence_id": name,
        "interval": {"start": first, "end": last},
    }


# What all forms share


def _chromosome(name: str, at: str, assembly: str, said: str) -> str:
    """The chromosome of the dataset's assembly; the mitochondrial one is the same in both."""
    found = sequences.place(name)
    if found is None:
        raise Unplaced(at, f"a sequence of 1..22, X, Y, MT on {assembly}")
    chrom, stated = found[0], found[1] or canonical_assembly(said)
    if stated is None and chrom == "MT" and not said:
        stated = assembly
    if stated is None:
        raise Unplaced(at, "an assembly: a genomeAssembly, or an accession as sequence")
    if stated != assembly:
        raise Unplaced(at, f"coordinates on {assembly}, not on {stated}")
    return chrom


def _normal(made: Shape, reference: Reference | None) -> Shape:
    """The same change in one spelling whoever wrote it: trimmed, and with a reference moved to the
    left as far as it goes, behind the base that VCF writes in front of it."""
    chrom = CHROMOSOMES[made.rank - 1]
    if made.alt.strip("ACGTN"):
        return made
    stated = Allele(chrom, made.start0, made.ref, made.alt)
    core = trimmed(stated)
    if not (core.ref and core.alt) and reference is not None:
        moved = justify.justified(stated, reference)
        core = moved.moved(-moved.left)
    if (core.ref and core.alt) or (core.start0 > 0 and reference is not None):
        where = Place(chrom, core.start0, core.start0 + len(core.ref))
        return shapes.explicit(where, core.ref, core.alt, reference)
    if core.start0 > made.start0:
        base = made.ref[core.start0 - 1 - made.start0]
        where = Place(chrom, core.start0 - 1, core.start0 + len(core.ref))
        return shapes.explicit(where, base + core.ref, base + core.alt, None)
    return made


def _compare(made: Shape, reference: Reference | None) -> None:
    if reference is None:
        return
    compared = RefCheck(reference)
    compared.look(CHROMOSOMES[made.rank - 1], made.start0, made.ref)
    if compared.places:
        raise Rejected(
            "variationDescriptor",
            "REF as the reference has it",
            "check the assembly, or leave the interpretation out with --max-rejected",
        )
