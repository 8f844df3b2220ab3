"""Seals and opens Crypt4GH headers: packets for their readers, data keys and edit lists.

Crypt4GH v1.0, sections 2 and 3, header method 0 (X25519 + ChaCha20-Poly1305). Bytes are read
strictly and under caps. Segments and bodies are `streams.envelope`'s, key files `streams.keys`'.
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

from streams.errors import EnvelopeInvalid, KeyInvalid, NotForUs, TooLong
from streams.keys import SecretKey

NONCE = 12
MAC = 16

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


def seal_header(
    data_keys: Sequence[bytes],
    readers: Sequence[bytes],
    *,
    edit_list: Sequence[int] | None = None,
    writer: SecretKey | None = None,
) -> bytes:
    """A header for all readers by one ephemeral writer key, which is then forgotten.

    A `writer` is for many headers to one reader, and is to be forgotten soon after them."""
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
    writer = writer or SecretKey.generate()
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
