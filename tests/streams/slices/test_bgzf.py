"""Single BGZF blocks: what is packed is read again, and no bytes make a reader hang or swell."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import SourceRefused
from streams.slices.bgzf import FULL_BLOCK, MAX_BLOCK, packed, read_block
from streams.sources import BGZF_EOF


def source(raw: bytes):  # type: ignore[no-untyped-def]  # a lambda's type would say no more
    return lambda length, start0: raw[start0 : start0 + length]


def block(deflated: bytes, *, length: int, checksum: int = 0) -> bytes:
    head = struct.pack(
        "<4sIBBH2sHH", b"\x1f\x8b\x08\x04", 0, 0, 255, 6, b"BC", 2, len(deflated) + 25
    )
    return head + deflated + struct.pack("<II", checksum, length)


def deflated(content: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(content) + made.flush()


@given(st.binary(max_size=3 * FULL_BLOCK) | st.integers(0, 200_000).map(bytes))
def test_what_is_packed_is_read_again(content: bytes) -> None:
    raw, at, found = packed(content), 0, b""
    while at < len(raw):
        one = read_block(source(raw), at)
        found, at = found + one.content, one.end0
    assert found == content


def test_the_end_of_file_is_an_empty_block() -> None:
    assert read_block(source(BGZF_EOF), 0).content == b""


# Refusals


@pytest.mark.parametrize("stated", [0, 100, MAX_BLOCK, MAX_BLOCK + 1, 2**32 - 1])
def test_a_bomb_is_refused_whatever_it_states(stated: int) -> None:
    bomb = deflated(bytes(50_000_000))
    assert len(bomb) < MAX_BLOCK
    with pytest.raises(SourceRefused):
        read_block(source(block(bomb, length=stated)), 0)


def test_a_bomb_is_not_unpacked_to_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    caps: list[int] = []

    class Watched:
        def __init__(self, bits: int) -> None:
            self._inner = decompressobj(bits)

        def decompress(self, raw: bytes, cap: int = 0) -> bytes:
            caps.append(cap)
            return self._inner.decompress(raw, cap)

        @property
        def eof(self) -> bool:
            return self._inner.eof

    decompressobj = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(SourceRefused):
        read_block(source(block(deflated(bytes(50_000_000)), length=MAX_BLOCK)), 0)
    assert caps
    assert all(0 < cap <= MAX_BLOCK + 1 for cap in caps)


@pytest.mark.parametrize("cut", [1, 8, 9, 17, 27])
def test_a_truncated_block_is_refused(cut: int) -> None:
    raw = packed(b"content")
    with pytest.raises(SourceRefused):
        read_block(source(raw[:-cut]), 0)


def test_a_block_of_another_checksum_is_refused() -> None:
    raw = block(deflated(b"content"), length=7, checksum=zlib.crc32(b"other"))
    with pytest.raises(SourceRefused):
        read_block(source(raw), 0)


@given(st.binary(max_size=200), st.integers(0, 60), st.binary(min_size=1, max_size=4))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int, change: bytes) -> None:
    raw = packed(b"some content of a block")
    for content in (noise, raw[:at] + change + raw[at + len(change) :]):
        try:
            found = read_block(source(content), 0)
        except SourceRefused:
            continue
        assert len(found.content) <= MAX_BLOCK
