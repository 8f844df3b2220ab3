"""The entry types of Beacon v2.2's default model that we serve, and the records we build.

Schema references are the published ones; what a node serves of each is said in `beacon.info`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

_MODEL = (
    "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/v2.2.0/"
    "models/json/beacon-v2-default-model"
)
EntryTypeId = Literal[
    "analysis", "biosample", "cohort", "dataset", "genomicVariant", "individual", "run"
]


@dataclass(frozen=True, slots=True)
class EntryType:
    """One entry type: `id` in configuration and filters, `path` in addresses."""

    id: EntryTypeId
    path: str
    name: str
    term: str
    term_label: str
    schema_id: str
    folder: str
    collection_of: tuple[tuple[str, str], ...] = ()

    @property
    def schema_url(self) -> str:
        return f"{_MODEL}/{self.folder}/defaultSchema.json"


_ALL = (
    EntryType(
        "analysis", "analyses", "Bioinformatics analysis", "edam:operation_2945", "Analysis",
        "ga4gh-beacon-analysis-v2.0.0", "analyses",
    ),
    EntryType(
        "biosample", "biosamples", "Biological sample", "NCIT:C70699", "Biospecimen",
        "ga4gh-beacon-biosample-v2.0.0", "biosamples",
    ),
    EntryType(
        "cohort", "cohorts", "Cohort", "NCIT:C61512", "Cohort",
        "ga4gh-beacon-cohort-v2.0.0", "cohorts", (("individual", "Individuals"),),
    ),
    EntryType(
        "dataset", "datasets", "Dataset", "NCIT:C47824", "Data set",
        "ga4gh-beacon-dataset-v2.0.0", "datasets",
        (("genomicVariant", "Genomic Variants"), ("individual", "Individuals")),
    ),
    EntryType(
        "genomicVariant", "g_variants", "Genomic variant", "ENSGLOSSARY:0000092", "Variant",
        "ga4gh-beacon-variant-v2.1.0", "genomicVariations",
    ),
    EntryType(
        "individual", "individuals", "Individual", "NCIT:C25190", "Person",
        "ga4gh-beacon-individual-v2.0.0", "individuals",
    ),
    EntryType(
        "run", "runs", "Sequencing run", "NCIT:C148088", "Sequencing run",
        "ga4gh-beacon-run-v2.0.0", "runs",
    ),
)  # fmt: skip
ENTRY_TYPES: dict[str, EntryType] = {entry.id: entry for entry in _ALL}

# Spellings met in the wild: singular ids, plural names, paths, and the documentation's own slips.
_SPELLINGS: dict[str, EntryTypeId] = {
    spelling.lower(): entry.id
    for entry in _ALL
    for spelling in (entry.id, f"{entry.id}s", entry.path, entry.folder)
} | {
    "g_variant": "genomicVariant",
    "variant": "genomicVariant",
    "genomicvariation": "genomicVariant",
}


def entry_type_named(text: str) -> EntryTypeId | None:
    """The entry type meant by any of its spellings; None when it is no entry type."""
    return _SPELLINGS.get(text.lower())


class OntologyTerm(TypedDict):
    id: str
    label: NotRequired[str]


class Number(TypedDict):
    type: Literal["Number"]
    value: int


class SequenceInterval(TypedDict):
    type: Literal["SequenceInterval"]
    start: Number
    end: Number


class SequenceLocation(TypedDict):
    """VRS 1.3, as `LegacyVariation` embeds it; `sequence_id` is a CURIE."""

    type: Literal["SequenceLocation"]
    sequence_id: str
    interval: SequenceInterval


class LegacyVariation(TypedDict):
    variantType: str
    referenceBases: str
    alternateBases: str
    location: SequenceLocation


class ExternalReference(TypedDict):
    id: str
    notes: NotRequired[str]


class Identifiers(TypedDict, total=False):
    variantAlternativeIds: list[ExternalReference]
    clinvarVariantId: str
    genomicHGVSId: str
    transcriptHGVSIds: list[str]
    proteinHGVSIds: list[str]


class MolecularAttributes(TypedDict, total=False):
    geneIds: list[str]
    aminoacidChanges: list[str]
    molecularEffects: list[OntologyTerm]


class PopulationFrequency(TypedDict):
    """`alleleCount` and the rest are additions that the open schema allows."""

    population: str
    alleleFrequency: float
    alleleCount: NotRequired[int]
    alleleNumber: NotRequired[int]
    carriers: NotRequired[int]
    homozygotes: NotRequired[int]
    hemizygotes: NotRequired[int]


class FrequencyInPopulations(TypedDict):
    source: str
    sourceReference: str
    frequencies: list[PopulationFrequency]


class CaseLevelVariant(TypedDict):
    biosampleId: str
    individualId: NotRequired[str]
    zygosity: NotRequired[OntologyTerm]


class GenomicVariant(TypedDict):
    variantInternalId: str
    variation: LegacyVariation
    identifiers: NotRequired[Identifiers]
    molecularAttributes: NotRequired[MolecularAttributes]
    frequencyInPopulations: NotRequired[list[FrequencyInPopulations]]
    caseLevelData: NotRequired[list[CaseLevelVariant]]
    info: NotRequired[dict[str, object]]
