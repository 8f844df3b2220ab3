"""Says whose records a BAM, CRAM, VCF or BCF states it holds: the samples that its header names.

SAM specification 1.3 (`SM` of `@RG`), VCF 4.3 section 1.5 (the columns after FORMAT). A file may
hold reads of nobody named; what an answer of nobody means is the caller's to know.
"""

from __future__ import annotations

import re

from streams.slices import cram, headers
from streams.storage import Source

FIXED_COLUMNS = 9  # CHROM to FORMAT
_GROUP = re.compile(rb"^@RG\t[^\n]*", re.MULTILINE)
_SAMPLE = re.compile(rb"\tSM:([^\t\n\r]+)")
_COLUMNS = re.compile(rb"^#CHROM\t([^\n\r]*)", re.MULTILINE)


def read_samples(source: Source, size: int, form: str) -> frozenset[str] | None:
    """None where part of the reads is of a group that names nobody. Raises SourceRefused."""
    if form in ("VCF", "BCF"):
        columns = _COLUMNS.search(headers.read_text(source, form))
        named = [] if columns is None else columns[1].split(b"\t")[FIXED_COLUMNS - 1 :]
        return frozenset(name.decode("utf-8", "replace") for name in named)
    text = cram.read_text(source, size) if form == "CRAM" else headers.read_text(source, form)
    groups = [_SAMPLE.search(line) for line in _GROUP.findall(text)]
    if not groups or None in groups:
        return None
    return frozenset(found[1].decode("utf-8", "replace") for found in groups if found is not None)
