"""The metadata of a crate: RO-Crate 1.2 JSON-LD by the Five Safes profile 0.4.

Safe people are the requester and the committees that signed off, safe projects the request, safe
settings the sites' permits and receipts, safe data the datasets by name, safe outputs the airlocks'
checks. The reviews it mentions are those the evidence proves, and no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from workspaces.crate.contents import FederatedRun, SiteProofs

CONTEXT = "https://w3id.org/ro/crate/1.2/context"
RO_CRATE = "https://w3id.org/ro/crate/1.2"
PROFILE = "https://w3id.org/5s-crate/0.4"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
SHP = "https://w3id.org/shp#"
COMPLETED = "http://schema.org/CompletedActionStatus"
METADATA = "ro-crate-metadata.json"
APPLICATION = "application/"
PLAN = "plan.json"
BUNDLE = "bundle.fab"

Entity = dict[str, object]


def document(run: FederatedRun, sizes: dict[str, int]) -> Entity:
    """`sizes` are the payload's files but this one, in bytes."""
    return {"@context": CONTEXT, "@graph": [*_graph(run, sizes)]}


def workflow_document(run: FederatedRun) -> Entity:
    """Of the application alone: a Workflow RO-Crate 1.0 in its folder."""
    application = run.application
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": [{"@id": WORKFLOW_CRATE}],
        "name": application.name,
        "description": "A federated application: one Flower bundle, as it was reviewed.",
        "datePublished": _when(run.started),
        "license": {"@id": _licence(application.license)},
        "hasPart": [{"@id": BUNDLE}],
        "mainEntity": {"@id": BUNDLE},
    }
    bundle: Entity = {
        "@id": BUNDLE,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": application.name,
        "sha256": hashlib.sha256(application.bundle).hexdigest(),
        "programmingLanguage": {"@id": "#flower"},
    }
    flower: Entity = {
        "@id": "#flower",
        "@type": "ComputerLanguage",
        "name": "Flower application bundle",
        "url": {"@id": "https://flower.ai/docs/framework/"},
    }
    graph = [_descriptor(RO_CRATE), root, bundle, flower, _licence_entity(application.license)]
    return {"@context": CONTEXT, "@graph": graph}


def output_file(name: str) -> str:
    return f"outputs/{name}"


def evidence_file(number: int) -> str:
    return f"evidence/site-{number}.json"


def _graph(run: FederatedRun, sizes: dict[str, int]) -> Iterator[Entity]:
    reviews = [*_reviews(run)]
    yield _descriptor(RO_CRATE)
    yield _root(run, sizes, reviews)
    yield {"@id": PROFILE, "@type": "Profile", "name": "Five Safes RO-Crate profile"}
    yield {
        "@id": APPLICATION,
        "@type": "Dataset",
        "name": run.application.name,
        "conformsTo": {"@id": WORKFLOW_CRATE},
        "hasPart": [_ref(f"{APPLICATION}{BUNDLE}"), _ref(f"{APPLICATION}{METADATA}")],
    }
    yield from (_file(name, run, size) for name, size in sizes.items())
    yield _action(run)
    yield from reviews
    yield {
        "@id": "#requester",
        "@type": "Person",
        "name": run.requester,
        "affiliation": _ref("#organisation"),
        "memberOf": [_ref("#project")],
    }
    yield {"@id": "#organisation", "@type": "Organization", "name": run.organisation}
    yield {
        "@id": "#project",
        "@type": "Project",
        "name": run.project,
        "identifier": sorted({one.permit.permit.permit_id for one in run.sites}),
        "member": [_ref("#organisation")],
    }
    for site in run.sites:
        yield from _site(site)
    yield {"@id": "#conditions", "@type": "CreativeWork", "name": run.license}


def _descriptor(version: str) -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": _ref("./"),
        "conformsTo": _ref(version),
    }


def _root(run: FederatedRun, sizes: dict[str, int], reviews: list[Entity]) -> Entity:
    besides = [name for name in sizes if not name.startswith(APPLICATION)]
    return {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": _ref(PROFILE),
        "name": run.name,
        "description": f"A federated run over {len(run.sites)} sites: what was permitted, by "
        "whom it was signed off, what was released, and the proofs of it.",
        "datePublished": _when(run.ended),
        "license": _ref("#conditions"),
        "publisher": [_ref(_node(site)) for site in run.sites],
        "sourceOrganization": _ref("#project"),
        "mainEntity": _ref(APPLICATION),
        "hasPart": [_ref(APPLICATION), *map(_ref, besides)],
        "mentions": [_ref("#run"), *(_ref(str(review["@id"])) for review in reviews)],
    }


def _action(run: FederatedRun) -> Entity:
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"{run.application.name} for {run.project}",
        "actionStatus": COMPLETED,
        "startTime": _when(run.started),
        "endTime": _when(run.ended),
        "agent": _ref("#requester"),
        "instrument": _ref(APPLICATION),
        "object": [_ref(PLAN), *(_ref(_dataset(site)) for site in run.sites)],
        "result": [_ref(output_file(name)) for name in run.outputs],
    }


def _reviews(run: FederatedRun) -> Iterator[Entity]:
    for number, site in enumerate(run.sites, start=1):
        permit = site.permit.permit
        yield {
            "@id": f"#sign-off-{number}",
            "@type": "AssessAction",
            "additionalType": _ref(f"{SHP}SignOff"),
            "name": f"Sign-off by {site.name}: approved",
            "actionStatus": COMPLETED,
            "endTime": _when(permit.issued),
            "agent": _ref(_node(site)),
            "instrument": _ref(evidence_file(number)),
            "object": [_ref("./"), _ref(APPLICATION), _ref("#project")],
        }
        for place, result in enumerate(site.results, start=1):
            checked = [
                _ref(output_file(name))
                for name, content in run.outputs.items()
                if hashlib.sha256(content).hexdigest() == result.manifest.sha256
            ]
            yield {
                "@id": f"#disclosure-check-{number}-{place}",
                "@type": "AssessAction",
                "additionalType": _ref(f"{SHP}DisclosureCheck"),
                "name": f"Airlock of {site.name}: released",
                "actionStatus": COMPLETED,
                "endTime": _when(result.manifest.issued),
                "agent": _ref(f"{_node(site)}#airlock"),
                "instrument": _ref(evidence_file(number)),
                "object": [_ref("./"), *checked],
            }


def _site(site: SiteProofs) -> Iterator[Entity]:
    node = _node(site)
    yield {"@id": node, "@type": "Organization", "name": site.name}
    yield {
        "@id": f"{node}#airlock",
        "@type": "SoftwareApplication",
        "name": f"Airlock of {site.name}",
        "provider": _ref(node),
    }
    yield {
        "@id": _dataset(site),
        "@type": "Dataset",
        "name": site.permit.permit.dataset,
        "description": "Held by the site; it is not part of this crate.",
        "publisher": _ref(node),
    }


def _file(name: str, run: FederatedRun, size: int) -> Entity:
    entity: Entity = {"@id": name, "@type": "File", "name": name, "contentSize": str(size)}
    if name.endswith(".json"):
        entity["encodingFormat"] = "application/json"
    if name.removeprefix("outputs/") in run.outputs:
        content = run.outputs[name.removeprefix("outputs/")]
        entity["sha256"] = hashlib.sha256(content).hexdigest()
    return entity


def _ref(identifier: str) -> Entity:
    return {"@id": identifier}


def _node(site: SiteProofs) -> str:
    return site.permit.permit.audience


def _dataset(site: SiteProofs) -> str:
    return f"{_node(site)}#dataset-{site.permit.permit.dataset}"


def _licence(identifier: str) -> str:
    return f"https://spdx.org/licenses/{identifier}"


def _licence_entity(identifier: str) -> Entity:
    return {"@id": _licence(identifier), "@type": "CreativeWork", "name": identifier,
            "identifier": identifier}  # fmt: skip


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
