"""Builds Beacon v2.2 genomic variant records of stored variants.

`variation` is a `LegacyVariation` on a VRS 1.3 location, with the RefSeq accession as sequence.
Names are those the data give and those `beacon.variation.naming` is certain of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from beacon.catalog import Annotations, DatasetFacts, VariantRow
from beacon.effects import LABELS
from beacon.variation import naming
from beacon.zygosity import Zygosity
from schemas import sequences
from schemas.entries import (
    CaseLevelVariant,
    ExternalReference,
    GenomicVariant,
    Identifiers,
    LegacyVariation,
    MolecularAttributes,
    PopulationFrequency,
)

_BASES = re.compile(r"^[ACGTUNRYSWKMBDHV.-]*$")
_CLINVAR = re.compile(r"^clinvar:\d+$", re.IGNORECASE)
_RSID = re.compile(r"^rs\d+$")
_HGVS = re.compile(r"^NC_\d+\.\d+:g\.")


def record(
    row: VariantRow,
    calls: Sequence[tuple[str, str]] | None,
    *,
    facts: DatasetFacts,
    dataset_url: str,
) -> GenomicVariant:
    """The record of one variant; calls are the `(biosample id, genotype)` that may be told."""
    made: GenomicVariant = {
        "variantInternalId": row.variant_id,
        "variation": _variation(row, assembly=facts.assembly),
    }
    if identifiers := _identifiers(row, assembly=facts.assembly):
        made["identifiers"] = identifiers
    if attributes := _attributes(row.annotations):
        made["molecularAttributes"] = attributes
    if frequencies := list(_frequencies(row, population=facts.id)):
        made["frequencyInPopulations"] = [
            {"source": facts.name, "sourceReference": dataset_url, "frequencies": frequencies}
        ]
    if calls is not None:
        made["caseLevelData"] = [_case(biosample, genotype) for biosample, genotype in calls]
        if row.carriers is not None and len(calls) < row.carriers:
            made["info"] = {"caseLevelDataLeftOut": row.carriers - len(calls)}
    return made


def _variation(row: VariantRow, *, assembly: str) -> LegacyVariation:
    """A symbolic allele has no bases, and its type says what it is."""
    allele = row.allele
    return {
        "variantType": row.variant_type,
        "referenceBases": allele.ref if _BASES.match(allele.ref) else "",
        "alternateBases": allele.alt if _BASES.match(allele.alt) else "",
        "location": {
            "type": "SequenceLocation",
            "sequence_id": f"refseq:{sequences.accession(assembly, allele.chrom)}",
            "interval": {
                "type": "SequenceInterval",
                "start": {"type": "Number", "value": allele.start0},
                "end": {"type": "Number", "value": row.end0},
            },
        },
    }


def _identifiers(row: VariantRow, *, assembly: str) -> Identifiers:
    made: Identifiers = {}
    others: list[ExternalReference] = []
    for name in row.identifiers:
        if _CLINVAR.match(name):
            made["clinvarVariantId"] = "clinvar:" + name.split(":")[1]
        elif _HGVS.match(name):
            made["genomicHGVSId"] = name
        else:
            others.append({"id": f"dbSNP:{name}" if _RSID.match(name) else name})
    if names := naming.names(row.allele, row.reach, assembly=assembly):
        if names.hgvs is not None:
            made["genomicHGVSId"] = names.hgvs
        others.append({"id": names.spdi, "notes": "SPDI"})
        if names.vrs is not None:
            others.append({"id": names.vrs, "notes": "GA4GH VRS 1.3 computed identifier"})
    if row.annotations.transcript_hgvs:
        made["transcriptHGVSIds"] = list(row.annotations.transcript_hgvs)
    if row.annotations.protein_hgvs:
        made["proteinHGVSIds"] = list(row.annotations.protein_hgvs)
    if others:
        made["variantAlternativeIds"] = others
    return made


def _attributes(said: Annotations) -> MolecularAttributes:
    made: MolecularAttributes = {}
    if said.genes:
        made["geneIds"] = list(said.genes)
    if said.aminoacid_changes:
        made["aminoacidChanges"] = list(dict.fromkeys(said.aminoacid_changes))
    if said.effects:
        made["molecularEffects"] = [
            {"id": effect, "label": LABELS[effect]} for effect in said.effects
        ]
    return made


def _frequencies(row: VariantRow, *, population: str) -> Iterator[PopulationFrequency]:
    """Of the whole dataset, then of the populations that the source tells apart."""
    if row.allele_number > 0:
        whole: PopulationFrequency = {
            "population": population,
            "alleleFrequency": row.allele_count / row.allele_number,
            "alleleCount": row.allele_count,
            "alleleNumber": row.allele_number,
        }
        if row.carriers is not None:
            whole["carriers"] = row.carriers
        if row.homozygotes is not None:
            whole["homozygotes"] = row.homozygotes
        if row.hemizygotes is not None:
            whole["hemizygotes"] = row.hemizygotes
        yield whole
    for part in row.populations:
        if part.frequency is not None:
            made: PopulationFrequency = {
                "population": part.population,
                "alleleFrequency": part.frequency,
            }
            if part.allele_count is not None:
                made["alleleCount"] = part.allele_count
            if part.allele_number is not None:
                made["alleleNumber"] = part.allele_number
            yield made


def _case(biosample: str, genotype: str) -> CaseLevelVariant:
    made: CaseLevelVariant = {"biosampleId": biosample}
    if zygosity := _zygosity(genotype):
        made["zygosity"] = zygosity.term
    return made


def _zygosity(genotype: str) -> Zygosity | None:
    """None where half the genotype is not known."""
    alleles = re.split(r"[|/]", genotype)
    if "." in alleles:
        return None
    if len(alleles) == 1:
        return Zygosity.HEMIZYGOUS
    return Zygosity.HOMOZYGOUS if len(set(alleles)) == 1 else Zygosity.HETEROZYGOUS
