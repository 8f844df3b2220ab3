"""Writes a VCF of many sites with counts and no genotypes, as an archive of frequencies has it."""

from __future__ import annotations

import random
from pathlib import Path

import pysam

LENGTHS = (
    248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
    138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
    83257441, 80373285, 58617616, 64444167, 46709983, 50818468,
)  # fmt: skip
_BASES = "ACGT"
_BATCH = 100_000


def write(path: Path, *, count: int, ask_for: int) -> list[tuple[str, int, str, str]]:
    """`count` sites spread over the autosomes; returns `ask_for` of their alleles, 0-based."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(count)  # noqa: S311 (the same file every time, no secret)
    every = sum(LENGTHS) // count
    picked, wanted = [], max(1, count // ask_for)
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(_header().encode())
        number, lines = 0, []
        for chrom, length in enumerate(LENGTHS, 1):
            for start in range(10_000, length - every, every):
                position = start + dice.randrange(every)
                ref, alt = dice.sample(_BASES, 2)
                lines.append(
                    f"{chrom}\t{position}\t.\t{ref}\t{alt}\t.\tPASS\t"
                    f"AC={dice.randrange(1, 5000)};AN=152312\n"
                )
                if number % wanted == 0:
                    picked.append((str(chrom), position - 1, ref, alt))
                number += 1
                if len(lines) >= _BATCH:
                    file.write("".join(lines).encode())
                    lines.clear()
        file.write("".join(lines).encode())
    return picked[:ask_for]


def _header() -> str:
    contigs = "".join(
        f"##contig=<ID={chrom},length={length}>\n" for chrom, length in enumerate(LENGTHS, 1)
    )
    return (
        "##fileformat=VCFv4.3\n" + contigs + '##FILTER=<ID=PASS,Description="">\n'
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n'
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
