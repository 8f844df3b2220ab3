"""Builds Beacon v2.2 genomic variant records of stored variants.

`variation` is a `LegacyVariation` on a VRS 1.3 location, with the RefSeq accession as sequence.
No reference sequence is at hand, so VRS ids are left out (`beacon.info` says so).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from beacon.alleles import CHROMOSOMES, assembly_of_accession
from beacon.catalog import DatasetFacts, VariantRow
from schemas.entries import (
    CaseLevelVariant,
    GenomicVariant,
    Identifiers,
    LegacyVariation,
    OntologyTerm,
    PopulationFrequency,
)

_BASES = re.compile(r"^[ACGTUNRYSWKMBDHV.-]*$")
_CLINVAR = re.compile(r"^clinvar:\d+$", re.IGNORECASE)
_RSID = re.compile(r"^rs\d+$")
_HGVS = re.compile(r"^NC_\d+\.\d+:g\.")

_HETEROZYGOUS: OntologyTerm = {"id": "GENO:0000135", "label": "heterozygous"}
_HOMOZYGOUS: OntologyTerm = {"id": "GENO:0000136", "label": "homozygous"}
_HEMIZYGOUS: OntologyTerm = {"id": "GENO:0000134", "label": "hemizygous"}


@cache
def accession(assembly: str, chrom: str) -> str:
    """The RefSeq accession of a canonical chromosome, such as `refseq:NC_000001.10`."""
    if chrom == "MT":
        return "refseq:NC_012920.1"
    number = CHROMOSOMES.index(chrom) + 1
    names = (f"NC_{number:06d}.{version}" for version in range(1, 20))
    return "refseq:" + next(name for name in names if assembly_of_accession(name) == assembly)


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
    if identifiers := _identifiers(row.identifiers):
        made["identifiers"] = identifiers
    if row.allele_number > 0:
        made["frequencyInPopulations"] = [
            {
                "source": facts.name,
                "sourceReference": dataset_url,
                "frequencies": [_frequency(row, population=facts.id)],
            }
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
            "sequence_id": accession(assembly, allele.chrom),
            "interval": {
                "type": "SequenceInterval",
                "start": {"type": "Number", "value": allele.start0},
                "end": {"type": "Number", "value": row.end0},
            },
        },
    }


def _identifiers(names: Sequence[str]) -> Identifiers:
    made: Identifiers = {}
    others: list[str] = []
    for name in names:
        if _CLINVAR.match(name):
            made["clinvarVariantId"] = "clinvar:" + name.split(":")[1]
        elif _HGVS.match(name):
            made["genomicHGVSId"] = name
        else:
            others.append(f"dbSNP:{name}" if _RSID.match(name) else name)
    if others:
        made["variantAlternativeIds"] = [{"id": other} for other in others]
    return made


def _frequency(row: VariantRow, *, population: str) -> PopulationFrequency:
    made: PopulationFrequency = {
        "population": population,
        "alleleFrequency": row.allele_count / row.allele_number,
        "alleleCount": row.allele_count,
        "alleleNumber": row.allele_number,
    }
    if row.carriers is not None:
        made["carriers"] = row.carriers
    return made


def _case(biosample: str, genotype: str) -> CaseLevelVariant:
    made: CaseLevelVariant = {"biosampleId": biosample}
    if zygosity := _zygosity(genotype):
        made["zygosity"] = zygosity
    return made


def _zygosity(genotype: str) -> OntologyTerm | None:
    """None where half the genotype is not known."""
    alleles = re.split(r"[|/]", genotype)
    if "." in alleles:
        return None
    if len(alleles) == 1:
        return _HEMIZYGOUS
    return _HOMOZYGOUS if len(set(alleles)) == 1 else _HETEROZYGOUS
