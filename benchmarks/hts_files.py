"""Makes the files that `benchmarks/hts.py` asks for: a genome's BAM with the index of a 30x one, a
chromosome, bytes to stream.

What makes the index of a 30x genome large are its bins, so the BAM has a block of reads in every
window of 16 kb and a read across every border: a true index of some 9 MB over a small file. One
stretch is as dense as 30x, and only it is asked for. The index is written here, since samtools
would merge bins that lie as close in the file as these.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from streams.slices.bgzf import packed
from streams.sources import BGZF_EOF

# Lengths of GRCh38's chromosomes, in Mb: what sets the size of an index.
MEGABASES = (
    248, 242, 198, 190, 181, 170, 159, 145, 138, 133, 135, 133,
    114, 107, 101, 90, 83, 80, 58, 64, 46, 50, 156, 57,
)  # fmt: skip
WINDOW = 16_384
READ = 150
DENSE = ("chr20", 20_000_000, 22_000_000)
_DEPTH = 30
_PER_BLOCK = 200  # some 60 kB, as full as writers make them
Bins = dict[int, list[tuple[int, int]]]
_NAMES = [f"chr{name}" for name in (*range(1, 23), "X", "Y")]


def write_genome(path: Path) -> Path:
    """A BAM with its BAI beside it, in file order."""
    with path.open("wb") as file, path.with_suffix(".bam.bai").open("wb") as index:
        file.write(packed(_header()))
        index.write(struct.pack("<4si", b"BAI\x01", len(MEGABASES)))
        for number, length in enumerate(MEGABASES):
            bins: Bins = defaultdict(list)
            windows: dict[int, int] = {}
            for block in _blocks(number, length * 1_000_000):
                start = file.tell()
                file.write(packed(b"".join(block.values())))
                _note(bins, block, start << 16, file.tell() << 16)
                for window in {place // WINDOW for s0 in block for place in (s0, s0 + READ - 1)}:
                    windows.setdefault(window, start << 16)
            index.write(_indexed(bins, list(windows.values())))
        file.write(BGZF_EOF)
    return path


def write_noise(path: Path, size: int) -> Path:
    """Bytes that no file system packs or leaves out."""
    noise = np.random.default_rng(1)
    with path.open("wb") as file:
        for _ in range(0, size, 1 << 20):
            file.write(noise.bytes(1 << 20))
    return path


def write_chromosome(path: Path, letters: int) -> Path:
    """FASTA, 60 letters a line."""
    random = np.random.default_rng(1)
    line = 60
    with path.open("wb") as file:
        file.write(b">chr1\n")
        for _ in range(0, letters, line * 20_000):
            rows = np.full((20_000, line + 1), ord("\n"), np.uint8)
            rows[:, :line] = np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, (20_000, line))]
            file.write(rows.tobytes())
    return path


def _header() -> bytes:
    text = b"@HD\tVN:1.6\tSO:coordinate\n"
    references = b"".join(
        struct.pack("<i", len(name) + 1) + name.encode() + struct.pack("<xi", length * 1_000_000)
        for name, length in zip(_NAMES, MEGABASES, strict=True)
    )
    counted = struct.pack("<i", len(text)) + text + struct.pack("<i", len(MEGABASES))
    return b"BAM\x01" + counted + references


def _blocks(number: int, length: int) -> Iterator[dict[int, bytes]]:
    """Records by their places, a block at a time; those of a block have one bin."""
    is_dense = _NAMES[number] == DENSE[0]
    for start0 in range(0, length - 2 * WINDOW, WINDOW):
        border = start0 + WINDOW
        if is_dense and DENSE[1] <= start0 < DENSE[2]:
            step = READ // _DEPTH
            places = range(start0, border - READ, step)
            for first in range(0, len(places), _PER_BLOCK):
                yield _records(number, places[first : first + _PER_BLOCK])
            yield _records(number, range(border - READ + step, border, step))
        else:
            yield _records(number, (start0 + 1_000, start0 + 9_000))
            yield _records(number, (border - READ // 2,))


def _records(number: int, places: Sequence[int]) -> dict[int, bytes]:
    return {start0: _record(number, start0) for start0 in places}


def _note(bins: Bins, block: Mapping[int, bytes], begin: int, end: int) -> None:
    (number,) = {bin_of(start0, start0 + READ) for start0 in block}
    chunks = bins[number]
    if chunks and chunks[-1][1] == begin:
        begin = chunks.pop()[0]
    chunks.append((begin, end))


def _indexed(bins: Bins, windows: Sequence[int]) -> bytes:
    """One reference of a BAI (SAM specification 5.2)."""
    parts = [struct.pack("<i", len(bins))]
    for number, chunks in sorted(bins.items()):
        parts.append(struct.pack("<Ii", number, len(chunks)))
        parts += [struct.pack("<QQ", *chunk) for chunk in chunks]
    return b"".join([*parts, struct.pack(f"<i{len(windows)}Q", len(windows), *windows)])


_RANDOM = np.random.default_rng(2)
_LETTERS = _RANDOM.choice(np.array([0x11, 0x12, 0x24, 0x48, 0x88], np.uint8), 1 << 16).tobytes()
_QUALITIES = _RANDOM.choice(np.array([11, 25, 37, 37, 37], np.uint8), 1 << 16).tobytes()


def _record(number: int, start0: int) -> bytes:
    name = b"A00111:222:H3KLMNDSXX:1:%010d\0" % start0
    at = start0 * 31 % (1 << 15)
    core = struct.pack(
        "<iiBBHHHiiii",
        *(number, start0, len(name), 60, bin_of(start0, start0 + READ), 1, 99, READ),
        *(number, start0 + 300, 450),
    )
    body = (
        core
        + name
        + struct.pack("<I", READ << 4)
        + _LETTERS[at : at + READ // 2]
        + _QUALITIES[at : at + READ]
    )
    return struct.pack("<i", len(body)) + body


def bin_of(start0: int, end0: int) -> int:
    """SAM specification 5.3."""
    for shift, first in ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)):
        if start0 >> shift == (end0 - 1) >> shift:
            return first + (start0 >> shift)
    return 0
