"""Reads UCSC chain files: which stretches of one assembly are which stretches of another.

The format of https://genome.ucsc.edu/goldenPath/help/chain.html: a header line for each chain, then
lines of an ungapped block's size and the gaps after it in the old and the new assembly. Zero-based,
half-open. What a place becomes is `liftover`'s.
"""

from __future__ import annotations

import gzip
import io
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from portal.errors import SettingsError
from schemas.sequences import canonical_chromosome

MAX_BYTES = 512 * 1024 * 1024
MAX_BLOCKS = 5_000_000
MAX_LINE = 1_000
_HEADER_FIELDS = 13


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """`[start0, end0)` of the old assembly, ungapped; `other0` is where it begins in the new one,
    on the chain's own strand."""

    start0: int
    end0: int
    other0: int
    chain: Chain = field(compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """`size` is the length of the new assembly's sequence, from whose end a reversed one counts."""

    id: str
    chrom: str
    size: int
    reversed: bool


class ChainMap:
    """The blocks of each old chromosome, in order."""

    def __init__(self, blocks: Mapping[str, Sequence[Block]]) -> None:
        self._blocks = {chrom: sorted(found) for chrom, found in blocks.items()}
        # How far any block before each one reaches.
        self._reach = {
            chrom: [0, *accumulate((one.end0 for one in found), max)]
            for chrom, found in self._blocks.items()
        }

    def at(self, chrom: str, position0: int) -> Block | None:
        """The one block that holds the position; None where there is none, or more than one."""
        blocks = self._blocks.get(chrom, [])
        number = bisect_right(blocks, position0, key=lambda block: block.start0) - 1
        if number < 0 or self._reach[chrom][number] > position0:
            return None
        return blocks[number] if position0 < blocks[number].end0 else None


def read_chains(path: Path) -> ChainMap:
    """Raises `SettingsError` naming the line. Sequences that are no chromosome of ours are left
    out."""
    blocks: dict[str, list[Block]] = {}
    read = 0
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            for chrom, block in _blocks(_lines(file)):
                read += 1
                if read > MAX_BLOCKS:
                    raise _Wrong(f"more than {MAX_BLOCKS:,} blocks")
                if chrom is not None:
                    blocks.setdefault(chrom, []).append(block)
    except (OSError, EOFError, ValueError) as error:
        raise SettingsError(f"chain_files: {path.name}: {_said(error)}") from error
    if not blocks:
        raise SettingsError(f"chain_files: {path.name}: holds no chain of a chromosome")
    return ChainMap(blocks)


class _Wrong(ValueError):
    """What a chain file must not hold."""


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, _Wrong) else "cannot be read as a chain file"


def _lines(file: io.BufferedIOBase | gzip.GzipFile) -> Iterator[tuple[int, list[str]]]:
    """Number and words of each line that has any."""
    size = 0
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        size += len(line)
        if len(line) > MAX_LINE or size > MAX_BYTES:
            raise _Wrong(f"line {number}: too long, or the file is larger than {MAX_BYTES:,} bytes")
        words = line.decode("ascii").split()
        if words and not words[0].startswith("#"):
            yield number, words


def _blocks(lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[str | None, Block]]:
    """Each block with its old chromosome, None where that or the new one is not ours."""
    for number, words in lines:
        if words[0] != "chain" or len(words) not in (_HEADER_FIELDS - 1, _HEADER_FIELDS):
            raise _Wrong(f"line {number}: expected the header of a chain")
        old, new = _ours(words[2]), _ours(words[7])
        chain = Chain(words[-1], new or "", int(words[8]), words[9] == "-")
        start, end, other = int(words[5]), int(words[6]), int(words[10])
        if words[4] != "+" or words[9] not in "+-" or not 0 <= start < end:
            raise _Wrong(f"line {number}: a strand or place that cannot be")
        at = start
        for line, sizes in lines:
            size, *gaps = map(int, sizes)
            if size <= 0 or len(gaps) not in (0, 2) or min(gaps, default=0) < 0:
                raise _Wrong(f"line {line}: expected a block, or a block and two gaps")
            yield (old if new else None), Block(at, at + size, other, chain)
            at, other = at + size, other + size
            if not gaps:
                break
            at, other = at + gaps[0], other + gaps[1]
        if (at, other) != (end, int(words[11])):
            raise _Wrong(f"line {number}: the chain does not end where it says")


def _ours(name: str) -> str | None:
    """Mitochondria are left out: both assemblies have the same sequence, while the file's older
    name stands for another."""
    found = canonical_chromosome(name)
    return None if found == "MT" else found
