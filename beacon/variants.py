"""Recognises the kind of a genomic query by the parameters present (Beacon v2.2 genomic queries).

Coordinates are zero-based, half-open. What is written in one text is read by
`beacon.variation.shorthand`; matching is the catalog's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TypedDict

from beacon import copy_number
from beacon.catalog import Allele, AminoacidChange, ChangeWithin, InGene, Span, WithoutEffects
from beacon.errors import BadQuestion, UnsupportedQuestion
from beacon.variation import shorthand
from beacon.variation.alleles import EVERY_TYPE, canonical_type, types_matching, variant_type
from beacon.variation.shorthand import Asked as Asked
from schemas import protein
from schemas.sequences import assembly_named, place

MAX_POSITION = 2**31 - 1
MAX_BASES = 10_000
MAX_SEQUENCES = 256
MAX_TEXT = 200
MAX_SHORT_FORM = 12_000
LISTS = frozenset({"start", "end"})
INTEGERS = LISTS | {"variantMinLength", "variantMaxLength"}
TEXTS = frozenset(
    {"referenceName", "assemblyId", "referenceBases", "alternateBases", "variantType"}
    | {"geneId", "aminoacidChange", "genomicAlleleShortForm", "variantId"}
)
UNSUPPORTED = frozenset({"mateName"})
PARAMETERS = INTEGERS | TEXTS | UNSUPPORTED
ALIASES = {"geneid": "geneId", "allele": "genomicAlleleShortForm"}

SUPPORTED = (
    "exact allele (referenceName, start, referenceBases, alternateBases), "
    "range (referenceName, start, end), bracket (two start, two end), gene (geneId), "
    "amino-acid change (aminoacidChange, also with geneId, in a range or in a bracket), "
    f"genomicAlleleShortForm or variantId ({shorthand.SPELLINGS}), "
    "and by id (/g_variants/{id})"
)
_UNSUPPORTED_TYPE = (
    "This variantType is not supported. Supported: SNP, MNP, INS, DEL, INDEL, DUP, INV, CNV, BND, "
    "SV, their SO and EFO terms, and the levels of gain and loss "
    f"({', '.join(copy_number.Level)})."
)
_BASES = "ACGTN"
_NARROWING = ("variantType", "variantMinLength", "variantMaxLength")
_OF_PLACES = (*_NARROWING, "aminoacidChange")
_OF_MANY = (*_NARROWING[1:], "aminoacidChange")  # one allele has its length and its effect
_NAMED = UNSUPPORTED | {"genomicAlleleShortForm", "variantId", "aminoacidChange", "geneId"}
_PLACE = frozenset({"referenceName", "start", "end"})


class _Narrowed(TypedDict):
    ref: str | None
    alt: str | None
    variant_type: str | None
    min_length: int | None
    max_length: int | None


def recognise(parameters: Mapping[str, object]) -> Asked | None:
    """The question of already canonically named parameters; None when there are none."""
    if not parameters:
        return None
    if _NAMED.isdisjoint(parameters):  # as of nearly all
        return _placed(parameters)
    if not UNSUPPORTED.isdisjoint(parameters):
        refused = sorted(UNSUPPORTED & parameters.keys())
        raise UnsupportedQuestion(f"{', '.join(refused)} not supported. Supported: {SUPPORTED}.")
    for name in ("genomicAlleleShortForm", "variantId"):
        if name in parameters:
            return _short_form(name, parameters)
    if "aminoacidChange" in parameters and not _PLACE.isdisjoint(parameters):
        return _placed(parameters)
    return _annotated(parameters)


def _short_form(name: str, parameters: Mapping[str, object]) -> Asked:
    _alone(parameters, {name, "assemblyId"}, told=name)
    text = _text(parameters, name, most=MAX_SHORT_FORM)
    asked = shorthand.asked(text or "")
    return Asked(asked.question, _assembly(asked.assembly, _text(parameters, "assemblyId")))


def in_assembly(named: Asked, parameters: Mapping[str, object]) -> Asked:
    """What an address names, in the assembly that is named beside it."""
    return Asked(named.question, _assembly(named.assembly, _text(parameters, "assemblyId")))


def _annotated(parameters: Mapping[str, object]) -> Asked:
    """Questions that annotations answer, without coordinates."""
    assembly = _assembly(None, _text(parameters, "assemblyId"))
    gene, change = _gene(parameters), _change(parameters)
    if gene is None and change is not None:
        told = "aminoacidChange without geneId or a range (referenceName, start, end)"
        _alone(parameters, {"aminoacidChange", "assemblyId"}, told=told)
        return Asked(change, assembly)
    narrowing = {*_OF_PLACES, "referenceBases", "alternateBases"}
    _alone(parameters, {"geneId", "assemblyId", *narrowing}, told="geneId")
    narrowed = _narrowed(parameters)
    if change is not None and not any(value is not None for value in narrowed.values()):
        return Asked(change, assembly)
    return Asked(_changing(InGene(gene or "", **narrowed), change), assembly)


def _change(parameters: Mapping[str, object]) -> AminoacidChange | None:
    written = _text(parameters, "aminoacidChange")
    if written is None:
        return None
    change = protein.one_letter(written)
    if change is None:
        raise BadQuestion("aminoacidChange is a change such as V600E or p.Val600Glu.")
    return AminoacidChange(change, _gene(parameters))


def _gene(parameters: Mapping[str, object]) -> str | None:
    """In capitals, as symbols are compared: one question, whose noise is drawn once."""
    symbol = _text(parameters, "geneId")
    return symbol if symbol is None else symbol.upper()


def _changing(within: Span | InGene, change: AminoacidChange | None) -> WithoutEffects:
    return within if change is None else ChangeWithin(change, within)


def _placed(parameters: Mapping[str, object]) -> Asked:
    name = _text(parameters, "referenceName")
    if name is None or "start" not in parameters:
        raise UnsupportedQuestion(
            f"A genomic query needs referenceName and start. Supported: {SUPPORTED}."
        )
    chrom, assembly = _sequence(name, _text(parameters, "assemblyId"))
    starts = _positions(parameters, "start")
    ends = _positions(parameters, "end") if "end" in parameters else ()
    match len(starts), len(ends):
        case 1, 0:
            return Asked(_allele(chrom, starts[0], parameters), assembly)
        case 1, 1:
            within = _range(chrom, (starts[0], ends[0]), parameters)
        case 2, 2:
            within = _bracket(chrom, starts, ends, parameters=parameters)
        case _:
            raise BadQuestion("Give one start, one start and one end, or two starts and two ends.")
    return Asked(_changing(within, _change(parameters)), assembly)


@lru_cache(MAX_SEQUENCES)
def _sequence(name: str, assembly_id: str | None) -> tuple[str, str | None]:
    """Nearly all questions are of one of few sequences."""
    found = place(name)
    if found is None:
        raise UnsupportedQuestion(
            "This referenceName is not supported. Supported: 1-22, X, Y, MT, with or without chr, "
            "or their RefSeq or GenBank accessions and refget digests in GRCh37 and GRCh38."
        )
    chrom, implied = found
    return chrom, _assembly(implied, assembly_id)


def _alone(parameters: Mapping[str, object], wanted: set[str], *, told: str) -> None:
    """Reading past a parameter could widen the answer, so what does not fit is refused."""
    if stray := sorted(parameters.keys() - wanted):
        raise BadQuestion(f"{', '.join(stray)} cannot be combined with {told}.")


def _allele(chrom: str, start0: int, parameters: Mapping[str, object]) -> WithoutEffects:
    if not parameters.keys().isdisjoint(_OF_MANY):
        stray = [name for name in _OF_MANY if name in parameters]
        raise BadQuestion(f"{', '.join(stray)} cannot narrow an exact allele.")
    ref, alt = _bases(parameters, "referenceBases"), _bases(parameters, "alternateBases")
    if alt is None:
        raise BadQuestion("A start without an end needs alternateBases.")
    if ref is None:
        if not alt:
            raise BadQuestion("A deletion needs referenceBases.")
        starts = start0, start0 + 1
        narrowed = _narrowed(parameters)
        return Span(chrom, *starts, **narrowed, starts=starts, ends=_ANYWHERE, exact=True)
    if ref == alt and "N" not in ref:
        raise BadQuestion("referenceBases and alternateBases are the same.")
    spelled = "N" not in ref and "N" not in alt
    allele = Allele(chrom, start0, ref, alt) if spelled else _bared(chrom, start0, ref, alt=alt)
    if "variantType" in parameters and (kind := _narrowed(parameters)["variant_type"]) is not None:
        _check_type(allele, kind)
    return allele


def _check_type(allele: Allele, kind: str) -> None:
    """Bases say their type, so naming it too narrows nothing where it is that."""
    anchored = Allele(allele.chrom, 0, f"A{allele.ref}", f"A{allele.alt}")
    types = types_matching(kind)
    if kind in tuple(copy_number.Level) or types is None or variant_type(anchored) not in types:
        raise BadQuestion("variantType is not the type of this allele; leave it out.")


def _bared(chrom: str, start0: int, ref: str, *, alt: str) -> Allele:
    """Bases written around an `N` that both alleles share say nothing; alleles as stored are
    anchored by one base at most."""
    while ref and alt and ref[-1] == alt[-1] != "N":
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0] != "N":
        start0, ref, alt = start0 + 1, ref[1:], alt[1:]
    return Allele(chrom, start0, ref, alt)


_ANYWHERE = (0, MAX_POSITION)


def _range(chrom: str, span: tuple[int, int], parameters: Mapping[str, object]) -> Span:
    if span[0] >= span[1]:
        raise BadQuestion("end must be greater than start (0-based, end exclusive).")
    return Span(chrom, *span, **_narrowed(parameters))


def _bracket(
    chrom: str,
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    *,
    parameters: Mapping[str, object],
) -> Span:
    if starts[0] >= starts[1] or ends[0] >= ends[1] or starts[0] >= ends[1]:
        raise BadQuestion("Each window of a bracket must end after its start (end exclusive).")
    narrowed = _narrowed(parameters)
    windows = (starts[0], starts[1]), (ends[0], ends[1])
    return Span(chrom, starts[0], ends[1], starts=windows[0], ends=windows[1], **narrowed)


def _narrowed(parameters: Mapping[str, object]) -> _Narrowed:
    wanted = _text(parameters, "variantType")
    if wanted is not None and types_matching(wanted) is None:
        raise UnsupportedQuestion(_UNSUPPORTED_TYPE)
    shortest, longest = (_length(parameters, name) for name in _NARROWING[1:])
    if shortest is not None and longest is not None and shortest > longest:
        raise BadQuestion("variantMinLength is greater than variantMaxLength.")
    return {
        "ref": _bases(parameters, "referenceBases"),
        "alt": _bases(parameters, "alternateBases"),
        # That it is some change at all narrows nothing.
        "variant_type": None
        if wanted is None or types_matching(wanted) == EVERY_TYPE
        else canonical_type(wanted),
        "min_length": shortest or None,  # nothing is shorter than no base
        "max_length": longest,
    }


def _assembly(implied: str | None, assembly_id: str | None) -> str | None:
    """The assembly named, which must be the one that the sequence's own name implies."""
    if assembly_id is None:
        return implied
    named = assembly_named(assembly_id)
    if named is None:
        raise UnsupportedQuestion(
            "This assemblyId is not supported. Supported: GRCh37 (hg19, b37) and GRCh38 (hg38), "
            "with their patches and accessions."
        )
    if implied not in (None, named):
        raise BadQuestion("The sequence and assemblyId name different assemblies.")
    return named


def _text(parameters: Mapping[str, object], name: str, *, most: int = MAX_TEXT) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise BadQuestion(f"{name} must be a string of 1 to {most} characters.")
    return value


def _bases(parameters: Mapping[str, object], name: str) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_BASES:
        raise BadQuestion(f"{name} must be a string of at most {MAX_BASES} bases.")
    bases = "" if value == "-" else value.upper()
    if bases.strip(_BASES):  # something else is left
        raise UnsupportedQuestion(f"{name}: supported are A, C, G, T and N for any one base.")
    return bases


def _positions(parameters: Mapping[str, object], name: str) -> tuple[int, ...]:
    value = parameters.get(name)
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= 2:
        raise BadQuestion(f"{name} holds one or two positions.")
    for item in values:
        _check_whole(name, item)
    return tuple(values)


def _length(parameters: Mapping[str, object], name: str) -> int | None:
    value = parameters.get(name)
    return None if value is None else _check_whole(name, value)


def _check_whole(name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_POSITION:
        raise BadQuestion(f"{name} must be a whole number from 0 to {MAX_POSITION}.")
    return value
