"""Small datasets written on the spot: VCF text, compressed as real files are, and records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pysam

HEADER = """##fileformat=VCFv4.3
##contig=<ID=chr1,length=248956422>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##ALT=<ID=DEL,Description="Deletion">
"""
COPIES = '##FORMAT=<ID=CN,Number=1,Type=Integer,Description="Copies">\n'


def write_vcf(
    path: Path, lines: Sequence[str], *, samples: Sequence[str], header: str = HEADER
) -> Path:
    """A bgzip file; each line is `POS ID REF ALT INFO GT...` on chr1, separated by spaces; calls
    such as `0/1:1` say their copies too, which `COPIES` declares in a header."""
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
    text = [header, columns, "\t".join(samples), "\n"]
    for line in lines:
        pos, name, ref, alt, info, *calls = line.split(" ")
        form = "GT:CN" if any(":" in call for call in calls) else "GT"
        text.append("\t".join(["chr1", pos, name, ref, alt, ".", ".", info, form, *calls]) + "\n")
    plain = path.with_suffix(".txt")
    plain.write_text("".join(text), encoding="utf-8")
    pysam.tabix_compress(str(plain), str(path), force=True)
    return path


def write_records(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path
