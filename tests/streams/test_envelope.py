"""The Crypt4GH codec: round trips, the reference both ways, and every refusal of the parser."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import pickle
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import crypt4gh.keys
import crypt4gh.lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SkerryError
from streams import envelope
from streams.envelope import SEALED_SEGMENT, SEGMENT
from streams.errors import EnvelopeInvalid, KeyInvalid, NotForUs, SegmentInvalid, TooLong
from streams.header import (
    MAX_EDITS,
    MAX_PACKET,
    MAX_PACKETS,
    OpenedHeader,
    _seal_packet,
    open_header,
    read_header,
    seal_header,
)
from streams.keys import SecretKey, read_secret_key, write_pair

KEY = b"k" * 32
BOUNDARIES = (0, 1, 28, 29, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 17)
ME = SecretKey.generate()


def plain_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def sealed_body(plain: bytes, key: bytes = KEY) -> bytes:
    sink = io.BytesIO()
    envelope.seal_body(io.BytesIO(plain), sink, key)
    return sink.getvalue()


def opened_body(body: bytes, edits: tuple[int, ...] | None = None) -> bytes:
    sink = io.BytesIO()
    envelope.open_body(io.BytesIO(body), sink, OpenedHeader((KEY,), edits))
    return sink.getvalue()


def header_of(*payloads: bytes, reader: bytes = ME.public) -> bytes:
    writer = SecretKey.generate()
    packets = [_seal_packet(writer, reader, payload) for payload in payloads]
    return b"crypt4gh" + struct.pack("<II", 1, len(packets)) + b"".join(packets)


def edited(plain: bytes, edits: Sequence[int]) -> bytes:
    """The specification's algorithm, written as it is told."""
    if not edits:
        return plain
    kept, position = b"", 0
    for place, length in enumerate(edits):
        if place % 2:
            kept += plain[position : position + length]
        position += length
    return kept + (plain[position:] if len(edits) % 2 else b"")


@pytest.mark.parametrize("size", BOUNDARIES)
def test_what_is_sealed_is_opened_at_every_boundary(size: int) -> None:
    plain, body = io.BytesIO(plain_of(size)), io.BytesIO()
    facts = envelope.seal_body(plain, body, KEY)
    assert facts.body_size == len(body.getvalue()) == envelope.body_size(size)
    assert envelope.plain_size(facts.body_size) == facts.plain_size == size
    sink = io.BytesIO()
    body.seek(0)
    assert envelope.open_body(body, sink, OpenedHeader((KEY,), None)) == facts
    assert sink.getvalue() == plain_of(size)


@given(st.integers(min_value=0, max_value=2**62))
def test_sizes_of_plain_and_sealed_are_inverse(size: int) -> None:
    assert envelope.plain_size(envelope.body_size(size)) == size


@pytest.mark.parametrize("size", [-1, 1, 28, SEALED_SEGMENT + 1, SEALED_SEGMENT + 28])
def test_no_body_has_a_size_that_ends_inside_a_segment(size: int) -> None:
    with pytest.raises(SegmentInvalid):
        envelope.plain_size(size)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3 * SEGMENT), st.lists(st.integers(0, 2 * SEGMENT) | st.integers(0, 2**64 - 1))
)
def test_edit_lists_skip_and_keep_in_turn(size: int, edits: list[int]) -> None:
    """Crypt4GH 4.2.2: alternate lengths to discard and keep; after a last skip keep the rest."""
    plain = plain_of(size)
    header = seal_header([KEY], [ME.public], edit_list=edits)
    opened = open_header(header, [ME])
    assert opened.edit_list == tuple(edits)
    assert opened_body(sealed_body(plain), opened.edit_list) == edited(plain, edits)


def test_the_specifications_own_example_of_an_edit_list() -> None:
    edits = (0, 7853, 71721, 307929, 51299, 38)
    plain = plain_of(7 * SEGMENT)
    assert opened_body(sealed_body(plain), edits) == edited(plain, edits)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_every_reader_of_a_header_gets_all_data_keys(keys: int, readers: int, edit: bool) -> None:
    data_keys = [bytes([number]) * 32 for number in range(keys)]
    secrets = [SecretKey.generate() for _ in range(readers)]
    header = seal_header(
        data_keys, [secret.public for secret in secrets], edit_list=[1, 2] if edit else None
    )
    assert read_header(io.BytesIO(header + b"body")) == header
    for secret in secrets:
        opened = open_header(header, [ME, secret])
        assert opened.data_keys == tuple(data_keys)
        assert opened.edit_list == ((1, 2) if edit else None)


def test_two_headers_never_share_a_writer() -> None:
    headers = [seal_header([KEY], [ME.public]) for _ in range(2)]
    writers = {open_header(header, [ME]).writers for header in headers}
    assert len(writers) == 2


def test_segments_of_several_keys_open_in_any_order() -> None:
    keys = (b"a" * 32, b"b" * 32)
    sealed = [envelope.seal_segment(keys[n % 2], plain_of(SEGMENT)) for n in range(3)]
    sink = io.BytesIO()
    envelope.open_body(io.BytesIO(b"".join(sealed)), sink, OpenedHeader(keys, None))
    assert sink.getvalue() == plain_of(SEGMENT) * 3
    assert envelope.open_segment(keys, sealed[1]) == plain_of(SEGMENT)


# The reference, both ways


def reference_key(folder: Path, name: str) -> tuple[bytes, bytes, SecretKey]:
    public = write_pair(folder / f"{name}.sec", folder / f"{name}.pub")
    raw = bytes(crypt4gh.keys.get_private_key(str(folder / f"{name}.sec"), lambda: None))
    return raw, public, read_secret_key(folder / f"{name}.sec")


@pytest.mark.parametrize("size", BOUNDARIES)
def test_the_reference_opens_what_we_seal(tmp_path: Path, size: int) -> None:
    raw, public, _ = reference_key(tmp_path, "reader")
    whole = seal_header([KEY], [public]) + sealed_body(plain_of(size))
    sink = io.BytesIO()
    crypt4gh.lib.decrypt([(0, raw, None)], io.BytesIO(whole), sink)
    assert sink.getvalue() == plain_of(size)


@pytest.mark.parametrize("size", BOUNDARIES)
def test_we_open_what_the_reference_seals(tmp_path: Path, size: int) -> None:
    raw, _, _ = reference_key(tmp_path, "writer")
    _, public, reader = reference_key(tmp_path, "reader")
    whole = io.BytesIO()
    crypt4gh.lib.encrypt([(0, raw, public)], io.BytesIO(plain_of(size)), whole)
    whole.seek(0)
    opened = open_header(read_header(whole), [reader])
    sink = io.BytesIO()
    envelope.open_body(whole, sink, opened)
    assert sink.getvalue() == plain_of(size)


# Refusals


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda h: b"", EnvelopeInvalid),
        (lambda h: h[:15], EnvelopeInvalid),
        (lambda h: h[:17], EnvelopeInvalid),
        (lambda h: h[:-1], EnvelopeInvalid),
        (lambda h: b"crypt4gx" + h[8:], EnvelopeInvalid),
        (lambda h: h[:8] + struct.pack("<I", 2) + h[12:], EnvelopeInvalid),
        (lambda h: h[:12] + struct.pack("<I", 0) + h[16:], EnvelopeInvalid),
        (lambda h: h[:12] + struct.pack("<I", 2) + h[16:], EnvelopeInvalid),
        (lambda h: h[:12] + struct.pack("<I", MAX_PACKETS + 1) + h[16:], TooLong),
        (lambda h: h[:16] + struct.pack("<I", 7) + h[20:], EnvelopeInvalid),
        (lambda h: h[:16] + struct.pack("<I", MAX_PACKET + 1) + h[20:], TooLong),
        (lambda h: h[:16] + struct.pack("<I", 0xFFFFFFFF) + h[20:], TooLong),
        (lambda h: h[:16] + struct.pack("<I", MAX_PACKET) + h[20:], EnvelopeInvalid),
    ],
)
def test_a_malformed_header_is_refused_read_or_opened(
    change: Callable[[bytes], bytes], error: type[SkerryError]
) -> None:
    header = change(seal_header([KEY], [ME.public]))
    with pytest.raises(error):
        read_header(io.BytesIO(header))
    with pytest.raises(error):
        open_header(header, [ME])


def test_a_header_past_its_cap_is_refused() -> None:
    packet = struct.pack("<II", MAX_PACKET, 0) + bytes(MAX_PACKET - 8)
    header = b"crypt4gh" + struct.pack("<II", 1, 5) + packet * 5
    with pytest.raises(TooLong):
        read_header(io.BytesIO(header))
    with pytest.raises(TooLong):
        open_header(header, [ME])


def test_bytes_after_the_last_packet_are_refused() -> None:
    with pytest.raises(EnvelopeInvalid):
        open_header(seal_header([KEY], [ME.public]) + b"x", [ME])


@pytest.mark.parametrize(
    "payloads",
    [
        (b"",),
        (struct.pack("<II", 0, 0) + b"k" * 31,),
        (struct.pack("<II", 0, 1) + KEY,),
        (struct.pack("<II", 2, 0) + KEY,),
        (struct.pack("<II", 0, 0) + KEY, struct.pack("<I", 1)),
        (struct.pack("<II", 0, 0) + KEY, struct.pack("<II", 1, 1)),
        (struct.pack("<II", 0, 0) + KEY, *[struct.pack("<II", 1, 0)] * 2),
    ],
)
def test_packets_for_us_that_make_no_sense_are_refused(payloads: tuple[bytes, ...]) -> None:
    with pytest.raises(EnvelopeInvalid):
        open_header(header_of(*payloads), [ME])


def test_an_edit_list_past_its_cap_is_refused_both_ways() -> None:
    payload = struct.pack("<II", 0, 0) + KEY
    with pytest.raises(TooLong):
        open_header(header_of(payload, struct.pack("<II", 1, 0xFFFFFFFF)), [ME])
    with pytest.raises(TooLong):
        seal_header([KEY], [ME.public], edit_list=[0] * (MAX_EDITS + 1))


@pytest.mark.parametrize("edits", [[-1], [2**64]])
def test_lengths_that_are_no_u64_are_not_sealed(edits: list[int]) -> None:
    with pytest.raises(EnvelopeInvalid):
        seal_header([KEY], [ME.public], edit_list=edits)


def test_a_header_needs_whole_keys_and_usable_readers() -> None:
    for keys, readers in (([], [ME.public]), ([KEY], []), ([b"short"], [ME.public])):
        with pytest.raises(EnvelopeInvalid):
            seal_header(keys, readers)
    with pytest.raises(KeyInvalid):
        seal_header([KEY], [bytes(32)])
    with pytest.raises(TooLong):
        seal_header([KEY], [ME.public] * (MAX_PACKETS + 1))


def test_another_readers_header_is_not_for_us() -> None:
    header = seal_header([KEY], [SecretKey.generate().public])
    for secrets in ([ME], []):
        with pytest.raises(NotForUs):
            open_header(header, secrets)


def test_an_edit_list_alone_is_no_key() -> None:
    with pytest.raises(NotForUs):
        open_header(header_of(struct.pack("<II", 1, 0)), [ME])


@pytest.mark.parametrize("size", [0, SEGMENT + 1])
def test_a_segment_is_neither_empty_nor_longer_than_its_size(size: int) -> None:
    with pytest.raises(SegmentInvalid):
        envelope.seal_segment(KEY, bytes(size))
    with pytest.raises(SegmentInvalid):
        envelope.open_segment([KEY], bytes(size + 28))


def test_a_changed_segment_does_not_open() -> None:
    sealed = bytearray(envelope.seal_segment(KEY, b"plain"))
    for place in range(len(sealed)):
        sealed[place] ^= 1
        with pytest.raises(SegmentInvalid):
            envelope.open_segment([KEY], bytes(sealed))
        sealed[place] ^= 1


@pytest.mark.parametrize(
    "leaves", [lambda seen: seen[:-1], lambda seen: [*seen, seen[0]], lambda seen: seen[::-1]]
)
def test_a_body_is_held_to_the_leaves_announced(
    leaves: Callable[[list[bytes]], list[bytes]],
) -> None:
    body = io.BytesIO()
    facts = envelope.seal_body(io.BytesIO(plain_of(2 * SEGMENT + 1)), body, KEY)
    opened = OpenedHeader((KEY,), None)
    body.seek(0)
    envelope.open_body(body, io.BytesIO(), opened, leaves=facts.segment_digests)
    body.seek(0)
    with pytest.raises(SegmentInvalid):
        envelope.open_body(body, io.BytesIO(), opened, leaves=leaves(list(facts.segment_digests)))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 140), st.integers(0, 255))
def test_any_bytes_are_a_header_or_one_of_our_errors(noise: bytes, place: int, byte: int) -> None:
    header = bytearray(seal_header([KEY], [ME.public]))
    header[place % len(header)] = byte
    for raw in (noise, b"crypt4gh" + struct.pack("<II", 1, 1) + noise, bytes(header)):
        for attempt in (
            lambda text: read_header(io.BytesIO(text)),
            lambda text: open_header(text, [ME]),
        ):
            with contextlib.suppress(SkerryError):
                attempt(raw)


def test_an_opened_header_neither_prints_nor_pickles_its_keys() -> None:
    opened = open_header(seal_header([KEY], [ME.public]), [ME])
    shown = repr(opened)
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown
    assert base64.b64encode(KEY).decode() not in shown
    with pytest.raises(TypeError):
        pickle.dumps(opened)


def test_the_tree_head_is_rfc_9162s() -> None:
    """Section 2.1.1, over leaf hashes; the empty tree's head is SHA-256 of nothing."""
    leaves = [envelope.leaf(bytes([number])) for number in range(7)]

    def head(part: list[bytes]) -> bytes:
        if len(part) == 1:
            return part[0]
        split = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(b"\x01" + head(part[:split]) + head(part[split:])).digest()

    for size in range(1, 8):
        assert envelope.segment_root(leaves[:size]) == head(leaves[:size])
    assert envelope.segment_root([]).hex().startswith("e3b0c44298fc1c14")
