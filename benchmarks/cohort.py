"""Writes a BCF of variants called in a cohort, most of which few people carry.

Its records are put together as bytes (VCF 4.3, section 6.3): text of a billion calls would take
longer to write and to read than all that is measured.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pysam
from numpy.typing import NDArray

CHROM = "1"
_SPACING = 55  # bases between variants, at mean
_LENGTH = 248956422
_BASES = "ACGT"
_HOMOZYGOUS = 0.05  # of carriers
_NO_QUALITY = struct.pack("<I", 0x7F800001)


def write(
    path: Path, *, people: Sequence[str], annotated: str, count: int, ask_for: int
) -> list[tuple[str, int, str, str]]:
    """`count` variants from 0 to about 55 x `count`; returns `ask_for` of their alleles, 0-based.
    85 % have 1 to 5 carriers, the rest up to every fifth person. `annotated` describes their CSQ:
    a file that has none would say that nobody knows in which genes they are."""
    chance = np.random.default_rng(count)
    path.parent.mkdir(parents=True, exist_ok=True)
    picked, wanted, start0 = [], max(1, count // ask_for), 0
    with pysam.BGZFile(str(path), "wb", None) as file:
        file.write(_header(people, annotated))
        for number in range(count):
            start0 += int(chance.integers(1, 2 * _SPACING))
            ref = _BASES[int(chance.integers(4))]
            alt = _BASES[(_BASES.index(ref) + int(chance.integers(1, 4))) % 4]
            file.write(_record(start0, ref + alt, _calls(chance, len(people))))
            if number % wanted == 0:
                picked.append((CHROM, start0, ref, alt))
    return picked[:ask_for]


def _header(people: Sequence[str], annotated: str) -> bytes:
    text = (
        '##fileformat=VCFv4.3\n##FILTER=<ID=PASS,Description="All filters passed">\n'
        f"##contig=<ID={CHROM},length={_LENGTH}>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        f'##INFO=<ID=CSQ,Number=.,Type=String,Description="{annotated}">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(people) + "\n\0"
    ).encode()
    return b"BCF\2\2" + struct.pack("<I", len(text)) + text


def _calls(chance: np.random.Generator, people: int) -> NDArray[np.int8]:
    """A row of two bytes per person: (allele + 1) << 1, unphased."""
    calls = np.full((people, 2), 2, np.int8)
    most = max(people // 5, 6)
    rare = chance.random() < 0.85
    size = int(chance.integers(1, 6)) if rare else int(chance.integers(min(20, most - 1), most))
    carriers = chance.choice(people, size, replace=False)
    calls[carriers, 1] = 4
    calls[carriers[chance.random(size) < _HOMOZYGOUS], 0] = 4
    return calls


def _record(start0: int, bases: str, calls: NDArray[np.int8]) -> bytes:
    alleles = b"".join(b"\x17" + base.encode() for base in bases)
    shared = struct.pack("<iii", 0, start0, 1) + _NO_QUALITY
    shared += struct.pack("<II", 2 << 16, 1 << 24 | len(calls))
    shared += b"\x07" + alleles + b"\x11\x00"  # no ID; PASS
    called = b"\x11\x01\x21" + calls.tobytes()  # GT, two numbers of a byte each
    return struct.pack("<II", len(shared), len(called)) + shared + called
