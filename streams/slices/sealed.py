"""Slices of sealed objects: plain bytes cut in memory and sealed again under a key of their own.

Crypt4GH v1.0 section 4. A slice's key is fresh, and the plain bytes of its segment k never change:
so the nonce is k, and any range of the slice can be made again. Keys come from `streams.agent`;
the process around this is `streams.slicer`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from streams import envelope
from streams.envelope import SEALED_SEGMENT, SEGMENT
from streams.header import NONCE
from streams.opened_source import OpenedSource
from streams.slices.weave import Woven
from streams.storage import Source


@dataclass(frozen=True, slots=True)
class Resealed:
    """The sealed body of one slice, made of its object's body as it is read."""

    keys: tuple[bytes, ...] = field(repr=False)
    plain_size: int
    woven: Woven
    slice_key: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return envelope.body_size(self.woven.size)

    def read(self, body: Source, start0: int, end0: int) -> bytes:
        """Exactly the bytes [start0, end0) of the sealed slice."""
        first, last = start0 // SEALED_SEGMENT, -(-end0 // SEALED_SEGMENT)
        source = OpenedSource(body, self.keys, plain_size=self.plain_size)
        end = min(last * SEGMENT, self.woven.size)
        plain = memoryview(self.woven.read(source, first * SEGMENT, end))
        cipher = ChaCha20Poly1305(self.slice_key)
        sealed = []
        for number in range(first, last):
            nonce = number.to_bytes(NONCE, "little")
            at = (number - first) * SEGMENT
            sealed += [nonce, cipher.encrypt(nonce, plain[at : at + SEGMENT], None)]
        offset, whole = first * SEALED_SEGMENT, b"".join(sealed)
        return whole if len(whole) == end0 - start0 else whole[start0 - offset : end0 - offset]
