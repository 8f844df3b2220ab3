"""What the network says of itself as a Beacon v2.2: info, configuration, entry types, terms.

Made of what the registry last saw; nothing is asked here. The routes and answers are
`as_beacon.routes`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.asking.fanout import Fanout
from portal.nodes.node import Node
from portal.nodes.registry import Registry
from portal.questions.liftover import Liftover
from portal.questions.question import Kind
from portal.settings import PortalSettings
from schemas.beacon import API_VERSION

ENTRY = {Kind.VARIANTS: "genomicVariant", Kind.INDIVIDUALS: "individual"}
_SCHEMAS = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/v2.2.0/"
_MODEL = _SCHEMAS + "models/json/beacon-v2-default-model"
FRAMEWORK = _SCHEMAS + "framework/json"
SCHEMA = {
    Kind.VARIANTS: f"{_MODEL}/genomicVariations/defaultSchema.json",
    Kind.INDIVIDUALS: f"{_MODEL}/individuals/defaultSchema.json",
}


@dataclass(frozen=True, slots=True)
class Network:
    settings: PortalSettings
    registry: Registry
    fanout: Fanout
    liftover: Liftover
    version: str

    @property
    def id(self) -> str:
        return self.settings.network_id


def info(network: Network) -> dict[str, object]:
    settings = network.settings
    return {
        "id": network.id,
        "name": settings.name,
        "apiVersion": API_VERSION,
        "environment": "dev",
        "version": network.version,
        "description": "A network of genome archives that answers as one Beacon.",
        "welcomeUrl": settings.public_url,
        "organization": {
            "id": settings.organization_id,
            "name": settings.organization_name,
        },
        "info": {
            "beacons": [
                {
                    "id": node.id,
                    "name": node.name,
                    "url": node.root,
                    "problem": node.problem,
                }
                for node in network.registry.nodes
            ]
        },
    }


def service_info(network: Network) -> dict[str, object]:
    """GA4GH service-info 1.0."""
    settings = network.settings
    return {
        "id": network.id,
        "name": settings.name,
        "type": {
            "group": "org.ga4gh",
            "artifact": "beacon",
            "version": API_VERSION.removeprefix("v"),
        },
        "organization": {"name": settings.organization_name, "url": settings.public_url},
        "version": network.version,
        "environment": "dev",
    }


def entry_types() -> dict[str, object]:
    made: dict[str, object] = {}
    for kind, entry in ENTRY.items():
        schema = {"id": f"ga4gh-beacon-{entry.lower()}-v2.2.0", "name": entry}
        made[entry] = {
            "id": entry,
            "name": "Genomic variants" if kind is Kind.VARIANTS else "Individuals",
            "ontologyTermForThisType": (
                {"id": "ENSGLOSSARY:0000092", "label": "Variant"}
                if kind is Kind.VARIANTS
                else {"id": "NCIT:C25190", "label": "Person"}
            ),
            "partOfSpecification": "Beacon v2.2.0",
            "defaultSchema": schema | {"referenceToSchemaDefinition": SCHEMA[kind]},
            "nonFilteredQueriesAllowed": True,
        }
    return made


def configuration() -> dict[str, object]:
    return {
        "$schema": f"{FRAMEWORK}/configuration/beaconConfigurationSchema.json",
        "maturityAttributes": {"productionStatus": "DEV"},
        "securityAttributes": {"defaultGranularity": "boolean", "securityLevels": ["PUBLIC"]},
        "entryTypes": entry_types(),
    }


def terms(nodes: Sequence[Node]) -> list[dict[str, object]]:
    """The union; a term's scopes are those of all nodes that list it."""
    merged: dict[tuple[str, str], dict[str, object]] = {}
    scopes: dict[tuple[str, str], dict[str, None]] = {}
    for node in nodes:
        for term in node.terms:
            # The same id may be a term and a field to compare: two ways to ask.
            key = (term.id, term.type or "custom")
            row = merged.setdefault(key, {"id": term.id, "type": key[1]})
            if term.label and "label" not in row:
                row["label"] = term.label
            lists = {"values": term.values, "synonyms": term.synonyms, "parents": term.parents}
            for member, more in lists.items():
                known = row.get(member, [])
                if more and isinstance(known, list):
                    row[member] = sorted({*known, *more})
            scopes.setdefault(key, {}).update(dict.fromkeys(term.scopes))
    for name, row in merged.items():
        if scopes[name]:
            row["scopes"] = list(scopes[name])
    return [merged[name] for name in sorted(merged)]
