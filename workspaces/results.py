"""Takes a released result from a node's airlock: asked for, verified, opened with one's own key.

Believed is what the node's key, learnt from its operator, signed: this output of this node, for
this key, with this digest. Drawing and packing are `plots`' and `crate`'s.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from dataclasses import dataclass

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.runs import ResultManifest, SealedResult
from streams import envelope
from streams.errors import EnvelopeInvalid
from streams.header import open_header, read_header
from streams.keys import SecretKey, thumbprint
from workspaces import settings, wire
from workspaces.errors import AddressInvalid, ReleaseUntrue

MAX_SEALED = 64 * 1024 * 1024  # base64 of the largest output, and its envelope


@dataclass(frozen=True, slots=True)
class Result:
    """An opened result; `signed` is what the node said of it, to keep as a proof."""

    signed: SealedResult
    content: bytes

    @property
    def manifest(self) -> ResultManifest:
        return self.signed.manifest


def take(
    node_url: str,
    output: str,
    *,
    node_key: bytes,
    secret: SecretKey,
    token: str,
    http: httpx.Client | None = None,
) -> Result:
    """Raises NodeRefused for a no, NodeSilent for what may be tried again, ReleaseUntrue for
    anything that is not what the node signed for this key."""
    url = settings.node_address(node_url)
    if not output.replace("-", "").isalnum():
        raise AddressInvalid("An output's id has letters, digits and hyphens only.")
    place = f"{url}/access/airlock/{output}/result"
    with wire.client(http) as line:
        headers = {"Authorization": f"Bearer {token}"}
        raw = wire.exchange(line, "GET", place, headers=headers, most=MAX_SEALED)
    signed = wire.read(SealedResult, raw)
    _verify(signed, url=url, output=output, node_key=node_key, reader=secret.public)
    content = _opened(signed.sealed, secret)
    manifest = signed.manifest
    if (len(content), hashlib.sha256(content).hexdigest()) != (manifest.size, manifest.sha256):
        raise ReleaseUntrue("What arrived is not the result that the node signed.")
    return Result(signed, content)


def _verify(signed: SealedResult, *, url: str, output: str, node_key: bytes, reader: bytes) -> None:
    manifest = signed.manifest
    try:
        key = Ed25519PublicKey.from_public_bytes(node_key)
        key.verify(bytes.fromhex(signed.signature), manifest.signed_bytes())
    except (InvalidSignature, ValueError) as error:
        raise ReleaseUntrue("The node's key did not sign this result.") from error
    if (manifest.node, manifest.candidate) != (url, output):
        raise ReleaseUntrue("The result is another node's, or another output.")
    if manifest.recipient != thumbprint(reader):
        raise ReleaseUntrue("The result is sealed to another key than this one.")


def _opened(sealed: str, secret: SecretKey) -> bytes:
    try:
        source, plain = io.BytesIO(base64.b64decode(sealed, validate=True)), io.BytesIO()
        envelope.open_body(source, plain, open_header(read_header(source), [secret]))
    except (binascii.Error, EnvelopeInvalid) as error:
        raise ReleaseUntrue("The sealed result does not open with this key.") from error
    return plain.getvalue()
