"""The plain bytes of a sealed body at any place, opened in memory as they are asked for.

Crypt4GH v1.0 section 4: segment `P // 65536` holds plain byte P. Edit lists are not applied here.
"""

from __future__ import annotations

from collections import OrderedDict

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from streams import envelope
from streams.envelope import SEALED_SEGMENT, SEGMENT
from streams.errors import SegmentInvalid
from streams.header import NONCE
from streams.storage import Source, read_range

KEPT_SEGMENTS = 8


class OpenedSource:
    """One body under its data keys; a few segments are kept."""

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
        raise SegmentInvalid("A sealed segment does not open.")
