"""Decides whether a release is what a pinned node signed, for this key and this object.

Rules only. RFC 8032 signatures over canonical JSON, RFC 9162 tree heads over sealed segments; the
form is `schemas.htsget.SignedManifest`. Crypt4GH itself notices none of what is checked here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.htsget import Manifest, RegionAsked, SliceManifest, Ticket
from streams import envelope
from streams.envelope import BodyFacts
from streams.keys import thumbprint
from workspaces.errors import ReleaseUntrue

MANIFEST_VERSION = 1
MAX_AGE_SECONDS = 900  # older than a release session can idle: an answer kept back and replayed
MAX_SKEW_SECONDS = 120
MAX_BODY = 2 * 1024**4
MAX_PARTS = 65536

_DATA_URI = "data:"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the workspace asked for: all it may have of an object, or the records of `regions`
    (zero-based half-open, None for a reference's own start or end)."""

    object_id: str
    recipient: bytes
    regions: tuple[RegionAsked, ...] | None = None


def verify(
    ticket: Ticket, asked: Asked, *, node_key: bytes, now: int
) -> tuple[Manifest | SliceManifest, bytes]:
    """The manifest and the header of one ticket, both proven; raises ReleaseUntrue."""
    in_part = asked.regions is not None or ticket.skerry is None
    signed = ticket.skerry_slice if in_part else ticket.skerry
    if signed is None:
        raise ReleaseUntrue("The answer has no manifest: it is not a sealed release.")
    manifest = signed.manifest
    _check_signature(manifest, signed.signature, node_key)
    if manifest.version != MANIFEST_VERSION:
        raise ReleaseUntrue(f"Manifests of version {manifest.version} are unsupported.")
    if manifest.object_id != asked.object_id or manifest.format != ticket.format:
        raise ReleaseUntrue("The manifest is for another object or format than the one asked for.")
    if manifest.recipient != thumbprint(asked.recipient):
        raise ReleaseUntrue("The manifest is for another workspace's key.")
    if isinstance(manifest, SliceManifest):
        _check_regions(manifest, asked)
    if not now - MAX_AGE_SECONDS <= manifest.issued <= now + MAX_SKEW_SECONDS:
        raise ReleaseUntrue("The manifest is not of now: an old answer, or a clock is wrong.")
    _check_figures(manifest)
    return manifest, _header(ticket, manifest)


def check_body(manifest: Manifest | SliceManifest, facts: BodyFacts) -> None:
    """Every figure of the manifest against what was read and opened; raises ReleaseUntrue.

    A slice has no digests: its key is its own, each segment's nonce is its place, and the sizes
    say where it ends. Whoever opened it must have looked at the nonces."""
    pairs: tuple[tuple[str, object, object], ...] = (
        ("sealed size", manifest.body_size, facts.body_size),
        ("size", manifest.plain_size, facts.plain_size),
    )
    if isinstance(manifest, Manifest):
        pairs += (
            ("segment root", manifest.segment_root, facts.root.hex()),
            ("digest", manifest.plain_sha256, facts.plain_sha256.hex()),
        )
    for name, signed, got in pairs:
        if signed != got:
            raise ReleaseUntrue(f"The {name} of what arrived is not the one the node signed.")


def _check_signature(manifest: Manifest | SliceManifest, signature: str, node_key: bytes) -> None:
    try:
        key = Ed25519PublicKey.from_public_bytes(node_key)
        key.verify(bytes.fromhex(signature), manifest.signed_bytes())
    except (InvalidSignature, ValueError) as error:
        raise ReleaseUntrue("The pinned node did not sign this manifest.") from error


def _check_regions(manifest: SliceManifest, asked: Asked) -> None:
    """Who asks for the whole and holds a grant of regions gets these, and the manifest says so."""
    if asked.regions is None and manifest.regions:
        return
    if manifest.regions != asked.regions:
        raise ReleaseUntrue("The manifest is for other regions than the ones asked for.")


def _check_figures(manifest: Manifest | SliceManifest) -> None:
    if isinstance(manifest, Manifest):
        digests = (manifest.segment_root, manifest.plain_sha256)
        if not all(_DIGEST.fullmatch(digest) for digest in digests):
            raise ReleaseUntrue("A digest of the manifest is not one.")
    if not 0 <= manifest.plain_size <= MAX_BODY:
        raise ReleaseUntrue(f"Objects of more than {MAX_BODY} bytes are unsupported.")
    if envelope.body_size(manifest.plain_size) != manifest.body_size:
        raise ReleaseUntrue("The manifest's two sizes do not belong together.")


def _header(ticket: Ticket, manifest: Manifest | SliceManifest) -> bytes:
    first = ticket.urls[0].url if ticket.urls else ""
    if len(ticket.urls) - 1 > MAX_PARTS:
        raise ReleaseUntrue(f"A ticket has at most {MAX_PARTS} parts.")
    media, comma, text = first.partition(",")
    if not (media.startswith(_DATA_URI) and media.endswith(";base64") and comma):
        raise ReleaseUntrue("The ticket does not begin with the sealed header.")
    try:
        header = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ReleaseUntrue("The sealed header is not base64.") from error
    if len(header) != manifest.header_size:
        raise ReleaseUntrue("The sealed header has another size than the node signed.")
    if hashlib.sha256(header).hexdigest() != manifest.header_sha256:
        raise ReleaseUntrue("The sealed header is not the one the node signed.")
    return header
