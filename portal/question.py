"""Turns what a person types into one Beacon question, and says in words what was understood.

Beacon v2.2 request parameters (0-based, half-open) from any spelling that `schemas.variant_text`
reads (VCF forms, regions, HGVS, SPDI, identifiers, genes, amino-acid changes), or ontology terms
of people, `ICD10:G35, NCIT:C16576`. Substitutions go out as plain alleles, which every Beacon
reads; what only a node's reference or annotations can resolve goes as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from portal.errors import UnreadableQuestion
from schemas import variant_text
from schemas.hgvs import Edit, GenomicName, UnreadableName
from schemas.sequences import ASSEMBLIES, place
from schemas.variant_text import Gene, KnownId, ProteinChange, Region, Spelling, WrittenAllele

MAX_CHARS = 500
MAX_TERMS = 20

_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_.]*:[^\s,;]{1,200}")
_HINT = "Try 1:10177 A>AC, a region 1:10000-20000, a gene BRCA1, or terms like ICD10:G35."


class Kind(StrEnum):
    """What is asked for, and so how answers may be added."""

    VARIANTS = "g_variants"
    INDIVIDUALS = "individuals"


@dataclass(frozen=True, slots=True)
class Question:
    """One understood question; `parameters` and `filters` go to every node unchanged."""

    text: str
    kind: Kind
    parameters: Mapping[str, object]
    filters: tuple[Mapping[str, object], ...]
    words: str

    def body(
        self, *, granularity: str = "count", limit: int = 10, skip: int = 0
    ) -> dict[str, object]:
        """The Beacon v2.2 POST body; parameters are nested, as the schema has them."""
        parameters = {"g_variant": dict(self.parameters)} if self.parameters else {}
        return {
            "meta": {"apiVersion": "v2.2.0"},
            "query": {
                "requestParameters": parameters,
                "filters": [dict(one) for one in self.filters],
                "includeResultsetResponses": "ALL",
                "pagination": {"skip": skip, "limit": limit},
                "requestedGranularity": granularity,
            },
        }


def parse(text: str, *, assembly: str = "") -> Question:
    """Raises `UnreadableQuestion` with a sentence that says what would be understood."""
    typed = " ".join(text.split())
    if not typed:
        raise UnreadableQuestion(f"Type a question first. {_HINT}")
    if len(typed) > MAX_CHARS:
        raise UnreadableQuestion(f"A question may be {MAX_CHARS} characters long.")
    if assembly not in ("", *ASSEMBLIES):
        raise UnreadableQuestion("The assembly must be GRCh37, GRCh38 or left open.")
    try:
        spelling = variant_text.read(typed)
    except UnreadableName as wrong:
        raise UnreadableQuestion(wrong.public) from wrong
    return _people(typed) if spelling is None else _variant(typed, spelling, assembly)


# Beacon parameters, what was understood in words, and the assembly.
_Understood = tuple[dict[str, object], str, str]


def _variant(typed: str, spelling: Spelling, assembly: str) -> Question:
    parameters, words, assembly = _understood(typed, spelling, assembly)
    return Question(
        text=typed,
        kind=Kind.VARIANTS,
        parameters=parameters | ({"assemblyId": assembly} if assembly else {}),
        filters=(),
        words=words,
    )


def _understood(typed: str, spelling: Spelling, assembly: str) -> _Understood:
    match spelling:
        case WrittenAllele():
            return _allele(spelling, assembly)
        case Region():
            return _region(spelling, assembly)
        case GenomicName():
            return _genomic(typed, spelling, assembly)
        case KnownId(name):
            words = f"Variant {name}, as each node’s data name it; sent as it is written."
            return {"genomicAlleleShortForm": name}, words, assembly
        case Gene(symbol):
            words = f"Variants in gene {symbol}, as each node’s data place them."
            return {"geneId": symbol}, words, assembly
        case ProteinChange(change, gene):
            asked: dict[str, object] = {"aminoacidChange": change}
            of = f" of {gene}" if gene else " of any protein"
            words = (
                f"Variants that change the amino acid {change}{of}, as each node annotates them."
            )
            return asked | ({"geneId": gene} if gene else {}), words, assembly


def _allele(written: WrittenAllele, assembly: str) -> _Understood:
    chrom, assembly = _placed(written.sequence, assembly)
    parameters: dict[str, object] = {
        "referenceName": chrom,
        "start": [written.start0],
        "referenceBases": written.ref,
        "alternateBases": written.alt,
    }
    change = f"{written.ref or '–'}>{written.alt or '–'}"
    words = (
        f"Variant {chrom}:{written.start0 + 1:,} {change}, {_in(assembly)}, 1-based; "
        f"sent as start={written.start0} (0-based)."
    )
    return parameters, words, assembly


def _region(region: Region, assembly: str) -> _Understood:
    chrom, assembly = _placed(region.sequence, assembly)
    parameters: dict[str, object] = {
        "referenceName": chrom,
        "start": [region.start0],
        "end": [region.end0],
    }
    words = (
        f"Variants that overlap {chrom}:{region.start0 + 1:,}–{region.end0:,}, {_in(assembly)}, "
        f"both ends included, 1-based; sent as start={region.start0}, end={region.end0} (0-based, "
        "end excluded)."
    )
    return parameters, words, assembly


def _genomic(typed: str, name: GenomicName, assembly: str) -> _Understood:
    chrom, assembly = _placed(name.sequence, assembly)
    if name.edit is Edit.SUBSTITUTION:
        written = WrittenAllele(chrom, name.start0, name.deleted or "", name.inserted or "")
        return _allele(written, assembly)
    first, last = name.start0 + 1, max(name.end0, name.start0 + 1)
    where = f"{first:,}" if first == last else f"{first:,}–{last:,}"
    edit = name.edit.name.lower()
    words = (
        f"HGVS: {edit} at {chrom}:{where}, {_in(assembly)}, 1-based (0-based start={name.start0}, "
        f"end={name.end0}); sent as it is written, each node resolves it."
    )
    return {"genomicAlleleShortForm": typed}, words, assembly


def _placed(sequence: str, assembly: str) -> tuple[str, str]:
    """The chromosome, and the assembly that was chosen or that the name itself says."""
    found = place(sequence)
    if found is None:
        raise UnreadableQuestion(
            "This sequence is not one of the chromosomes of GRCh37 or GRCh38. " + _HINT
        )
    chrom, said = found
    if said and assembly and said != assembly:
        raise UnreadableQuestion(f"{sequence} is of {said}, and {assembly} is chosen.")
    return chrom, said or assembly


def _people(typed: str) -> Question:
    terms = [part for part in re.split(r"[\s,;]+|\bAND\b", typed) if part]
    if not all(_TERM.fullmatch(term) for term in terms):
        raise UnreadableQuestion(f"This is not a variant, a region or a list of terms. {_HINT}")
    if not terms:
        # No term would be no filter: it would ask for everyone.
        raise UnreadableQuestion(f"Type a question first. {_HINT}")
    if len(terms) > MAX_TERMS:
        raise UnreadableQuestion(f"A question may have {MAX_TERMS} terms.")
    if any(_chromosome_like(term) for term in terms):
        raise UnreadableQuestion(f"This looks like an unfinished variant. {_HINT}")
    listed = " and ".join(terms)
    return Question(
        text=typed,
        kind=Kind.INDIVIDUALS,
        parameters={},
        filters=tuple({"id": term, "includeDescendantTerms": True} for term in terms),
        words=f"People with {listed}, narrower terms included.",
    )


def _chromosome_like(term: str) -> bool:
    return place(term.split(":", 1)[0]) is not None


def _in(assembly: str) -> str:
    return assembly or "in each dataset’s own assembly"
