"""Finds where the header of a BAM, VCF or BCF ends, and which references it names.

SAM specification 4.2, VCF 4.3 section 1 and BCF 2.2 section 6.1. Reads as many blocks as the
header has and no more; CRAM is `cram`'s.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.errors import SourceRefused
from streams.slices.bgzf import read_block, virtual
from streams.storage import Source

MAX_HEADER_BYTES = 256 * 1024 * 1024
MAX_NAME_BYTES = 4096

_CONTIG = re.compile(rb"##contig=<(?:[^\n]*?,)?ID=([^,>\n]+)([^\n]*)")
_SQ = re.compile(rb"^@SQ\t(?:[^\n]*?\t)?SN:([^\t\n]+)[^\n]*", re.MULTILINE)
_MD5 = re.compile(rb"(?:\tM5:|,md5=)\"?([0-9A-Fa-f]{32})(?![0-9A-Fa-f])")
_IDX = re.compile(rb",IDX=(\d{1,9})[,>]")


@dataclass(frozen=True, slots=True)
class Header:
    """`end` is the virtual offset of the first record; `references` maps names to numbers."""

    end: int
    references: Mapping[str, int]


def read_header(source: Source, form: str) -> Header:
    """Raises SourceRefused."""
    text = _Unpacked(source)
    match form:
        case "BAM":
            return _read_bam(text)
        case "BCF":
            return _read_bcf(text)
        case _:
            return _read_vcf(text)


def read_digests(source: Source, form: str) -> Mapping[str, str]:
    """The MD5 of each reference that the header states one for. Raises SourceRefused."""
    return _stated(read_text(source, form), _SQ if form == "BAM" else _CONTIG)


def read_text(source: Source, form: str) -> bytes:
    """The header's own lines. Raises SourceRefused."""
    text = _Unpacked(source)
    match form:
        case "BAM":
            text.take(4)
            return text.take(text.number())
        case "BCF":
            text.take(5)
            return text.take(text.number())
        case _:
            _read_vcf(text)
            return text.so_far()


def _stated(text: bytes, line: re.Pattern[bytes]) -> dict[str, str]:
    found = {}
    for match in line.finditer(text):
        digest = _MD5.search(match[0])
        if digest is not None:
            found[_name(match[1])] = digest[1].decode().lower()
    return found


def _read_bam(text: _Unpacked) -> Header:
    if text.take(4) != b"BAM\x01":
        raise SourceRefused("This is not a BAM file.")
    text.take(text.number())
    references: dict[str, int] = {}
    for number in range(text.number()):
        length = text.number()
        if not 1 <= length <= MAX_NAME_BYTES:
            raise SourceRefused("A reference name in the BAM header is too long.")
        references[_name(text.take(length)[:-1])] = number
        text.take(4)
    return Header(text.place(), references)


def _read_bcf(text: _Unpacked) -> Header:
    if text.take(3) != b"BCF":
        raise SourceRefused("This is not a BCF file.")
    text.take(2)
    return Header(references=_contigs(text.take(text.number())), end=text.place())


def _read_vcf(text: _Unpacked) -> Header:
    if text.peek(2) != b"##":
        raise SourceRefused("This is not a VCF file.")
    while text.peek(1) == b"#":
        text.take_line()
    return Header(text.place(), _contigs(text.so_far()))


def _contigs(text: bytes) -> dict[str, int]:
    """Contigs by the numbers BCF gives them: in order, or as an IDX says."""
    found: dict[str, int] = {}
    number = -1
    for match in _CONTIG.finditer(text):
        said = _IDX.search(match[2])
        number = int(said[1]) if said else number + 1
        found.setdefault(_name(match[1]), number)
    return found


def _name(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise SourceRefused("A reference name in the header is not text.") from error


@dataclass(slots=True)
class _Unpacked:
    """The content of a file from its start, unpacked block by block as it is asked for."""

    source: Source
    at: int = 0
    _content: bytearray = field(default_factory=bytearray)
    _next0: int = 0
    _blocks: list[int] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def peek(self, length: int) -> bytes:
        while len(self._content) < self.at + length and self._more():
            pass
        return bytes(self._content[self.at : self.at + length])

    def take(self, length: int) -> bytes:
        if length > MAX_HEADER_BYTES:
            raise SourceRefused(f"The header is longer than {MAX_HEADER_BYTES} bytes.")
        found = self.peek(length)
        if len(found) < length:
            raise SourceRefused("The header is truncated.")
        self.at += length
        return found

    def number(self) -> int:
        (found,) = struct.unpack("<i", self.take(4))
        if found < 0:
            raise SourceRefused("The header has a negative length.")
        return int(found)

    def take_line(self) -> None:
        seen = self.at
        while (end := self._content.find(b"\n", seen)) < 0:
            seen = len(self._content)
            if not self._more():
                raise SourceRefused("The header is truncated.")
        self.at = end + 1

    def so_far(self) -> bytes:
        return bytes(self._content[: self.at])

    def place(self) -> int:
        """The virtual offset reached; a block's end is the next block's start."""
        block = bisect_right(self._starts, self.at) - 1
        if self.at == len(self._content):
            return virtual(self._next0, 0)
        return virtual(self._blocks[block], self.at - self._starts[block])

    def _more(self) -> bool:
        """Whether another block with content was there."""
        block = read_block(self.source, self._next0)
        if not block.content:
            return False
        if len(self._content) + len(block.content) > MAX_HEADER_BYTES:
            raise SourceRefused(f"The header is longer than {MAX_HEADER_BYTES} bytes.")
        self._blocks.append(self._next0)
        self._starts.append(len(self._content))
        self._content += block.content
        self._next0 = block.end0
        return True
