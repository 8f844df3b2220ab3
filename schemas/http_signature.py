"""A workspace's signature over one HTTP request, in one fixed profile of RFC 9421 and RFC 9530.

Covered are method, target URI and the SHA-256 of the body; parameters are `created`, `nonce`,
`keyid` and `alg="ed25519"`, in this order. Whoever takes another profile for ours is refused.
Keys, times and replays are others' matter.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

_COVERED = '("@method" "@target-uri" "content-digest")'
_INPUT = re.compile(
    re.escape(f"skerry={_COVERED}")
    + r';created=(\d{1,12});nonce="([0-9a-f]{32})"'
    + r';keyid="([A-Za-z0-9-]{1,100})";alg="ed25519"'
)
_SIGNATURE = re.compile(r"skerry=:([A-Za-z0-9+/]{86}==):")


@dataclass(frozen=True, slots=True)
class Parameters:
    """`keyid` is the workspace's id at the node, `created` epoch seconds."""

    keyid: str
    created: int
    nonce: str

    def written(self) -> str:
        return (
            f'{_COVERED};created={self.created};nonce="{self.nonce}"'
            f';keyid="{self.keyid}";alg="ed25519"'
        )


def digest(body: bytes) -> str:
    """The value of Content-Digest."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def base(method: str, uri: str, *, body: bytes, parameters: Parameters) -> bytes:
    """What is signed (RFC 9421 section 2.5)."""
    return (
        f'"@method": {method}\n"@target-uri": {uri}\n"content-digest": {digest(body)}\n'
        f'"@signature-params": {parameters.written()}'
    ).encode()


def headers(body: bytes, parameters: Parameters, signature: bytes) -> dict[str, str]:
    return {
        "Content-Digest": digest(body),
        "Signature-Input": f"skerry={parameters.written()}",
        "Signature": f"skerry=:{base64.b64encode(signature).decode('ascii')}:",
    }


def read(raw_input: str, raw_signature: str) -> tuple[Parameters, bytes] | None:
    """The parameters and the signature, None for what is not exactly this profile."""
    found, signed = _INPUT.fullmatch(raw_input), _SIGNATURE.fullmatch(raw_signature)
    if found is None or signed is None:
        return None
    try:
        signature = base64.b64decode(signed[1], validate=True)
    except binascii.Error:
        return None
    return Parameters(keyid=found[3], created=int(found[1]), nonce=found[2]), signature
