"""Turns what a person types into one Beacon question, and says in words what was understood.

Beacon v2.2 request parameters (0-based, half-open) from VCF-style text (1-based): `1:10177 A>AC`,
`1-10177-A-AC`, `chr22:10516173 C>T`; a region `1:10000-20000`; or ontology terms of people,
`ICD10:G35, NCIT:C16576`. Gene names, rsIDs and HGVS are refused by name, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from portal.errors import UnreadableQuestion

MAX_CHARS = 500
MAX_TERMS = 20
MAX_POSITION = 2**31 - 1

_CHROMOSOME = r"(?P<chrom>(?:chr)?(?:[1-9]|1\d|2[0-2]|X|Y|M|MT)|refseq:[A-Z]{2}_\d{6,9}\.\d+)"
_BASES = r"[ACGTN]{1,200}"
_POSITION = r"\d{1,3}(?:,\d{3})+|\d{1,10}"
_ALLELE = re.compile(
    rf"{_CHROMOSOME}\s*[:\s]\s*(?P<pos>{_POSITION})\s*:?\s*(?P<ref>{_BASES})\s*[>/:]\s*(?P<alt>{_BASES})",
    re.IGNORECASE,
)
_DASHED = re.compile(
    rf"{_CHROMOSOME}[-_](?P<pos>\d{{1,10}})[-_](?P<ref>{_BASES})[-_](?P<alt>{_BASES})",
    re.IGNORECASE,
)
_REGION = re.compile(
    rf"{_CHROMOSOME}\s*:\s*(?P<first>{_POSITION})\s*(?:-|\.\.|–)\s*(?P<last>{_POSITION})",
    re.IGNORECASE,
)
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_.]*:[^\s,;]{1,200}")
_KNOWN_BUT_UNSUPPORTED = (
    (re.compile(r"rs\d+", re.IGNORECASE), "An rsID needs a dbSNP table"),
    (re.compile(r".*:[gcpmn]\..*"), "HGVS needs a reference sequence"),
    (re.compile(r"[A-Z][A-Z0-9-]{1,14}"), "A gene name needs a gene model"),
)
_ASSEMBLIES = ("", "GRCh37", "GRCh38")
_HINT = "Try 1:10177 A>AC, a region 1:10000-20000, or terms like ICD10:G35."


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
    if assembly not in _ASSEMBLIES:
        raise UnreadableQuestion("The assembly must be GRCh37, GRCh38 or left open.")
    for pattern in (_ALLELE, _DASHED):
        if found := pattern.fullmatch(typed):
            return _allele(typed, found, assembly)
    if found := _REGION.fullmatch(typed):
        return _region(typed, found, assembly)
    return _people(typed)


def _allele(typed: str, found: re.Match[str], assembly: str) -> Question:
    chromosome, position = _name(found["chrom"]), _number(found["pos"])
    reference, alternate = found["ref"].upper(), found["alt"].upper()
    if reference == alternate:
        raise UnreadableQuestion("Reference and alternate bases are the same: no variant to find.")
    parameters: dict[str, object] = {
        "referenceName": chromosome,
        "start": [position - 1],
        "referenceBases": reference,
        "alternateBases": alternate,
    }
    return Question(
        text=typed,
        kind=Kind.VARIANTS,
        parameters=_with_assembly(parameters, assembly),
        filters=(),
        words=(
            f"Variant {chromosome}:{position:,} {reference}>{alternate}, {_in(assembly)}, "
            f"1-based; sent as start={position - 1}."
        ),
    )


def _region(typed: str, found: re.Match[str], assembly: str) -> Question:
    chromosome = _name(found["chrom"])
    first, last = _number(found["first"]), _number(found["last"])
    if last < first:
        raise UnreadableQuestion("The region ends before it starts.")
    parameters: dict[str, object] = {
        "referenceName": chromosome,
        "start": [first - 1],
        "end": [last],
    }
    return Question(
        text=typed,
        kind=Kind.VARIANTS,
        parameters=_with_assembly(parameters, assembly),
        filters=(),
        words=(
            f"Variants that overlap {chromosome}:{first:,}–{last:,}, {_in(assembly)}, both ends "
            f"included, 1-based; sent as start={first - 1}, end={last}."
        ),
    )


def _people(typed: str) -> Question:
    terms = [part for part in re.split(r"[\s,;]+|\bAND\b", typed) if part]
    for term in terms:
        if not _TERM.fullmatch(term) or re.search(r":[gcpmn]\.", term):
            raise UnreadableQuestion(_why_not(typed, term))
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


def _why_not(typed: str, term: str) -> str:
    for pattern, reason in _KNOWN_BUT_UNSUPPORTED:
        if pattern.fullmatch(typed) or pattern.fullmatch(term):
            return f"{reason}, which this portal does not have (unsupported). {_HINT}"
    return f"This is not a variant, a region or a list of terms. {_HINT}"


def _chromosome_like(term: str) -> bool:
    return re.fullmatch(_CHROMOSOME, term.split(":", 1)[0], re.IGNORECASE) is not None


def _name(raw: str) -> str:
    if raw.lower().startswith("refseq:"):
        return "refseq:" + raw[7:].upper()
    bare = raw[3:] if raw.lower().startswith("chr") else raw
    return "MT" if bare.upper() == "M" else bare.upper()


def _number(raw: str) -> int:
    value = int(raw.replace(",", ""))
    if not 1 <= value <= MAX_POSITION:
        raise UnreadableQuestion("Positions are counted from 1, as in a VCF file.")
    return value


def _with_assembly(parameters: dict[str, object], assembly: str) -> dict[str, object]:
    return parameters | {"assemblyId": assembly} if assembly else parameters


def _in(assembly: str) -> str:
    return assembly or "in each dataset’s own assembly"
