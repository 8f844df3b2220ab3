"""States what a node is and serves: info, service-info, configuration, entry types, map and
filtering terms (Beacon v2.2 framework endpoints).

`ENDPOINT_SETS` is the one list of addresses: the routes are made from it, so the map names
exactly what is there. Answers nothing about data but terms, and those without their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from access.policies.policy import Level
from beacon import abilities, copy_number, phenopacket_form
from beacon.catalog import (
    Affecting,
    Allele,
    AminoacidChange,
    ByIdentifier,
    FilteringTerm,
    InGene,
    Segment,
    Span,
    VariantQuestion,
)
from beacon.effect_rules import EVERY
from beacon.errors import UnsupportedQuestion
from beacon.query import MAX_LIMIT
from beacon.variation.alleles import CHROMOSOMES
from schemas.beacon import API_VERSION
from schemas.entries import ENTRY_TYPES, EntryType, EntryTypeId
from schemas.service_info import ServiceInfo

Environment = Literal["prod", "test", "dev", "staging"]
_SCHEMAS = (
    "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/v2.2.0/framework/json/configuration"
)
_STATUS: dict[Environment, str] = {"prod": "PROD", "test": "TEST", "dev": "DEV", "staging": "TEST"}


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node says of itself; `public_url` has no trailing slash."""

    id: str
    name: str
    public_url: str
    organization_id: str
    organization_name: str
    environment: Environment = "dev"
    version: str = ""
    description: str = ""

    @property
    def beacon_url(self) -> str:
        return f"{self.public_url}/beacon"


@dataclass(frozen=True, slots=True)
class EndpointSet:
    """An entry type's list, its single entries, and the lists under one of its entries."""

    entry: EntryTypeId
    nested: tuple[EntryTypeId, ...] = ()


ENDPOINT_SETS = (
    EndpointSet("analysis", ("genomicVariant", "dataset", "cohort")),
    EndpointSet("biosample", ("genomicVariant", "analysis", "run", "dataset", "cohort")),
    EndpointSet(
        "cohort", ("individual", "genomicVariant", "biosample", "run", "analysis", "dataset")
    ),
    EndpointSet(
        "dataset", ("individual", "genomicVariant", "biosample", "run", "analysis", "cohort")
    ),
    EndpointSet(
        "genomicVariant", ("individual", "biosample", "run", "analysis", "dataset", "cohort")
    ),
    EndpointSet(
        "individual", ("genomicVariant", "biosample", "run", "analysis", "dataset", "cohort")
    ),
    EndpointSet("run", ("genomicVariant", "analysis", "dataset", "cohort")),
)
COLLECTIONS: frozenset[EntryTypeId] = frozenset({"cohort", "dataset"})
# Terms are no entry type, so the map, whose endpoints each return one, does not name these.
FILTERING_TERMS: tuple[tuple[str, EntryTypeId], ...] = (
    ("/individuals/filtering_terms", "individual"),
    ("/individuals/{id}/filtering_terms", "individual"),
    ("/cohorts/{id}/filtering_terms", "cohort"),
    ("/datasets/{id}/filtering_terms", "dataset"),
)
_QUESTIONS: dict[str, VariantQuestion] = {
    "sequence": Allele("1", 0, "A", "C"),
    "range": Span("1", 0, 1),
    "bracket": Span("1", 0, 2, starts=(0, 1), ends=(1, 2)),
    "copyNumber": Span("1", 0, 1, variant_type="CNV"),
    "gene": InGene("BRCA1"),
    "aminoacidChange": AminoacidChange("V600E"),
    "identifier": ByIdentifier("rs1"),
    "molecularEffect": Affecting(EVERY),
}
SERVICE_INFO_SCHEMA = "ga4gh-service-info-v1.0"
# As the standard's own texts and other servers spell them.
_SERVICE_INFO_SCHEMAS = (SERVICE_INFO_SCHEMA, "ga4gh-service-info-1-0")
_INFO_SCHEMAS = ("beacon-info-v2", "ga4gh-beacon-info-v2", "beacon-v2-default")


def info(
    node: NodeFacts, held: Iterable[Segment] = (), *, requested_schema: str | None = None
) -> dict[str, object]:
    """`/` and `/info`, in service-info form where that schema was asked for. `held` are the
    datasets that anybody may know of; what they can be asked is said under `info`."""
    if requested_schema is not None and requested_schema.startswith(_SERVICE_INFO_SCHEMAS):
        return {"meta": _meta(node), "response": service_info(node)}
    if requested_schema is not None and not requested_schema.startswith(_INFO_SCHEMAS):
        raise UnsupportedQuestion(
            "This requestedSchema is not supported. Supported: beacon-info-v2.0.0 and "
            f"{SERVICE_INFO_SCHEMA}."
        )
    response: dict[str, object] = {
        "id": node.id,
        "name": node.name,
        "apiVersion": API_VERSION,
        "environment": node.environment,
        "organization": {"id": node.organization_id, "name": node.organization_name},
        "welcomeUrl": node.public_url,
        "info": _abilities(tuple(held)),
    }
    if node.description:
        response["description"] = node.description
    if node.version:
        response["version"] = node.version
    return {"meta": _meta(node), "response": response}


def _abilities(held: Sequence[Segment]) -> dict[str, object]:
    """No standard endpoint says which variant questions a node can answer (Beacon issue 97)."""
    chromosomes = {name for one in held for name in one.facts.chromosomes}
    return {
        "variantQueries": abilities.supported(held),
        "variantQueryTypes": {
            name: sorted(one.facts.id for one in held if one.supports(question))
            for name, question in _QUESTIONS.items()
        },
        "spellings": {one.facts.id: abilities.spellings(one) for one in held},
        # Compared with a reference: the others know an indel only where it was written.
        "shiftedIndels": sorted(one.facts.id for one in held if one.facts.justified),
        "carriers": sorted(one.facts.id for one in held if one.facts.genotypes),
        # Which datasets know anybody's is not everybody's to read.
        "copyNumberLevels": [level.value for level in copy_number.Level],
        "assemblies": sorted({one.facts.assembly for one in held}),
        "referenceNames": [name for name in CHROMOSOMES if name in chromosomes],
        "orGroups": "A list inside filters holds alternatives.",
        "testMode": "answers from one synthetic dataset, without signing in",
        "limit": MAX_LIMIT,
    }


def service_info(node: NodeFacts) -> ServiceInfo:
    """Bare GA4GH service-info 1.0.0, without an envelope."""
    made: ServiceInfo = {
        "id": node.id,
        "name": node.name,
        "type": {
            "group": "org.ga4gh",
            "artifact": "beacon",
            "version": API_VERSION.removeprefix("v"),
        },
        "organization": {"name": node.organization_name, "url": node.public_url},
        "version": node.version or "0",
        "environment": node.environment,
    }
    if node.description:
        made["description"] = node.description
    return made


def configuration(node: NodeFacts, *, levels: Iterable[Level]) -> dict[str, object]:
    """`levels` are those the policies use; none means the strictest, as for a silent beacon."""
    names = [level.name for level in sorted(set(levels))] or [Level.CONTROLLED.name]
    return {
        "meta": _meta(node),
        "response": {
            "$schema": f"{_SCHEMAS}/beaconConfigurationSchema.json",
            "maturityAttributes": {"productionStatus": _STATUS[node.environment]},
            "securityAttributes": {"defaultGranularity": "boolean", "securityLevels": names},
            "entryTypes": _entry_types(),
        },
    }


def entry_types(node: NodeFacts) -> dict[str, object]:
    return {"meta": _meta(node), "response": {"entryTypes": _entry_types()}}


def beacon_map(node: NodeFacts) -> dict[str, object]:
    sets = {f"{one.entry}Endpoints": _endpoint_set(node, one) for one in ENDPOINT_SETS}
    return {
        "meta": _meta(node),
        "response": {"$schema": f"{_SCHEMAS}/beaconMapSchema.json", "endpointSets": sets},
    }


def filtering_terms(
    node: NodeFacts, terms: Iterable[FilteringTerm], *, skip: int, limit: int
) -> dict[str, object]:
    """Terms of all datasets that answer this caller, put together; never their numbers."""
    merged: dict[tuple[str, str], dict[str, object]] = {}
    for term in sorted(terms, key=lambda t: (t.id, t.kind, t.scope)):
        key = (term.id, term.kind)
        made = merged.setdefault(key, {"type": term.kind, "id": term.id, "scopes": []})
        scopes = made["scopes"]
        if isinstance(scopes, list) and term.scope not in scopes:
            scopes.append(term.scope)
        if term.label:
            made.setdefault("label", term.label)
        lists = {"values": term.values, "synonyms": term.synonyms, "parents": term.parents}
        for name, more in lists.items():
            known = made.get(name, [])
            if more and isinstance(known, list):
                made[name] = sorted({*known, *more})
    listed = list(merged.values())[skip * limit : (skip + 1) * limit]
    return {
        "meta": _meta(node),
        "response": {"filteringTerms": listed, "resources": _resources(listed)},
    }


def path_parameter(entry: EntryTypeId) -> str:
    """The placeholder of an entry's id; verifiers fill in only this one for variants."""
    return "variantInternalId" if entry == "genomicVariant" else "id"


def _meta(node: NodeFacts) -> dict[str, object]:
    return {"beaconId": node.id, "apiVersion": API_VERSION, "returnedSchemas": []}


def _entry_types() -> dict[str, object]:
    return {one.entry: _entry_type(ENTRY_TYPES[one.entry]) for one in ENDPOINT_SETS}


def _entry_type(entry: EntryType) -> dict[str, object]:
    made: dict[str, object] = {
        "id": entry.id,
        "name": entry.name,
        "partOfSpecification": "Beacon v2.2.0",
        "ontologyTermForThisType": {"id": entry.term, "label": entry.term_label},
        "defaultSchema": {
            "id": entry.schema_id,
            "name": f"Default schema: {entry.name}",
            "referenceToSchemaDefinition": entry.schema_url,
        },
        "nonFilteredQueriesAllowed": True,
    }
    if entry.id == "individual":
        made["additionallySupportedSchemas"] = [
            {
                "id": phenopacket_form.SCHEMA,
                "name": "Phenopacket, GA4GH Phenopacket Schema 2.0",
                "referenceToSchemaDefinition": phenopacket_form.SCHEMA_URL,
            }
        ]
    if entry.collection_of:
        made["aCollectionOf"] = [{"id": i, "name": name} for i, name in entry.collection_of]
    return made


def _endpoint_set(node: NodeFacts, one: EndpointSet) -> dict[str, object]:
    root = f"{node.beacon_url}/{ENTRY_TYPES[one.entry].path}"
    single = f"{root}/{{{path_parameter(one.entry)}}}"
    return {
        "entryType": one.entry,
        "rootUrl": root,
        "singleEntryUrl": single,
        "endpoints": {
            entry: {"returnedEntryType": entry, "url": f"{single}/{ENTRY_TYPES[entry].path}"}
            for entry in one.nested
        },
    }


def _resources(terms: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    prefixes = {
        str(term["id"]).split(":", 1)[0]
        for term in terms
        if term["type"] == "ontologyTerm" and ":" in str(term["id"])
    }
    return [{"id": p.lower(), "name": p, "nameSpacePrefix": p} for p in sorted(prefixes)]
