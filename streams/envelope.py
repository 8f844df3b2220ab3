"""Seals and opens Crypt4GH bodies: segments, whole bodies, and edit lists as they are applied.

Crypt4GH v1.0, section 4, data method 0 (ChaCha20-Poly1305); headers are `streams.header`'s.
The format does not protect size or order of segments: callers who need that pass the ordered
`leaves` of a signed manifest to `open_body`. Bodies pass in batches below 1 MiB, so that they stay
in the processor's cache; each segment is worked on without the interpreter's lock. Policy is
others', files opened by several threads `streams.opening`'s.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from streams.errors import SegmentInvalid
from streams.header import MAC, NONCE, OpenedHeader, seal_header

SEGMENT = 65536
SEALED_SEGMENT = NONCE + SEGMENT + MAC
BATCH = 15  # segments: below 1 MiB, sealed or not

Progress = Callable[[int], None]  # told the plain bytes done so far


@dataclass(frozen=True, slots=True)
class BodyFacts:
    """A body as it was written or read; digests of segments are `leaf` of each sealed one.

    `plain_size` and `plain_sha256` speak of what went in (sealing) or came out (opening, after
    the edit list).
    """

    plain_size: int
    body_size: int
    plain_sha256: bytes
    segment_digests: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """What names the body: it fixes every sealed byte and their order."""
        return segment_root(self.segment_digests)


@dataclass(slots=True)
class BodySoFar:
    """How far a body is sealed; `plain_size` is whole segments until the last batch."""

    plain_size: int = 0
    body_size: int = 0
    plain_hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    leaves: list[bytes] = field(default_factory=list)

    def facts(self) -> BodyFacts:
        digest = self.plain_hash.digest()
        return BodyFacts(self.plain_size, self.body_size, digest, tuple(self.leaves))


def leaf(sealed: bytes | memoryview) -> bytes:
    """SHA-256 over 0x00 and the sealed segment: the leaf hash of RFC 9162 section 2.1.1."""
    digest = hashlib.sha256(b"\x00")
    digest.update(sealed)
    return digest.digest()


def segment_root(leaves: Sequence[bytes]) -> bytes:
    """The RFC 9162 section 2.1.1 tree head over the leaves: it fixes number and order too."""
    level = list(leaves) or [hashlib.sha256().digest()]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[0::2], level[1::2], strict=False)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def body_size(plain: int) -> int:
    """Bytes of the sealed body of `plain` bytes (the header not counted)."""
    full, rest = divmod(plain, SEGMENT)
    return full * SEALED_SEGMENT + (rest + NONCE + MAC if rest else 0)


def plain_size(body: int) -> int:
    """Plain bytes in a sealed body of `body` bytes; raises SegmentInvalid if none has that size."""
    full, rest = divmod(body, SEALED_SEGMENT)
    if body < 0 or 0 < rest <= NONCE + MAC:
        raise SegmentInvalid(f"A Crypt4GH body of {body} bytes ends inside a segment.")
    return full * SEGMENT + (rest - NONCE - MAC if rest else 0)


class _Editor:
    """Skip, keep, skip, keep over the plaintext as it passes; lengths past its end are harmless."""

    __slots__ = ("_keep_rest", "_keeping", "_left", "_lengths")

    def __init__(self, edits: tuple[int, ...] | None) -> None:
        lengths = edits or (0,)  # no edit: skip nothing, then keep everything
        self._keep_rest = len(lengths) % 2 == 1
        self._lengths = iter(lengths)
        self._keeping = True
        self._left: int | None = 0
        self._advance()

    def _advance(self) -> None:
        self._keeping = not self._keeping
        self._left = next(self._lengths, None)
        if self._left is None:
            self._keeping = self._keep_rest

    def kept(self, plain: memoryview) -> Iterator[memoryview]:
        while plain:
            while self._left == 0:
                self._advance()
            step = len(plain) if self._left is None else min(self._left, len(plain))
            if self._keeping:
                yield plain[:step]
            if self._left is not None:
                self._left -= step
            plain = plain[step:]


# Segments and bodies


def seal_segment(key: bytes, plain: bytes | memoryview) -> bytes:
    """One sealed segment of 1 to SEGMENT plain bytes, under a fresh random nonce."""
    if not 1 <= len(plain) <= SEGMENT:
        raise SegmentInvalid(f"A segment holds 1 to {SEGMENT} bytes, not {len(plain)}.")
    nonce = os.urandom(NONCE)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, None)


def open_segment(keys: Sequence[bytes], sealed: bytes | memoryview) -> bytes:
    """The plain bytes of one segment under any of the keys; raises SegmentInvalid."""
    buffer = bytearray(SEGMENT)
    ciphers = [ChaCha20Poly1305(key) for key in keys]
    size = open_into(ciphers, memoryview(sealed), memoryview(buffer))
    return bytes(memoryview(buffer)[:size])


def open_into(ciphers: list[ChaCha20Poly1305], sealed: memoryview, plain: memoryview) -> int:
    """One segment into `plain`; returns its size. Raises SegmentInvalid.

    Leaves the cipher that worked at the front: the next segment most likely has its key."""
    size = len(sealed) - NONCE - MAC
    if not 1 <= size <= SEGMENT:
        raise SegmentInvalid("A segment is too short or too long.")
    for place, cipher in enumerate(ciphers):
        try:
            cipher.decrypt_into(sealed[:NONCE], sealed[NONCE:], None, plain[:size])
        except InvalidTag:
            continue
        if place:
            ciphers.insert(0, ciphers.pop(place))
        return size
    raise SegmentInvalid("A segment does not open: it was changed, cut or moved.")


def seal_body(
    source: BinaryIO,
    sink: BinaryIO,
    data_key: bytes,
    *,
    progress: Progress | None = None,
    so_far: BodySoFar | None = None,
    after_batch: Callable[[BodySoFar], None] | None = None,
) -> BodyFacts:
    """Seals all that is left of `source` into `sink`; memory stays at two batches. With `so_far` it
    goes on behind that, in place; `after_batch` is told how far."""
    cipher = ChaCha20Poly1305(data_key)
    plain = memoryview(bytearray(BATCH * SEGMENT))
    sealed = memoryview(bytearray(BATCH * SEALED_SEGMENT))
    so_far = BodySoFar() if so_far is None else so_far
    while size := _fill(source, plain):
        nonces, end = os.urandom(NONCE * BATCH), 0
        for number, start in enumerate(range(0, size, SEGMENT)):
            piece = plain[start : min(start + SEGMENT, size)]
            begin, end = end, end + NONCE + len(piece) + MAC
            nonce = nonces[number * NONCE : (number + 1) * NONCE]
            sealed[begin : begin + NONCE] = nonce
            cipher.encrypt_into(nonce, piece, None, sealed[begin + NONCE : end])
            so_far.leaves.append(leaf(sealed[begin:end]))
        sink.write(sealed[:end])
        so_far.plain_hash.update(plain[:size])
        so_far.plain_size += size
        so_far.body_size += end
        if after_batch is not None:
            after_batch(so_far)
        if progress is not None:
            progress(so_far.plain_size)
    return so_far.facts()


def sealed_whole(content: bytes, reader: bytes) -> bytes:
    """A whole Crypt4GH file of something small, under a key of its own."""
    data_key, body = os.urandom(32), io.BytesIO()
    seal_body(io.BytesIO(content), body, data_key)
    return seal_header([data_key], [reader]) + body.getvalue()


def open_body(
    source: BinaryIO,
    sink: BinaryIO,
    opened: OpenedHeader,
    *,
    leaves: Sequence[bytes] | None = None,
) -> BodyFacts:
    """Opens all segments of `source` into `sink` through the edit list, to the last MAC.

    With `leaves`, the sealed segments must be exactly these, in this order. Raises
    SegmentInvalid, perhaps after writing: only a caller that returns may use the sink.
    """
    ciphers = [ChaCha20Poly1305(key) for key in opened.data_keys]
    editor = _Editor(opened.edit_list)
    plain = memoryview(bytearray(SEGMENT))
    sealed = memoryview(bytearray(BATCH * SEALED_SEGMENT))
    plain_hash, seen = hashlib.sha256(), list[bytes]()
    plain_total = body_total = 0
    while end := _fill(source, sealed):
        for start in range(0, end, SEALED_SEGMENT):
            segment = sealed[start : min(start + SEALED_SEGMENT, end)]
            seen.append(leaf(segment))
            if leaves is not None and [*leaves[len(seen) - 1 : len(seen)]] != seen[-1:]:
                raise SegmentInvalid(f"Segment {len(seen) - 1} is not the one announced.")
            size = open_into(ciphers, segment, plain)
            for piece in editor.kept(plain[:size]):
                sink.write(piece)
                plain_hash.update(piece)
                plain_total += len(piece)
        body_total += end
    if leaves is not None and len(seen) != len(leaves):
        raise SegmentInvalid(f"The body ends after {len(seen)} of {len(leaves)} segments.")
    return BodyFacts(plain_total, body_total, plain_hash.digest(), tuple(seen))


def _fill(source: BinaryIO, buffer: memoryview) -> int:
    """Reads until the buffer is full or the source ends; sources may answer short."""
    filled = 0
    while filled < len(buffer):
        if isinstance(source, io.BufferedIOBase | io.RawIOBase):
            size = source.readinto(buffer[filled:]) or 0
        else:
            piece = source.read(len(buffer) - filled)
            size = len(piece)
            buffer[filled : filled + size] = piece
        if not size:
            break
        filled += size
    return filled
