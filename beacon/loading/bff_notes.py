"""What a BFF record says of a variant: its public names, and its annotation.

Beacon v2.2 `identifiers` and `molecularAttributes`, and how converters write them: lists that stand
beside each other, `.` for nothing, effects by their label. What is not understood, or has no place
in a dataset, is counted by what it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from beacon.catalog import Annotations
from beacon.effects import LABELS, named
from beacon.loading.annotations import MAX_EACH, MAX_NAME, outside
from beacon.loading.bff_fields import Record, Rejected, items, member, objects, text, texts
from beacon.loading.variant_lines import MAX_ALLELE_BASES, MAX_IDENTIFIERS
from beacon.variation.identifiers import Kind, kind
from schemas import protein
from schemas.sequences import assembly_of_accession

_NOTHING = frozenset({"", "."})
_COMPUTED = ("SPDI", "GA4GH VRS 1.3 computed identifier")
_ACCESSION = re.compile(r"(NC_\d{6}\.\d{1,2}):[gm]\.", re.ASCII)
_CLINVAR = re.compile(r"(?:clinvar:)?(\d{1,12})", re.IGNORECASE | re.ASCII)
_DBSNP = re.compile(r"dbSNP:\s*(rs\d{1,18})", re.IGNORECASE | re.ASCII)
_NOT_READ = {
    "": ("variantLevelData",),
    "molecularAttributes": ("genomicFeatures", "annotationImpact"),
}
NOT_READ_OF_CASES = (
    "alleleOrigin", "analysisId", "runId", "clinicalInterpretations", "phenotypicEffects",
)  # fmt: skip

Lost = Counter[str]


# Names


def names(record: Record, *, assembly: str, lost: Lost) -> tuple[str, ...]:
    """rsIDs, ClinVar ids and HGVS names, each once."""
    found: dict[str, None] = {}
    for name in _names(record, lost):
        if (written := _ACCESSION.match(name)) is not None:
            if assembly_of_accession(written[1]) not in (None, assembly):
                lost["HGVS name of another assembly"] += 1
                continue
        elif kind(name) is Kind.GENOMIC:
            lost["genomic HGVS name without an accession"] += 1
            continue
        found[name] = None
    return tuple(found)[:MAX_IDENTIFIERS]


def _names(record: Record, lost: Lost) -> Iterator[str]:
    own = text(record, "variantInternalId", at="", most=3 * MAX_ALLELE_BASES) or ""
    stated, at = member(record, "identifiers"), "identifiers."
    if len(own) <= MAX_NAME and kind(own) not in (Kind.OTHER, Kind.TRANSCRIPT, Kind.PROTEIN):
        yield own  # an id that nobody else knows is no name
    others = [other for other in _others(stated, at) if other not in _NOTHING]
    yield from (public(other) for other in others)
    variation_id = text(stated, "clinvarVariantId", at=at, most=MAX_NAME)
    for name in (variation_id or "", *texts(stated, "clinVarIds", at=at, most=MAX_NAME)):
        if found := _CLINVAR.fullmatch(name):
            yield f"clinvar:{found[1]}"
        elif name not in _NOTHING:
            yield name
    genomic = text(stated, "genomicHGVSId", at=at, most=2 * MAX_ALLELE_BASES + MAX_NAME)
    if genomic and len(genomic) > MAX_NAME:
        lost[f"genomicHGVSId longer than {MAX_NAME} characters"] += 1
    elif genomic and genomic not in _NOTHING:
        yield genomic


def _others(stated: Record, at: str) -> Iterator[str]:
    for number, other in enumerate(items(stated, "variantAlternativeIds", at=at)):
        where = f"{at}variantAlternativeIds[{number}]"
        held = {"id": other} if isinstance(other, str) else other
        if not isinstance(held, dict):
            raise Rejected(where, "an external reference with an id")
        if held.get("notes") in _COMPUTED:
            continue  # a node writes them itself, of the allele
        yield (text(held, "id", at=f"{where}.", most=MAX_NAME) or "").strip()


def public(name: str) -> str:
    """Without the database that converters write in front of an rsID."""
    found = _DBSNP.fullmatch(name)
    return found[1].lower() if found else name


# Annotation


def said(record: Record, *, lost: Lost) -> Annotations | None:
    """None where nothing is said."""
    stated, at = member(record, "molecularAttributes"), "molecularAttributes."
    named, by = member(record, "identifiers"), "identifiers."
    genes = texts(stated, "geneIds", at=at, most=MAX_NAME)
    changes = texts(stated, "aminoacidChanges", at=at, most=MAX_NAME)
    effects = [
        _effects(each, where, lost) for where, each in objects(stated, "molecularEffects", at=at)
    ]
    beside = _beside(genes, changes, effects)
    counted = _counted(genes, effects, beside=beside)
    pairs = _pairs(genes, changes, counted, beside=beside, lost=lost)[:MAX_EACH]
    made = Annotations(
        genes=tuple(dict.fromkeys(gene for gene in counted if gene))[:MAX_EACH],
        effects=tuple(dict.fromkeys(term for each in effects for term in each))[:MAX_EACH],
        aminoacid_changes=tuple(change for change, _ in pairs),
        transcript_hgvs=_written(texts(named, "transcriptHGVSIds", at=by, most=MAX_NAME)),
        protein_hgvs=_written(texts(named, "proteinHGVSIds", at=by, most=MAX_NAME)),
        changed_genes=tuple(gene for _, gene in pairs),
    )
    return made if made != Annotations() else None


def _beside(genes: Sequence[str], changes: Sequence[str], effects: Sequence[object]) -> bool:
    """Whether the lists stand beside each other, one entry for each transcript: they are as long
    as each other, and have what a list of its own would not: blanks or the same twice."""
    lists = [each for each in (genes, changes, effects) if each]
    if len({len(each) for each in lists}) != 1 or len(lists) < 2 or not genes:
        return False
    blank = any(not _NOTHING.isdisjoint(each) for each in (genes, changes))
    return len(genes) == 1 or blank or any(len(set(each)) < len(each) for each in lists)


def _counted(
    genes: Sequence[str], effects: Sequence[tuple[str, ...]], *, beside: bool
) -> list[str]:
    """Genes in which some effect lies, as `beacon.loading.annotations` counts them; the others
    are empty."""
    every = [term for each in effects for term in each]
    of = effects if beside and effects else [tuple(every)] * len(genes)
    return [
        "" if gene in _NOTHING or outside(terms) else gene
        for gene, terms in zip(genes, of, strict=True)
    ]


def _pairs(
    genes: Sequence[str],
    changes: Sequence[str],
    counted: Sequence[str],
    *,
    beside: bool,
    lost: Lost,
) -> list[tuple[str, str]]:
    """(change, its gene or nothing), each once."""
    one = len({gene for gene in genes if gene not in _NOTHING}) == 1
    every = next((gene for gene in counted if gene), "") if one else ""
    found: dict[tuple[str, str], None] = {}
    for stated, gene in zip(changes, counted if beside else [every] * len(changes), strict=False):
        if stated in _NOTHING:
            continue
        change = protein.one_letter(stated)
        if change is None:
            lost["amino-acid change that is not understood"] += 1
        else:
            found[change, gene] = None
    return list(found)


def _effects(stated: Record, at: str, lost: Lost) -> tuple[str, ...]:
    """Terms of the Sequence Ontology, by their id or by their names, which `&` joins."""
    term = text(stated, "id", at=at, most=MAX_NAME) or ""
    if term in LABELS:
        return (term,)
    label = (text(stated, "label", at=at, most=MAX_NAME) or "").strip()
    found = tuple(effect for name in label.split("&") if (effect := named(name)) is not None)
    if not found and label not in _NOTHING:
        lost["molecular effect that is not of the Sequence Ontology's"] += 1
    return found


def _written(names: Sequence[str]) -> tuple[str, ...]:
    """Without those that end before their change."""
    kept = (name for name in names if name.rpartition(":")[2] not in _NOTHING)
    return tuple(dict.fromkeys(kept))[:MAX_EACH]


# What has no place


def not_read(record: Record, lost: Lost) -> None:
    """Counts members of the schema that nothing here asks for."""
    for inside, fields in _NOT_READ.items():
        held = member(record, inside) if inside else record
        for name in fields:
            if held.get(name):
                lost[f"{inside}.{name}" if inside else name] += 1
    for _, case in objects(record, "caseLevelData"):
        for name in NOT_READ_OF_CASES:
            if case.get(name):
                lost[f"caseLevelData.{name}"] += 1
