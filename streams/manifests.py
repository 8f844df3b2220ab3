"""What the node signs about one release, and what it puts on record before the header leaves.

Crypt4GH v1.0 protects neither order nor length of a body: the manifest does. Pure.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.grants import Permit
from schemas.htsget import Manifest, SignedManifest, SignedSlice, SliceManifest
from streams.slicer_client import SliceBody
from streams.vault import SealedObject


def of_whole(
    sealed: SealedObject, permit: Permit, header: bytes, *, key: Ed25519PrivateKey, now: int
) -> SignedManifest:
    manifest = Manifest(
        permit_id=permit.permit_id,
        object_id=sealed.object_id,
        dataset=sealed.dataset,
        format=sealed.format,
        recipient=permit.recipient,
        header_sha256=hashlib.sha256(header).hexdigest(),
        header_size=len(header),
        body_size=sealed.body_size,
        segment_root=sealed.segment_root,
        plain_size=sealed.plain_size,
        plain_sha256=sealed.plain_sha256,
        issued=now,
    )
    return SignedManifest(manifest=manifest, signature=key.sign(manifest.signed_bytes()).hex())


def of_slice(
    sealed: SealedObject,
    permit: Permit,
    body: SliceBody,
    *,
    key: Ed25519PrivateKey,
    now: int,
) -> SignedSlice:
    manifest = SliceManifest(
        permit_id=permit.permit_id,
        object_id=sealed.object_id,
        dataset=sealed.dataset,
        format=sealed.format,
        recipient=permit.recipient,
        header_sha256=hashlib.sha256(body.header).hexdigest(),
        header_size=len(body.header),
        body_size=body.size,
        plain_size=body.plain_size,
        regions=body.regions or None,
        issued=now,
    )
    return SignedSlice(manifest=manifest, signature=key.sign(manifest.signed_bytes()).hex())


def intent(manifest: Manifest | SliceManifest, permit: Permit) -> dict[str, object]:
    """What the record says of a release about to leave; a slice's regions by their number."""
    facts: dict[str, object] = {
        "permit": permit.permit_id,
        "by": permit.subject,
        "dataset": permit.dataset,
        "object": manifest.object_id,
        "workspace": permit.workspace,
        "recipient": permit.recipient,
        "header_sha256": manifest.header_sha256,
        "body_size": manifest.body_size,
        "expires": permit.expires,
    }
    if isinstance(manifest, Manifest):
        return facts | {
            "segment_root": manifest.segment_root,
        }
    return facts | {"regions": len(manifest.regions or ())}
