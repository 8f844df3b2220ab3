"""Packs a federated run and its proofs into a Five Safes RO-Crate."""

from __future__ import annotations

import json
import uuid

from workspaces.crate import bag, metadata
from workspaces.crate.contents import FederatedRun

_SPACE = uuid.UUID("6f2d7f5e-6a53-5d0e-9d6c-5c1f4b0f7a11")  # names crates by their permits


def write(run: FederatedRun) -> bytes:
    """The archive; the same run gives the same bytes. Whether it proves anything, `proving.verify`
    says: run it on the result."""
    payload = {
        f"{metadata.APPLICATION}{metadata.BUNDLE}": run.application.bundle,
        f"{metadata.APPLICATION}{metadata.METADATA}": _json(metadata.workflow_document(run)),
        metadata.PLAN: run.plan,
        **{metadata.output_file(name): content for name, content in run.outputs.items()},
        **{
            metadata.evidence_file(number): _json(site.model_dump(mode="json"))
            for number, site in enumerate(run.sites, start=1)
        },
    }
    sizes = {name: len(content) for name, content in payload.items()}
    payload[metadata.METADATA] = _json(metadata.document(run, sizes))
    permits = sorted(site.permit.signature for site in run.sites)
    return bag.write(payload, identifier=uuid.uuid5(_SPACE, "".join(permits)))


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=False).encode()
