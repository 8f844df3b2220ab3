"""Something small as a whole Crypt4GH file: sealed to one public key, opened by its owner.

For what lies at a node (attachments, outputs of runs) and for challenges that prove who holds a
key. Leaves bodies that don't fit in memory to `sealing` and `opening`.
"""

from __future__ import annotations

import io

from streams import envelope
from streams.header import open_header, read_header
from streams.keys import SecretKey


def seal_to(public_key: bytes, content: bytes) -> bytes:
    return envelope.sealed_whole(content, public_key)


def open_with(key: SecretKey, sealed: bytes) -> bytes:
    """Raises the errors of a header or body that is cut, altered, or for another key."""
    source, plain = io.BytesIO(sealed), io.BytesIO()
    envelope.open_body(source, plain, open_header(read_header(source), [key]))
    return plain.getvalue()
