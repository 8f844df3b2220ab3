"""Signed checkpoints of the record that a third party can keep (C2SP tlog-checkpoint, signed-note).

A checkpoint is a short text: origin, number of entries, Merkle root; an empty line; one Ed25519
signature (RFC 8032) by the node. Whoever kept one can show later that the record was cut or
rewritten. Reading the record's lines is `proofs`', the tree is `merkle`'s.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.errors import CheckpointRefused
from schemas.messages import Message

MAX_CHECKPOINT = 4_096
_ED25519 = b"\x01"  # the signature type of C2SP signed-note
_SHAPE = re.compile(
    r"(?P<text>(?P<origin>[^\s+]{1,200})\n(?P<size>0|[1-9]\d{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n)"
    r"\n\u2014 (?P<name>[^\s+]{1,200}) (?P<signature>[A-Za-z0-9+/]{91}=)\n"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`size` entries whose Merkle root is `root` (32 bytes); `origin` names the record."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(public_url: str) -> str:
    """The name of a node's record: its address without a scheme."""
    return f"{public_url.partition('://')[2]}/record"


def signed(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    text = checkpoint.text()
    mark = _key_hash(checkpoint.origin, key.public_key()) + key.sign(text.encode())
    return f"{text}\n\u2014 {checkpoint.origin} {base64.b64encode(mark).decode()}\n"


def read(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """Raises `CheckpointRefused` unless `note` is a checkpoint with a signature of `key`."""
    found = _SHAPE.fullmatch(note) if len(note) <= MAX_CHECKPOINT else None
    if found is None:
        raise CheckpointRefused(Message("This is not a checkpoint of a record."))
    origin = found["origin"]
    try:
        mark = base64.b64decode(found["signature"], validate=True)
        root = base64.b64decode(found["root"], validate=True)
    except binascii.Error as error:
        raise CheckpointRefused(Message("This is not a checkpoint of a record.")) from error
    if found["name"] != origin or mark[:4] != _key_hash(origin, key):
        raise CheckpointRefused(Message("The checkpoint is signed by another key."))
    try:
        key.verify(mark[4:], found["text"].encode())
    except InvalidSignature as error:
        raise CheckpointRefused(Message("The checkpoint's signature does not hold.")) from error
    return Checkpoint(origin, int(found["size"]), root)


def _key_hash(name: str, key: Ed25519PublicKey) -> bytes:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:4]
