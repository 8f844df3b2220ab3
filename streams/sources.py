"""Says whether a file is the complete BAM, CRAM, VCF, BCF or FASTA it claims to be.

BGZF and its end-of-file block (SAM specification 4.1), CRAM's end-of-file container (CRAM 3.1,
section 9). A truncated file is refused here: once sealed, nobody could tell any more. Looks at
both ends of a file only; what the records say is for whoever loads them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from streams.errors import SourceRefused
from streams.storage import Source, file_source

BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
CRAM_EOF = (
    bytes.fromhex("0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b"),
    bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100"),
)


class Kind(StrEnum):
    READS = "reads"
    VARIANTS = "variants"
    FILE = "file"


FORMATS: Mapping[Kind, tuple[str, ...]] = {
    Kind.READS: ("BAM", "CRAM"),
    Kind.VARIANTS: ("VCF", "BCF"),
}


def check_source(source: Path, *, kind: Kind, form: str) -> None:
    """Raises SourceRefused, naming the file and the next step."""
    if not source.is_file():
        raise SourceRefused(f"{source}: there is no such file. Check the path.")
    try:
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            check_content(source, file_source(file.fileno()), size, kind=kind, form=form)
    except OSError as error:
        raise SourceRefused(f"{source}: cannot be read: {error.strerror}.") from error


def check_content(source: Path | str, at: Source, size: int, *, kind: Kind, form: str) -> None:
    """As `check_source`, of bytes that are reached another way; `source` is their name."""
    allowed = FORMATS.get(kind)
    if allowed is not None and form not in allowed:
        raise SourceRefused(f"{source}: {kind} are {' or '.join(allowed)}, not {form}.")
    head, tail = at(18, 0), at(64, max(0, size - 64))
    if not head:
        raise SourceRefused(f"{source}: the file is empty. Copy or make it again.")
    match form:
        case "BAM" | "VCF" | "BCF":
            _check_bgzf(source, head, tail, form=form)
        case "CRAM":
            _check_cram(source, head, tail)
        case "FASTA":
            _check_fasta(source, head)
        case _:
            return


def _check_bgzf(source: Path | str, head: bytes, tail: bytes, *, form: str) -> None:
    is_bgzf = head[:4] == BGZF_EOF[:4] and head[12:14] == b"BC"
    if not is_bgzf:
        raise SourceRefused(f"{source}: this {form} is not block-gzipped. Compress it with bgzip.")
    if not tail.endswith(BGZF_EOF):
        raise SourceRefused(
            f"{source}: this {form} is truncated: its last block (BGZF EOF) is missing. "
            "Copy or make the file again."
        )


def _check_cram(source: Path | str, head: bytes, tail: bytes) -> None:
    if head[:4] != b"CRAM":
        raise SourceRefused(f"{source}: this is not a CRAM file.")
    if not tail.endswith(CRAM_EOF):
        raise SourceRefused(
            f"{source}: this CRAM is truncated: its last container (EOF) is missing. "
            "Copy or make the file again."
        )


def _check_fasta(source: Path | str, head: bytes) -> None:
    if head[:1] != b">" and head[:4] != BGZF_EOF[:4]:
        raise SourceRefused(f"{source}: a FASTA file begins with «>».")
