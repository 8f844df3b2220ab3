"""Reads what people write for a variant into one of a few shapes, by shape alone.

VCF 4.3 columns and their short forms (positions from 1), SPDI and VRS (GA4GH VRS 1.3 identifiers),
genomic HGVS (`schemas.hgvs`), registry ids and annotated names. A colon-separated text is SPDI
(from 0) only behind a versioned accession; behind a chromosome name it counts from 1, as VCF
does. Which sequence a name means, and whether any of it is served, is left to the readers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas import hgvs, protein
from schemas.hgvs import GenomicName, UnreadableName
from schemas.messages import Message

MAX_CHARS = hgvs.MAX_CHARS
MAX_POSITION = hgvs.MAX_POSITION
MAX_DELETED = 10_000

_BASES = r"[ACGTN]{1,10000}"
_NUMBER = r"\d{1,3}(?:,\d{3}){1,3}|\d{1,10}"
_SEQUENCE = (
    r"(?P<sequence>(?:chr)?(?:[1-9]|1\d|2[0-2]|X|Y|MT?)|(?:refseq:)?NC_\d{6}\.\d{1,2}"
    r"|(?:ga4gh:|refget:)?SQ\.[A-Za-z0-9_-]{32})"
)
_FLAGS = re.IGNORECASE | re.ASCII
_COLON = re.compile(
    rf"{_SEQUENCE}\s?[:\s]\s?(?P<position>{_NUMBER})\s?:?\s?(?P<ref>{_BASES})\s?[>/:]\s?(?P<alt>{_BASES})",
    _FLAGS,
)
_DASHED = re.compile(
    rf"{_SEQUENCE}[-_](?P<position>\d{{1,10}})[-_](?P<ref>{_BASES})[-_](?P<alt>{_BASES})", _FLAGS
)
_VCF_LINE = re.compile(
    rf"{_SEQUENCE}\s(?P<position>\d{{1,10}})\s(?P<id>\S{{1,200}})\s(?P<ref>{_BASES})\s"
    rf"(?P<alt>{_BASES})(?:\s.{{0,10000}})?",
    _FLAGS,
)
_REGION = re.compile(
    rf"{_SEQUENCE}\s?:\s?(?P<first>{_NUMBER})\s?(?:-|\.\.|–)\s?(?P<last>{_NUMBER})", _FLAGS
)
_SPDI = re.compile(
    r"(?P<sequence>(?:refseq:)?NC_\d{6}\.\d{1,2}|(?:ga4gh:|refget:)?SQ\.[A-Za-z0-9_-]{32})"
    r":(?P<position>\d{1,10}):(?P<deleted>[ACGTN]{0,10000}|\d{1,10}):(?P<inserted>[ACGTN]{0,10000})",
    _FLAGS,
)
_VRS = re.compile(r"(?:ga4gh:)?(VA\.[A-Za-z0-9_-]{32})")
_RS = re.compile(r"(?:dbsnp:)?(rs[1-9]\d{0,11})", _FLAGS)
_CLINVAR = re.compile(r"(?:clinvar:)(\d{1,12})|([VRS]CV\d{9}(?:\.\d{1,4})?)", _FLAGS)
# Shorter ones are carbonic anhydrase genes.
_REGISTRY = re.compile(r"(?:caid:)?(CA\d{4,12})", _FLAGS)
_ANNOTATED = re.compile(r"[A-Za-z0-9_.()-]{2,60}:[cnpr]\.\S{1,500}", re.ASCII)
# Behind a colon only `p.` tells a change from the code of a term.
_OF_GENE = re.compile(r"([A-Z][A-Za-z0-9-]{1,20})(?::(?=p\.)|\s)(\S{1,200})", re.ASCII)
# An Ensembl transcript or protein is no gene.
_GENE = re.compile(
    r"(?!ENS[TP]\d)[A-Z][A-Z0-9]{1,14}(?:-[A-Z0-9]{1,10})?|C(?:\d{1,2}|X|Y)orf\d{1,4}", re.ASCII
)
# Two digits or fewer would take symbols such as F11R for changes.
_BARE_CHANGE = re.compile(r"[A-Z]\d{3,5}[A-Z*]", re.ASCII)


@dataclass(frozen=True, slots=True)
class WrittenAllele:
    """Bases `ref` at zero-based `start0` become `alt`. From SPDI either may be empty, and a
    deletion given by length, `counted`, has as many `N`."""

    sequence: str
    start0: int
    ref: str
    alt: str
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    sequence: str
    start0: int
    end0: int


@dataclass(frozen=True, slots=True)
class KnownId:
    """An identifier that only data or a registry can resolve, in the form `identifiers` hold it:
    `rs334`, `clinvar:15333`, `ga4gh:VA...`, `NM_...:c...`."""

    id: str


@dataclass(frozen=True, slots=True)
class Gene:
    symbol: str


@dataclass(frozen=True, slots=True)
class ProteinChange:
    """One-letter form, `V600E`; the gene where the text names it."""

    change: str
    gene: str | None = None


Spelling = WrittenAllele | Region | GenomicName | KnownId | Gene | ProteinChange


def read(text: str) -> Spelling | None:
    """What a text stands for; None when it has none of the shapes. Raises `UnreadableName` where
    it has a shape and breaks its rules."""
    typed = " ".join(text.split())
    if not typed or len(typed) > MAX_CHARS:
        return None
    return allele(typed) or _region(typed) or known_id(typed) or of_gene(typed) or _annotated(typed)


def allele(typed: str) -> WrittenAllele | GenomicName | None:
    """A change written with its place: VCF forms, SPDI, or a g. name."""
    if found := _SPDI.fullmatch(typed):
        return _spdi(found)
    for pattern in (_COLON, _DASHED, _VCF_LINE):
        if found := pattern.fullmatch(typed):
            ref, alt = found["ref"].upper(), found["alt"].upper()
            if ref == alt:
                raise UnreadableName(
                    Message("Reference and alternate bases are the same: no variant to find.")
                )
            return WrittenAllele(found["sequence"], position(found["position"]), ref, alt)
    return hgvs.read(typed)


def known_id(typed: str) -> KnownId | None:
    if found := _VRS.fullmatch(typed):
        return KnownId(f"ga4gh:{found[1]}")
    if found := _RS.fullmatch(typed):
        return KnownId(found[1].lower())
    if found := _CLINVAR.fullmatch(typed):
        return KnownId(f"clinvar:{found[1]}" if found[1] else found[2].upper())
    if found := _REGISTRY.fullmatch(typed):
        return KnownId(found[1].upper())
    return None


def position(raw: str) -> int:
    """Zero-based, of a number that counts from 1."""
    value = int(raw.replace(",", ""))
    if not 1 <= value <= MAX_POSITION:
        raise UnreadableName(Message("Positions are counted from 1, as in a VCF file."))
    return value - 1


def spdi(sequence: str, start0: int, ref: str, *, alt: str) -> str:
    return f"{sequence}:{start0}:{ref}:{alt}"


def _spdi(found: re.Match[str]) -> WrittenAllele:
    start0, deleted = int(found["position"]), found["deleted"].upper()
    inserted = found["inserted"].upper()
    counted = deleted.isdigit()
    if counted:
        if int(deleted) > MAX_DELETED:
            raise UnreadableName(
                Message("SPDI: at most %(most)s deleted bases are supported.", most=MAX_DELETED)
            )
        deleted = "N" * int(deleted)
    if start0 > MAX_POSITION or deleted == inserted:
        raise UnreadableName(
            Message("SPDI: the deleted and inserted bases are the same, or out of range.")
        )
    return WrittenAllele(found["sequence"], start0, deleted, inserted, counted)


def _region(typed: str) -> Region | None:
    found = _REGION.fullmatch(typed)
    if found is None:
        return None
    first, last = position(found["first"]), position(found["last"])
    if last < first:
        raise UnreadableName(Message("The region ends before it starts."))
    return Region(found["sequence"], first, last + 1)


def of_gene(typed: str) -> Gene | ProteinChange | None:
    """A gene symbol, an amino-acid change, or both."""
    if typed.startswith("p.") or _BARE_CHANGE.fullmatch(typed):
        change = protein.one_letter(typed)
        return ProteinChange(change) if change else None
    if found := _OF_GENE.fullmatch(typed):
        change = protein.one_letter(found[2])
        return ProteinChange(change, found[1]) if change and _GENE.fullmatch(found[1]) else None
    return Gene(typed) if _GENE.fullmatch(typed) else None


def _annotated(typed: str) -> KnownId | None:
    """A coding, transcript or protein name; only annotations can resolve it."""
    return KnownId(typed) if _ANNOTATED.fullmatch(typed) else None
