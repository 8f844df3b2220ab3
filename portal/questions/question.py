"""Turns what a person types into one Beacon question, and says in words what was understood.

Beacon v2.2 request parameters (0-based, half-open) from any spelling that `schemas.variant_text`
reads (VCF forms, regions, HGVS, SPDI, identifiers, genes, amino-acid changes), or ontology terms of
people (`portal.questions.terms`), or both: people with these terms who carry that variant.
Substitutions go out as plain alleles, which every Beacon reads; what only a node's reference or
annotations can resolve goes as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from portal.errors import UnreadableQuestion
from portal.questions.terms import MAX_CHARS, MAX_TERMS, Condition, as_typed, in_words, read_terms
from schemas import variant_text
from schemas.hgvs import Edit, GenomicName, UnreadableName
from schemas.messages import Message, following, span
from schemas.sequences import ASSEMBLIES, place
from schemas.variant_text import Gene, KnownId, ProteinChange, Region, Spelling, WrittenAllele

_HINT = Message("Try 1:10177 A>AC, a region 1:10000-20000, a gene BRCA1, or terms like ICD10:G35.")
_FIRST = following(Message("Type a question first."), _HINT)
_OWN_ASSEMBLY = Message("in each dataset’s own assembly")
_EDITS = {
    Edit.SUBSTITUTION: Message("substitution"),
    Edit.DELETION: Message("deletion"),
    Edit.DUPLICATION: Message("duplication"),
    Edit.INSERTION: Message("insertion"),
    Edit.DELINS: Message("deletion and insertion"),
    Edit.INVERSION: Message("inversion"),
}

# HGVS without its sequence; `m.1234A>G` would pass for a term that is compared with `G`.
_PLACELESS = re.compile(r"[cgmnr]\.[^\s:,;]{2,100}$")


class Kind(StrEnum):
    """What is asked for, and so how answers may be added."""

    VARIANTS = "g_variants"
    INDIVIDUALS = "individuals"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a variant or region lies: zero-based, half-open; a region has no bases."""

    chrom: str
    start0: int
    end0: int
    ref: str = ""
    alt: str = ""

    @property
    def first(self) -> int:
        """As a VCF file counts, from 1."""
        return self.start0 + 1


@dataclass(frozen=True, slots=True)
class Question:
    """One understood question; `parameters` and `filters` go to every node unchanged.

    `terms` is how its conditions may be typed again; `site` is there where the place is known here,
    not only to the nodes."""

    text: str
    kind: Kind
    parameters: Mapping[str, object]
    filters: tuple[Mapping[str, object], ...]
    words: str
    terms: str = ""
    assembly: str = ""
    site: Site | None = None

    @property
    def typed(self) -> str:
        """All of it in one line."""
        return "; ".join(part for part in (self.text, self.terms) if part)

    def body(
        self, *, granularity: str = "count", limit: int = 10, skip: int = 0
    ) -> dict[str, object]:
        """The Beacon v2.2 POST body; parameters are nested, as the schema has them."""
        # An empty member would be refused by some servers, and says nothing.
        query: dict[str, object] = {}
        if self.parameters:
            query["requestParameters"] = {"g_variant": dict(self.parameters)}
        if self.filters:
            query["filters"] = [dict(one) for one in self.filters]
        query |= {
            "includeResultsetResponses": "ALL",
            "pagination": {"skip": skip, "limit": limit},
            "requestedGranularity": granularity,
        }
        return {"meta": {"apiVersion": "v2.2.0"}, "query": query}


def parse(text: str, *, terms: str = "", assembly: str = "") -> Question:
    """`text` is a variant, a region or terms, `terms` only terms. Raises `UnreadableQuestion` with
    a sentence that says what would be understood."""
    typed, also = " ".join(text.split()), " ".join(terms.split())
    if not typed and not also.strip(",; "):
        raise UnreadableQuestion(_FIRST)
    if max(len(typed), len(also)) > MAX_CHARS:
        raise UnreadableQuestion(
            Message("A question may be %(most)s characters long.", most=MAX_CHARS)
        )
    if assembly not in ("", *ASSEMBLIES):
        raise UnreadableQuestion(Message("The assembly must be GRCh37, GRCh38 or left open."))
    spelling = _spelling(typed)
    if spelling is None:
        return _people(typed, also)
    variant = _variant(typed, spelling, assembly)
    return _carriers(variant, also) if also.strip(",; ") else variant


def _spelling(typed: str) -> Spelling | None:
    if _PLACELESS.match(typed):
        raise UnreadableQuestion(
            Message(
                "%(typed)s does not say on which sequence: write it with its transcript or "
                "chromosome, such as NM_007294.4:c.68_69del.",
                typed=typed,
            )
        )
    try:
        return variant_text.read(typed)
    except UnreadableName as wrong:
        raise UnreadableQuestion(wrong.public) from wrong


def _people(typed: str, also: str) -> Question:
    conditions = _conditions(f"{typed}, {also}")
    if not conditions:
        # No term would be no filter: it would ask for everyone.
        raise UnreadableQuestion(_FIRST)
    return Question(
        text="",
        kind=Kind.INDIVIDUALS,
        parameters={},
        filters=_filters(conditions),
        words=Message(
            "People with %(terms)s, narrower terms included.", terms=in_words(conditions)
        ),
        terms=as_typed(conditions),
    )


def _carriers(variant: Question, also: str) -> Question:
    conditions = _conditions(also)
    return replace(
        variant,
        kind=Kind.INDIVIDUALS,
        filters=_filters(conditions),
        words=Message(
            "People with %(terms)s, narrower terms included, who carry: %(variant)s",
            terms=in_words(conditions),
            variant=variant.words,
        ),
        terms=as_typed(conditions),
    )


def _conditions(typed: str) -> tuple[Condition, ...]:
    try:
        return read_terms(typed)
    except UnreadableQuestion as wrong:
        raise UnreadableQuestion(following(wrong.public, _HINT)) from wrong


def _filters(conditions: tuple[Condition, ...]) -> tuple[Mapping[str, object], ...]:
    if len(conditions) > MAX_TERMS:
        raise UnreadableQuestion(Message("A question may have %(most)s terms.", most=MAX_TERMS))
    return tuple(one.filter for one in conditions)


# Beacon parameters, what was understood in words, the assembly, and the place where it is known.
_Understood = tuple[dict[str, object], Message, str, Site | None]


def _variant(typed: str, spelling: Spelling, assembly: str) -> Question:
    parameters, words, assembly, site = _understood(typed, spelling, assembly)
    return Question(
        text=typed,
        kind=Kind.VARIANTS,
        parameters=parameters | ({"assemblyId": assembly} if assembly else {}),
        filters=(),
        words=words,
        assembly=assembly,
        site=site,
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
            words = Message(
                "Variant %(name)s, as each node’s data name it; sent as it is written.", name=name
            )
            return {"genomicAlleleShortForm": name}, words, assembly, None
        case Gene(symbol):
            words = Message(
                "Variants in gene %(gene)s, as each node’s data place them.", gene=symbol
            )
            return {"geneId": symbol}, words, assembly, None
        case ProteinChange(change, gene):
            return *_protein(change, gene), assembly, None


def _protein(change: str, gene: str | None) -> tuple[dict[str, object], Message]:
    if not gene:
        return {"aminoacidChange": change}, Message(
            "Variants that change the amino acid %(change)s of any protein, as each node annotates "
            "them.",
            change=change,
        )
    return {"aminoacidChange": change, "geneId": gene}, Message(
        "Variants that change the amino acid %(change)s of %(gene)s, as each node annotates them.",
        change=change, gene=gene,
    )  # fmt: skip


def _allele(written: WrittenAllele, assembly: str) -> _Understood:
    chrom, assembly = _placed(written.sequence, assembly)
    parameters: dict[str, object] = {
        "referenceName": chrom,
        "start": [written.start0],
        "referenceBases": written.ref,
        "alternateBases": written.alt,
    }
    words = Message(
        "Variant %(chrom)s:%(position)s %(change)s, %(assembly)s, 1-based; sent as "
        "start=%(start0)s (0-based).",
        chrom=chrom, position=written.start0 + 1,
        change=f"{written.ref or '–'}>{written.alt or '–'}",
        assembly=assembly or _OWN_ASSEMBLY, start0=str(written.start0),
    )  # fmt: skip
    site = Site(chrom, written.start0, written.start0 + len(written.ref), written.ref, written.alt)
    return parameters, words, assembly, site


def _region(region: Region, assembly: str) -> _Understood:
    chrom, assembly = _placed(region.sequence, assembly)
    parameters: dict[str, object] = {
        "referenceName": chrom,
        "start": [region.start0],
        "end": [region.end0],
    }
    words = Message(
        "Variants that overlap %(chrom)s:%(first)s–%(last)s, %(assembly)s, both ends included, "
        "1-based; sent as start=%(start0)s, end=%(end0)s (0-based, end excluded).",
        chrom=chrom, first=region.start0 + 1, last=region.end0,
        assembly=assembly or _OWN_ASSEMBLY, start0=str(region.start0), end0=str(region.end0),
    )  # fmt: skip
    return parameters, words, assembly, Site(chrom, region.start0, region.end0)


def _genomic(typed: str, name: GenomicName, assembly: str) -> _Understood:
    chrom, assembly = _placed(name.sequence, assembly)
    if name.edit is Edit.SUBSTITUTION:
        written = WrittenAllele(chrom, name.start0, name.deleted or "", name.inserted or "")
        return _allele(written, assembly)
    first, last = name.start0 + 1, max(name.end0, name.start0 + 1)
    words = Message(
        "HGVS: %(edit)s at %(chrom)s:%(where)s, %(assembly)s, 1-based (0-based start=%(start0)s, "
        "end=%(end0)s); sent as it is written, each node resolves it.",
        edit=_EDITS[name.edit], chrom=chrom, where=span(first, last),
        assembly=assembly or _OWN_ASSEMBLY, start0=str(name.start0), end0=str(name.end0),
    )  # fmt: skip
    return {"genomicAlleleShortForm": typed}, words, assembly, None


def _placed(sequence: str, assembly: str) -> tuple[str, str]:
    """The chromosome, and the assembly that was chosen or that the name itself says."""
    found = place(sequence)
    if found is None:
        raise UnreadableQuestion(
            following(
                Message("This sequence is not one of the chromosomes of GRCh37 or GRCh38."), _HINT
            )
        )
    chrom, said = found
    if said and assembly and said != assembly:
        raise UnreadableQuestion(
            Message(
                "%(sequence)s is of %(said)s, and %(chosen)s is chosen.",
                sequence=sequence,
                said=said,
                chosen=assembly,
            )
        )
    return chrom, said or assembly
