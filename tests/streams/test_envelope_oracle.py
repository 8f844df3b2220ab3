"""Property: what we seal the `crypt4gh` package opens, and what it seals we open.

Crypt4GH v1.0; sizes lie around segment boundaries, readers are many, edit lists are of any form
the reference bears (it refuses empty lists and zero keeps, which the specification allows).
"""

from __future__ import annotations

import io

import crypt4gh.header
import crypt4gh.lib
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import envelope
from streams.envelope import SEGMENT
from streams.header import open_header, read_header, seal_header
from streams.keys import SecretKey

KEY = b"k" * 32
RAW = [bytes([number]) * 32 for number in range(1, 7)]
READERS = [SecretKey(X25519PrivateKey.from_private_bytes(raw)) for raw in RAW]

near = st.integers(-2, 2)
sizes = st.builds(lambda n, off: max(0, n * SEGMENT + off), st.integers(0, 4), near)
chosen = st.lists(st.integers(0, len(READERS) - 1), min_size=1, max_size=5, unique=True)
# A skip, then a keep of at least one byte; the reference asserts on a keep of none.
pairs = st.tuples(st.integers(0, 2 * SEGMENT), st.integers(1, 2 * SEGMENT))
edits = st.builds(
    lambda kept, rest: [length for pair in kept for length in pair] + rest,
    st.lists(pairs, min_size=1, max_size=3),
    st.lists(st.integers(0, SEGMENT), max_size=1),
)


def plain_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def edited(plain: bytes, lengths: list[int]) -> bytes:
    kept, position = b"", 0
    for place, length in enumerate(lengths):
        if place % 2:
            kept += plain[position : position + length]
        position += length
    return kept + (plain[position:] if len(lengths) % 2 else b"")


def ours_sealed(plain: bytes, readers: list[int], lengths: list[int] | None) -> bytes:
    header = seal_header([KEY], [READERS[n].public for n in readers], edit_list=lengths)
    body = io.BytesIO()
    envelope.seal_body(io.BytesIO(plain), body, KEY)
    return header + body.getvalue()


def ours_opened(whole: bytes, reader: int) -> bytes:
    stream, sink = io.BytesIO(whole), io.BytesIO()
    opened = open_header(read_header(stream), [READERS[reader]])
    envelope.open_body(stream, sink, opened)
    return sink.getvalue()


def theirs_opened(whole: bytes, reader: int) -> bytes:
    sink = io.BytesIO()
    crypt4gh.lib.decrypt([(0, RAW[reader], None)], io.BytesIO(whole), sink)
    return sink.getvalue()


@settings(max_examples=40, deadline=None)
@given(sizes, chosen)
def test_each_reader_opens_ours_with_the_reference(size: int, readers: list[int]) -> None:
    whole = ours_sealed(plain_of(size), readers, None)
    for reader in readers:
        assert theirs_opened(whole, reader) == plain_of(size)


@settings(max_examples=40, deadline=None)
@given(sizes, chosen)
def test_each_reader_opens_the_references_with_ours(size: int, readers: list[int]) -> None:
    sealed = io.BytesIO()
    to = [(0, b"\x09" * 32, READERS[reader].public) for reader in readers]
    crypt4gh.lib.encrypt(to, io.BytesIO(plain_of(size)), sealed)
    for reader in readers:
        assert ours_opened(sealed.getvalue(), reader) == plain_of(size)


@settings(max_examples=40, deadline=None)
@given(sizes, chosen, edits)
def test_an_edit_list_of_ours_means_the_same_to_the_reference(
    size: int, readers: list[int], lengths: list[int]
) -> None:
    plain = plain_of(max(size, sum(lengths)))  # the reference fails on lengths past the end
    whole = ours_sealed(plain, readers, lengths)
    expected = edited(plain, lengths)
    for reader in readers:
        assert ours_opened(whole, reader) == expected
        assert theirs_opened(whole, reader) == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3 * SEGMENT), st.integers(0, 3 * SEGMENT), chosen)
def test_what_the_reference_rearranges_opens_to_the_same_bytes_with_ours(
    length: int, start: int, readers: list[int]
) -> None:
    """`crypt4gh rearrange` keeps segments and writes an edit list of its own."""
    plain = plain_of(start + length + SEGMENT)
    whole, cut = io.BytesIO(ours_sealed(plain, readers, None)), io.BytesIO()
    keys = [(0, RAW[readers[0]], READERS[readers[0]].public)]
    crypt4gh.lib.rearrange(keys, whole, cut, offset=start, span=length)
    assert ours_opened(cut.getvalue(), readers[0]) == plain[start : start + length]


@settings(max_examples=30, deadline=None)
@given(chosen, chosen)
def test_a_header_the_reference_makes_again_opens_for_the_new_readers(
    before: list[int], after: list[int]
) -> None:
    whole = ours_sealed(b"plain", before, None)
    header = read_header(io.BytesIO(whole))
    packets = list(crypt4gh.header.parse(io.BytesIO(header)))
    mine = [(0, RAW[before[0]], None)]
    theirs = [(0, RAW[before[0]], READERS[number].public) for number in after]
    made = crypt4gh.header.reencrypt(packets, mine, theirs, trim=True)
    whole = crypt4gh.header.serialize(made) + whole[len(header) :]
    for reader in after:
        assert ours_opened(whole, reader) == b"plain"
