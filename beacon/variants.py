"""Recognises the kind of a genomic query by the parameters present (Beacon v2.2 genomic queries).

Coordinates are zero-based, half-open. Exact allele, range, bracket and (by path) id are served;
genes, amino acids and short forms are refused by name. Matching is the catalog's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from beacon.alleles import (
    assembly_of_accession,
    canonical_assembly,
    canonical_chromosome,
    types_matching,
)
from beacon.catalog import Allele, Span, VariantQuestion
from beacon.errors import BadQuestion, UnsupportedQuestion

MAX_POSITION = 2**31 - 1
MAX_BASES = 10_000
LISTS = frozenset({"start", "end"})
INTEGERS = LISTS | {"variantMinLength", "variantMaxLength"}
TEXTS = frozenset(
    {"referenceName", "assemblyId", "referenceBases", "alternateBases", "variantType"}
)
UNSUPPORTED = frozenset({"geneId", "aminoacidChange", "genomicAlleleShortForm", "mateName"})
PARAMETERS = INTEGERS | TEXTS | UNSUPPORTED
ALIASES = {"geneid": "geneId", "allele": "genomicAlleleShortForm"}

SUPPORTED = (
    "exact allele (referenceName, start, referenceBases, alternateBases), "
    "range (referenceName, start, end), bracket (two start, two end), "
    "and by id (/g_variants/{id})"
)
_BASES = re.compile(r"^[ACGTN]*$")
_NARROWING = ("variantType", "variantMinLength", "variantMaxLength")


@dataclass(frozen=True, slots=True)
class Asked:
    """A genomic question and the assembly its coordinates are in, None when it was not said."""

    question: VariantQuestion
    assembly: str | None


def recognise(parameters: Mapping[str, object]) -> Asked | None:
    """The question of already canonically named parameters; None when there are none."""
    if not parameters:
        return None
    if refused := sorted(UNSUPPORTED & parameters.keys()):
        raise UnsupportedQuestion(f"{', '.join(refused)} not supported. Supported: {SUPPORTED}.")
    name = _text(parameters, "referenceName")
    if name is None or "start" not in parameters:
        raise UnsupportedQuestion(
            f"A genomic query needs referenceName and start. Supported: {SUPPORTED}."
        )
    chrom = canonical_chromosome(name)
    if chrom is None:
        raise UnsupportedQuestion(
            "This referenceName is not supported. Supported: 1-22, X, Y, MT, with or without chr, "
            "or their RefSeq accessions."
        )
    assembly = _assembly(name, _text(parameters, "assemblyId"))
    starts, ends = _positions(parameters, "start"), _positions(parameters, "end")
    match len(starts), len(ends):
        case 1, 0:
            return Asked(_allele(chrom, starts[0], parameters), assembly)
        case 1, 1:
            return Asked(_range(chrom, (starts[0], ends[0]), parameters), assembly)
        case 2, 2:
            return Asked(_bracket(chrom, starts, ends, parameters=parameters), assembly)
        case _:
            raise BadQuestion("Give one start, one start and one end, or two starts and two ends.")


def _allele(chrom: str, start0: int, parameters: Mapping[str, object]) -> VariantQuestion:
    if stray := [name for name in _NARROWING if name in parameters]:
        raise BadQuestion(f"{', '.join(stray)} cannot narrow an exact allele.")
    ref, alt = _bases(parameters, "referenceBases"), _bases(parameters, "alternateBases")
    if alt is None:
        raise BadQuestion("A start without an end needs alternateBases.")
    if ref is None:
        if not alt:
            raise BadQuestion("A deletion needs referenceBases.")
        return Span(chrom, start0, start0 + 1, alt=alt, starts=(start0, start0 + 1), ends=_ANYWHERE)
    if ref == alt and "N" not in ref:
        raise BadQuestion("referenceBases and alternateBases are the same.")
    return Allele(chrom, start0, ref, alt)


_ANYWHERE = (0, MAX_POSITION)


def _range(chrom: str, span: tuple[int, int], parameters: Mapping[str, object]) -> Span:
    if span[0] >= span[1]:
        raise BadQuestion("end must be greater than start (0-based, end exclusive).")
    return _narrowed(Span(chrom, *span), parameters)


def _bracket(
    chrom: str,
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    *,
    parameters: Mapping[str, object],
) -> Span:
    if starts[0] >= starts[1] or ends[0] >= ends[1] or starts[0] >= ends[1]:
        raise BadQuestion("Each window of a bracket must end after its start (end exclusive).")
    span = Span(chrom, starts[0], ends[1], starts=starts[:2], ends=ends[:2])  # type: ignore[arg-type]  # two of each
    return _narrowed(span, parameters)


def _narrowed(span: Span, parameters: Mapping[str, object]) -> Span:
    wanted = _text(parameters, "variantType")
    if wanted is not None and types_matching(wanted) is None:
        raise UnsupportedQuestion(
            "This variantType is not supported. Supported: SNP, MNP, INS, DEL, INDEL, DUP, INV, "
            "CNV and their SO and EFO terms."
        )
    shortest, longest = (_length(parameters, name) for name in _NARROWING[1:])
    if shortest is not None and longest is not None and shortest > longest:
        raise BadQuestion("variantMinLength is greater than variantMaxLength.")
    return Span(
        span.chrom,
        span.start0,
        span.end0,
        ref=_bases(parameters, "referenceBases"),
        alt=_bases(parameters, "alternateBases"),
        variant_type=wanted,
        min_length=shortest,
        max_length=longest,
        starts=span.starts,
        ends=span.ends,
    )


def _assembly(reference_name: str, assembly_id: str | None) -> str | None:
    implied = assembly_of_accession(reference_name)
    if assembly_id is None:
        return implied
    named = canonical_assembly(assembly_id)
    if named is None:
        raise UnsupportedQuestion(
            "This assemblyId is not supported. Supported: GRCh37 (hg19, b37) and GRCh38 (hg38)."
        )
    if implied not in (None, named):
        raise BadQuestion("referenceName and assemblyId name different assemblies.")
    return named


def _text(parameters: Mapping[str, object], name: str) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise BadQuestion(f"{name} must be a string of 1 to 200 characters.")
    return value


def _bases(parameters: Mapping[str, object], name: str) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_BASES:
        raise BadQuestion(f"{name} must be a string of at most {MAX_BASES} bases.")
    bases = "" if value == "-" else value.upper()
    if not _BASES.match(bases):
        raise UnsupportedQuestion(f"{name}: supported are A, C, G, T and N for any one base.")
    return bases


def _positions(parameters: Mapping[str, object], name: str) -> tuple[int, ...]:
    value = parameters.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if len(values) > 2 or (value is not None and not values):
        raise BadQuestion(f"{name} holds one or two positions.")
    return tuple(_integer(name, item) for item in values)


def _length(parameters: Mapping[str, object], name: str) -> int | None:
    value = parameters.get(name)
    return None if value is None else _integer(name, value)


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_POSITION:
        raise BadQuestion(f"{name} must be a whole number from 0 to {MAX_POSITION}.")
    return value
