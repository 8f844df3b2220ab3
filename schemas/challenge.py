"""What a registration challenge says once it is opened, and the answer that proves it was.

Proof of possession in the spirit of RFC 7800, bound to who asks: the text names the node, so that
an answer given to one node is worth nothing at another. Sealing and opening are others'.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import StringConstraints

from schemas.wire import Wire, canonical_json

MAX_AUDIENCE = 2048

_Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ChallengeText(Wire):
    """`audience` is the node's public URL, `workspace_key` the SHA-256 of the raw public key."""

    audience: Annotated[str, StringConstraints(min_length=1, max_length=MAX_AUDIENCE)]
    workspace_key: _Hex32
    nonce: _Hex32

    def sealed_bytes(self) -> bytes:
        """Exactly what the Crypt4GH file holds."""
        return canonical_json(self.model_dump(mode="json"))


def answer(text: bytes) -> bytes:
    """SHA-256 of the opened file: `crypt4gh decrypt --sk KEY < challenge | sha256sum` gives it."""
    return hashlib.sha256(text).digest()
