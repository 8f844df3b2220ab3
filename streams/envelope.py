"""Seals and opens Crypt4GH files: header packets, edit lists and segments.

Crypt4GH v1.0, sections 2 to 4, header method 0 (X25519 + ChaCha20-Poly1305) and data method 0.
The format does not protect size or order of segments: callers who need that pass the ordered
`leaves` of a signed manifest to `open_body`. Key files are `streams.keys`', policy is others'.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from streams.errors import EnvelopeInvalid, KeyInvalid, NotForUs, SegmentInvalid, TooLong
from streams.keys import SecretKey

SEGMENT = 65536
NONCE = 12
MAC = 16
SEALED_SEGMENT = NONCE + SEGMENT + MAC

MAX_PACKETS = 1024
MAX_PACKET = 1024 * 1024
MAX_HEADER = 4 * 1024 * 1024
MAX_EDITS = 65536
MAX_DATA_KEYS = 256

_MAGIC = b"crypt4gh"
_VERSION = 1
_PREAMBLE = 16
_PACKET_FRAME = 8  # length and method
_SMALLEST_PACKET = _PACKET_FRAME + 32 + NONCE + 4 + MAC
_READ_STEP = 65536


@dataclass(frozen=True, slots=True)
class OpenedHeader:
    """What one reader may use: never shown, never pickled.

    `edit_list` is None where the header has none, and empty where it has one of no lengths;
    both mean the whole file.
    """

    data_keys: tuple[bytes, ...] = field(repr=False)
    edit_list: tuple[int, ...] | None
    writers: tuple[bytes, ...] = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("An opened header is never pickled or copied.")


@dataclass(frozen=True, slots=True)
class BodyFacts:
    """A body as it was written or read; digests of segments are `leaf` of each sealed one.

    `plain_size` and `plain_sha256` speak of what went in (sealing) or came out (opening, after
    the edit list).
    """

    plain_size: int
    body_size: int
    plain_sha256: bytes
    body_sha256: bytes
    segment_digests: tuple[bytes, ...]


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


# Headers


def seal_header(
    data_keys: Sequence[bytes],
    readers: Sequence[bytes],
    *,
    edit_list: Sequence[int] | None = None,
) -> bytes:
    """A header for all readers by one ephemeral writer key, which is then forgotten."""
    if not data_keys or not readers:
        raise EnvelopeInvalid("A header needs at least one data key and one reader.")
    payloads = []
    for key in data_keys:
        if len(key) != 32:
            raise EnvelopeInvalid("A data key has 32 bytes.")
        payloads.append(struct.pack("<II", 0, 0) + key)
    if edit_list is not None:
        payloads.append(_edit_payload(edit_list))
    if len(payloads) * len(readers) > MAX_PACKETS or len(data_keys) > MAX_DATA_KEYS:
        raise TooLong(f"A header has at most {MAX_PACKETS} packets.")
    writer = SecretKey.generate()
    packets = [_seal_packet(writer, reader, body) for reader in readers for body in payloads]
    return _MAGIC + struct.pack("<II", _VERSION, len(packets)) + b"".join(packets)


def read_header(stream: BinaryIO) -> bytes:
    """The header's bytes, leaving the stream at the body; checks form and caps, opens nothing."""
    preamble = _read_exactly(stream, _PREAMBLE)
    count = _check_preamble(preamble)
    parts, total = [preamble], _PREAMBLE
    for _ in range(count):
        prefix = _read_exactly(stream, 4)
        length = _check_length(int.from_bytes(prefix, "little"))
        total += length
        if total > MAX_HEADER:
            raise TooLong(f"A header has at most {MAX_HEADER} bytes.")
        parts += (prefix, _read_exactly(stream, length - 4))
    return b"".join(parts)


def open_header(header: bytes, secrets: Sequence[SecretKey]) -> OpenedHeader:
    """Tries every packet with every key; foreign packets and unknown methods are passed over.

    Raises NotForUs without a key packet for us; EnvelopeInvalid for malformed headers, several
    edit lists, an unknown packet type or data method.
    """
    keys: list[bytes] = []
    writers: list[bytes] = []
    edits: tuple[int, ...] | None = None
    for packet in _packets(header):
        opened = _open_packet(packet, secrets)
        if opened is None:
            continue
        kind = int.from_bytes(opened[:4], "little")
        if kind == 0:
            keys.append(_data_key(opened))
        elif kind != 1:
            raise EnvelopeInvalid("The header has a packet of unknown type.")
        elif edits is not None:
            raise EnvelopeInvalid("The header has more than one edit list for this reader.")
        else:
            edits = _edit_lengths(opened)
        writers.append(packet[_PACKET_FRAME : _PACKET_FRAME + 32])
    if not keys:
        raise NotForUs("No packet of this header opens with the key held here.")
    if len(keys) > MAX_DATA_KEYS:
        raise TooLong(f"A header has at most {MAX_DATA_KEYS} data keys for one reader.")
    return OpenedHeader(tuple(dict.fromkeys(keys)), edits, tuple(dict.fromkeys(writers)))


def _check_preamble(preamble: bytes) -> int:
    if preamble[:8] != _MAGIC:
        raise EnvelopeInvalid("These bytes do not begin as a Crypt4GH file.")
    version, count = struct.unpack_from("<II", preamble, 8)
    if version != _VERSION:
        raise EnvelopeInvalid(f"Crypt4GH version {version} is unsupported; version 1 is.")
    if count == 0:
        raise EnvelopeInvalid("The header has no packets.")
    if count > MAX_PACKETS:
        raise TooLong(f"A header has at most {MAX_PACKETS} packets.")
    return int(count)


def _check_length(length: int) -> int:
    if length > MAX_PACKET:
        raise TooLong(f"A header packet has at most {MAX_PACKET} bytes.")
    if length < _PACKET_FRAME:
        raise EnvelopeInvalid("A header packet is shorter than its own frame.")
    return length


def _packets(header: bytes) -> Iterator[bytes]:
    if len(header) > MAX_HEADER:
        raise TooLong(f"A header has at most {MAX_HEADER} bytes.")
    if len(header) < _PREAMBLE:
        raise EnvelopeInvalid("The header ends too early.")
    position = _PREAMBLE
    for _ in range(_check_preamble(header[:_PREAMBLE])):
        if position + 4 > len(header):
            raise EnvelopeInvalid("The header ends too early.")
        length = _check_length(int.from_bytes(header[position : position + 4], "little"))
        if position + length > len(header):
            raise EnvelopeInvalid("The header ends too early.")
        yield header[position : position + length]
        position += length
    if position != len(header):
        raise EnvelopeInvalid("There are bytes after the header's last packet.")


def _shared_key(point: bytes, *, reader: bytes, writer: bytes) -> bytes:
    # BLAKE2b-512 cut in half, as libsodium's crypto_kx; not BLAKE2b-256.
    return hashlib.blake2b(point + reader + writer, digest_size=64).digest()[:32]


def _seal_packet(writer: SecretKey, reader: bytes, payload: bytes) -> bytes:
    key = _shared_key(writer.exchange(reader), reader=reader, writer=writer.public)
    nonce = os.urandom(NONCE)
    sealed = writer.public + nonce + ChaCha20Poly1305(key).encrypt(nonce, payload, None)
    return struct.pack("<II", _PACKET_FRAME + len(sealed), 0) + sealed


def _open_packet(packet: bytes, secrets: Sequence[SecretKey]) -> bytes | None:
    if packet[4:8] != bytes(4) or len(packet) < _SMALLEST_PACKET:
        return None
    writer, nonce, sealed = packet[8:40], packet[40:52], packet[52:]
    for secret in secrets:
        try:
            key = _shared_key(secret.exchange(writer), reader=secret.public, writer=writer)
            return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
        except (InvalidTag, KeyInvalid):
            continue  # not ours: foreign packets cannot be told from padding
    return None


def _data_key(payload: bytes) -> bytes:
    if len(payload) < 40:
        raise EnvelopeInvalid("A key packet is too short.")
    if payload[4:8] != bytes(4):
        raise EnvelopeInvalid("The header names a data method that is unsupported.")
    return payload[8:40]


# Edit lists


def _edit_payload(lengths: Sequence[int]) -> bytes:
    if len(lengths) > MAX_EDITS:
        raise TooLong(f"An edit list has at most {MAX_EDITS} lengths.")
    if any(not 0 <= length < 2**64 for length in lengths):
        raise EnvelopeInvalid("A length of an edit list is not an unsigned 64-bit number.")
    return struct.pack(f"<II{len(lengths)}Q", 1, len(lengths), *lengths)


def _edit_lengths(payload: bytes) -> tuple[int, ...]:
    if len(payload) < 8:
        raise EnvelopeInvalid("An edit list packet has no count.")
    count = int.from_bytes(payload[4:8], "little")
    if count > MAX_EDITS:
        raise TooLong(f"An edit list has at most {MAX_EDITS} lengths.")
    if len(payload) < 8 + 8 * count:
        raise EnvelopeInvalid("An edit list is shorter than its count.")
    return struct.unpack_from(f"<{count}Q", payload, 8)


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
    size = _open_into(ciphers, memoryview(sealed), memoryview(buffer))
    return bytes(memoryview(buffer)[:size])


def _open_into(ciphers: list[ChaCha20Poly1305], sealed: memoryview, plain: memoryview) -> int:
    """Leaves the cipher that worked at the front: the next segment most likely has its key."""
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


def seal_body(source: BinaryIO, sink: BinaryIO, data_key: bytes) -> BodyFacts:
    """Seals all of `source` into `sink`; memory stays at two segments."""
    cipher = ChaCha20Poly1305(data_key)
    plain, sealed = memoryview(bytearray(SEGMENT)), memoryview(bytearray(SEALED_SEGMENT))
    plain_hash, body_hash = hashlib.sha256(), hashlib.sha256()
    plain_total = body_total = 0
    leaves: list[bytes] = []
    while size := _fill(source, plain):
        end = NONCE + size + MAC
        sealed[:NONCE] = os.urandom(NONCE)
        cipher.encrypt_into(sealed[:NONCE], plain[:size], None, sealed[NONCE:end])
        sink.write(sealed[:end])
        plain_hash.update(plain[:size])
        body_hash.update(sealed[:end])
        leaves.append(leaf(sealed[:end]))
        plain_total, body_total = plain_total + size, body_total + end
    return BodyFacts(
        plain_total, body_total, plain_hash.digest(), body_hash.digest(), tuple(leaves)
    )


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
    plain, sealed = memoryview(bytearray(SEGMENT)), memoryview(bytearray(SEALED_SEGMENT))
    plain_hash, body_hash = hashlib.sha256(), hashlib.sha256()
    plain_total = body_total = 0
    seen: list[bytes] = []
    while end := _fill(source, sealed):
        seen.append(leaf(sealed[:end]))
        if leaves is not None and (len(seen) > len(leaves) or seen[-1] != leaves[len(seen) - 1]):
            raise SegmentInvalid(f"Segment {len(seen) - 1} is not the one that was announced.")
        size = _open_into(ciphers, sealed[:end], plain)
        body_hash.update(sealed[:end])
        body_total += end
        for piece in editor.kept(plain[:size]):
            sink.write(piece)
            plain_hash.update(piece)
            plain_total += len(piece)
    if leaves is not None and len(seen) != len(leaves):
        raise SegmentInvalid(f"The body ends after {len(seen)} of {len(leaves)} segments.")
    return BodyFacts(plain_total, body_total, plain_hash.digest(), body_hash.digest(), tuple(seen))


def _fill(source: BinaryIO, buffer: memoryview) -> int:
    """Reads until the buffer is full or the source ends; sources may answer short."""
    filled = 0
    while filled < len(buffer):
        piece = source.read(len(buffer) - filled)
        if not piece:
            break
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return filled


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Nothing is allocated for a promised length before its bytes are there."""
    parts, missing = [], size
    while missing:
        piece = stream.read(min(missing, _READ_STEP))
        if not piece:
            raise EnvelopeInvalid("The header ends too early.")
        parts.append(piece)
        missing -= len(piece)
    return b"".join(parts)
