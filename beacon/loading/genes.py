"""Reads a gene table: symbol and span of each gene, from GTF, GFF3 or BED.

GTF 2.2 and GFF3 1.26 (one-based, inclusive; the rows of type gene), BED (zero-based, half-open;
chromosome, start, end, symbol). It serves gene questions of datasets that carry no annotation; the
archive brings the table that fits its assembly.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

from beacon.errors import Problem, SourceRefused
from schemas.sequences import canonical_chromosome

MAX_GENES = 500_000
MAX_LINE = 1_000_000
MAX_POSITION = 2**31 - 1
MAX_SYMBOL = 100
_NAMED = re.compile(r'(?:^|;)\s*(?:gene_name|Name|gene)[ =]"?([^";]+)"?')
_GFF_COLUMNS, _BED_COLUMNS = 9, 4

Gene = tuple[str, str, int, int]  # symbol, chromosome, start0, end0


def read(path: Path) -> list[Gene]:
    """Genes on 1..22, X, Y, MT. Raises `SourceRefused` where the file is not such a table."""
    found: list[Gene] = []
    try:
        with path.open("rb") as plain:
            packed = path.suffix == ".gz"
            stream = gzip.GzipFile(fileobj=plain) if packed else plain
            for number, line in enumerate(_lines(stream), start=1):
                found.extend(_genes(line, path, number))
                if len(found) > MAX_GENES:
                    raise _refused(path, "", f"at most {MAX_GENES} genes")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as broken:
        raise _refused(path, "", "a GTF, GFF3 or BED file that can be read") from broken
    if not found:
        raise _refused(path, "", "genes with a symbol (gene_name, Name, or the fourth BED column)")
    return found


def _lines(stream: BufferedIOBase) -> Iterator[str]:
    while line := stream.readline(MAX_LINE):
        text = line.decode("utf-8").rstrip("\r\n")
        if text and not text.startswith(("#", "track", "browser")):
            yield text


def _genes(line: str, path: Path, number: int) -> Iterator[Gene]:
    cells = line.split("\t")
    if len(cells) == _GFF_COLUMNS and not cells[1].isdecimal():
        if not cells[2].endswith("gene"):
            return
        named = _NAMED.search(cells[8])
        symbol, chrom = named[1] if named else "", canonical_chromosome(cells[0])
        start, end, first = cells[3], cells[4], 1
    elif len(cells) >= _BED_COLUMNS:
        symbol, chrom = cells[3], canonical_chromosome(cells[0])
        start, end, first = cells[1], cells[2], 0
    else:
        raise _refused(path, f"line {number}", "9 columns of GTF or GFF3, or 4 and more of BED")
    if not (start.isdecimal() and end.isdecimal()):
        raise _refused(path, f"line {number}", "whole numbers as positions")
    start0, end0 = int(start) - first, int(end)
    if not 0 <= start0 < end0 <= MAX_POSITION:
        raise _refused(path, f"line {number}", "a start before the end")
    if chrom is not None and 0 < len(symbol) <= MAX_SYMBOL:
        yield symbol, chrom, start0, end0


def _refused(path: Path, where: str, expected: str) -> SourceRefused:
    return SourceRefused([Problem(path.name, where, "genes", expected)])
