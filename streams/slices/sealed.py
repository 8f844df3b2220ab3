"""Slices of sealed objects: plain bytes cut in memory and sealed again under a key of their own.

Crypt4GH v1.0 section 4. A slice's key is fresh, and the plain bytes of its segment k never change:
so the nonce is k, and any range of the slice can be made again. Keys come from `streams.agent`;
the process around this is `streams.slicer`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from streams import envelope
from streams.envelope import SEALED_SEGMENT, SEGMENT
from streams.errors import SegmentInvalid
from streams.header import NONCE
from streams.slices.weave import Woven
from streams.storage import Source, read_range

KEPT_SEGMENTS = 8


class OpenedSource:
    """The plain bytes of a sealed body, opened segment by segment as they are asked for."""

    def __init__(self, body: Source, keys: tuple[bytes, ...], *, plain_size: int) -> None:
        self._body = body
        self._ciphers = [ChaCha20Poly1305(key) for key in keys]
        self._size = plain_size
        self._body_size = envelope.body_size(plain_size)
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def __call__(self, length: int, start0: int) -> bytes:
        """Raises SegmentInvalid, VaultBroken."""
        end0 = min(start0 + length, self._size)
        parts = []
        while start0 < end0:
            number, within = divmod(start0, SEGMENT)
            part = self._segment(number)[within : within + end0 - start0]
            parts.append(part)
            start0 += len(part)
        return b"".join(parts)

    def _segment(self, number: int) -> bytes:
        found = self._kept.get(number)
        if found is None:
            start0 = number * SEALED_SEGMENT
            end0 = min(start0 + SEALED_SEGMENT, self._body_size)
            found = self._open(read_range(self._body, start0, end0))
            self._kept[number] = found
            if len(self._kept) > KEPT_SEGMENTS:
                self._kept.popitem(last=False)
        return found

    def _open(self, sealed: bytes) -> bytes:
        nonce, rest = sealed[:NONCE], memoryview(sealed)[NONCE:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, rest, None)
            except InvalidTag:
                continue
        raise SegmentInvalid("A segment of the vault does not open.")


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
