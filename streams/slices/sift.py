"""Finds, record by record, which stretches of a file hold records of some regions and no other.

An index answers with chunks, which hold neighbours too: good for asking, not for a grant. Here each
record of them is measured: SAM specification 4.2, BCF 2.2 section 6.3, VCF 4.3 section 1.6. A
record belongs to a region that it overlaps by a base, as for every client. CRAM packs records
together and needs its reference to take them apart: it is not sifted. Pure.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from schemas.errors import InvalidInput
from streams.errors import SourceRefused
from streams.slices.bgzf import read_block
from streams.slices.binned import Offsets
from streams.slices.chart import UNPLACED_NAME, Chart, Region
from streams.slices.records import UNPLACED
from streams.slices.text import Text
from streams.storage import Source

MAX_SIFTED_BYTES = 256 * 1024 * 1024  # as they lie, packed: some seconds of work
MAX_RUNS = 20_000
LAST = 2**62

_ON_REFERENCE = frozenset({0, 2, 3, 7, 8})  # M, D, N, = and X of a CIGAR
_BAM = struct.Struct("<iiiBBHHH")
_BCF = struct.Struct("<IIiii")
_END = re.compile(rb"(?:\A|;)END=(\d{1,12})(?:;|\Z)")


@dataclass(frozen=True, slots=True)
class Measured:
    """One record: [start0, end0) of a reference, and where in the text the next one begins."""

    reference: int | bytes
    start0: int
    end0: int
    next: int


# The record at a place of a text, None where the text ends before the record does.
Measure = Callable[[bytes, int], Measured | None]


def sift(
    source: Source,
    chart: Chart,
    rows: Offsets,
    regions: Iterable[Region],
    *,
    is_request: bool = True,
) -> Offsets:
    """Rows of file within `rows`, from record to record, that hold the regions' records alone.

    Raises InvalidInput where that is more work than a request may ask for, and SourceRefused.
    """
    size = int(np.sum((rows[:, 1] >> np.uint64(16)) - (rows[:, 0] >> np.uint64(16))))
    if is_request and size > MAX_SIFTED_BYTES:
        raise InvalidInput("The regions reach over too much of the file: ask for a part of them.")
    wanted = _Wanted.of(chart, regions)
    runs: list[tuple[int, int]] = []
    for begin, end in rows.tolist():
        for run in _runs(
            Text(partial(read_block, source), begin, end), _MEASURES[chart.form], wanted
        ):
            runs.append(run)
            if len(runs) > MAX_RUNS:
                raise InvalidInput("The regions' records lie too scattered: ask for fewer at once.")
    return np.array(runs, np.uint64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """By reference, the begins and ends of disjoint regions, ascending."""

    places: Mapping[int | bytes, tuple[Sequence[int], Sequence[int]]]

    @classmethod
    def of(cls, chart: Chart, regions: Iterable[Region]) -> _Wanted:
        found: dict[int | bytes, list[tuple[int, int]]] = {}
        for region in regions:
            if region.name == UNPLACED_NAME:
                found.setdefault(UNPLACED, []).append((UNPLACED, LAST))  # their place is -1 too
                continue
            number = chart.references.get(region.name)
            name = region.name.encode() if chart.form == "VCF" else number
            if number is not None and name is not None:
                end0 = LAST if region.end0 is None else region.end0
                found.setdefault(name, []).append((region.start0 or 0, end0))
        return cls({name: _disjoint(places) for name, places in found.items()})

    def hold(self, record: Measured) -> bool:
        begs, ends = self.places.get(record.reference, ((), ()))
        first = bisect_right(ends, record.start0)
        return first < len(ends) and begs[first] < record.end0


def _disjoint(places: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    begs: list[int] = []
    ends: list[int] = []
    for beg, end in sorted(places):
        if ends and beg <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            begs.append(beg)
            ends.append(end)
    return begs, ends


def _runs(text: Text, measure: Measure, wanted: _Wanted) -> Iterator[tuple[int, int]]:
    began: int | None = None
    for record in text.records(measure):
        if wanted.hold(record) == (began is not None):
            continue
        if began is None:
            began = text.place()
        else:
            yield began, text.place()
            began = None
    if began is not None:
        yield began, text.place()


# Records


def _bam(text: bytes, at: int) -> Measured | None:
    if len(text) < at + _BAM.size:
        return None
    size, reference, start0, name, _, _, operations, _ = _BAM.unpack_from(text, at)
    cigar = at + 36 + name
    if size < 32 + name + 4 * operations:
        raise SourceRefused("A record of the BAM is damaged.")
    if len(text) < at + 4 + size:
        return None
    length = 0
    for operation in struct.unpack_from(f"<{operations}I", text, cigar):
        if operation & 0xF in _ON_REFERENCE:
            length += operation >> 4
    return Measured(reference, start0, start0 + (length or 1), at + 4 + size)


def _bcf(text: bytes, at: int) -> Measured | None:
    if len(text) < at + _BCF.size:
        return None
    shared, each, reference, start0, length = _BCF.unpack_from(text, at)
    after = at + 8 + shared + each
    if shared < 24:
        raise SourceRefused("A record of the BCF is damaged.")
    return (
        None if len(text) < after else Measured(reference, start0, start0 + max(length, 1), after)
    )


def _vcf(text: bytes, at: int) -> Measured | None:
    end = text.find(b"\n", at)
    if end < 0:
        return None
    columns = text[at:end].split(b"\t", 8)
    if len(columns) < 8 or not columns[1].isdigit():
        raise SourceRefused("A line of the VCF is damaged.")
    start0 = int(columns[1]) - 1
    said = _END.search(columns[7])
    reach = max(start0 + max(len(columns[3]), 1), int(said[1]) if said else 0)
    return Measured(columns[0], start0, reach, end + 1)


_MEASURES: Mapping[str, Measure] = {"BAM": _bam, "BCF": _bcf, "VCF": _vcf}
