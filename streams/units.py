"""Cuts an indexed file into one unit per chromosome, each a file of its own to be sealed.

A data key opens all that it covers, so that what may be granted apart lies under keys apart. Units
are cut as slices are: records of BAM, VCF and BCF are looked at one by one, CRAM is taken by whole
containers. Nothing is written; sealing is `vault`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from schemas.sequences import canonical_chromosome
from streams.errors import SourceRefused
from streams.inputs import Input
from streams.slices import cram
from streams.slices.binned import Offsets, merged
from streams.slices.chart import UNPLACED_NAME, Chart, Region
from streams.slices.sift import sift
from streams.slices.survey import survey_input
from streams.slices.weave import weave
from streams.storage import Source

REST = "rest"  # what lies on no chromosome
MAX_CHROMOSOMES = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unit:
    """The records of one chromosome, or the rest, as a file that lies nowhere."""

    name: str
    content: Input


def units(given: Input, form: str) -> Iterator[Unit]:
    """In the order of the file's header, those without records left out. Raises SourceRefused,
    and IndexRefused for a file that is not sorted."""
    chart = survey_input(given, form)
    chromosomes = _chromosomes(chart)
    rest = [name for name in chart.references if name not in chromosomes]
    for name in (*chromosomes, REST):
        rows = _rows(given, chart, rest if name == REST else [name])
        if len(rows):
            yield Unit(name, _content(given, chart, rows, name=name))


def _chromosomes(chart: Chart) -> tuple[str, ...]:
    """The human ones, in any spelling; of another species, the first references of the header."""
    fit = [name for name in chart.references if _NAME.fullmatch(name) and name != REST]
    human = [name for name in fit if canonical_chromosome(name) is not None]
    return tuple((human or fit)[:MAX_CHROMOSOMES])


def _rows(given: Input, chart: Chart, names: list[str]) -> Offsets:
    if chart.form == "CRAM":
        return _containers(given, chart, names)
    regions = [Region(name) for name in names]
    if chart.form == "BAM" and set(names).isdisjoint(_chromosomes(chart)):
        regions.append(Region(UNPLACED_NAME))
    return sift(given.at, chart, chart.rows(regions), regions, is_request=False)


def _containers(given: Input, chart: Chart, names: list[str]) -> Offsets:
    """Containers of several references belong to the rest, as the index tells of them. Raises
    SourceRefused where it tells of a chromosome in one."""
    numbers = {chart.references[name] for name in names}
    is_rest = set(names).isdisjoint(_chromosomes(chart))
    own = [chart.references[name] for name in _chromosomes(chart)]
    mixed = _tells_of(chart, own)
    rows = []
    for container in cram.walk(given.at, given.size).containers:
        reference = container.reference
        if reference == cram.MANY and container.start0 in mixed:
            raise SourceRefused(
                f"{given.path}: a container of this CRAM holds a chromosome and another reference, "
                "so that it cannot be cut. Make it again with multi_seq_per_slice=0."
            )
        if reference in numbers or (is_rest and reference in (cram.UNPLACED, cram.MANY)):
            rows.append((container.start0 << 16, container.end0 << 16))
    return merged([np.array(rows, np.uint64).reshape(-1, 2)])


def _tells_of(chart: Chart, numbers: list[int | None]) -> frozenset[int]:
    """Where the containers begin that the index finds these references in."""
    assert isinstance(chart.index, cram.ContainerIndex)  # noqa: S101 - for the types: it is a CRAM
    index = chart.index
    hit = np.isin(index.line_reference, [n for n in numbers if n is not None])
    return frozenset(index.starts[np.unique(index.line_container[hit])].tolist())


def _content(given: Input, chart: Chart, rows: Offsets, *, name: str) -> Input:
    woven = weave(given.at, chart, rows, exactly=True)

    def at(length: int, start0: int) -> bytes:
        return woven.read(given.at, start0, min(start0 + length, woven.size))

    source: Source = at
    path = given.path.with_name(f"{given.path.name}.{name}")
    return Input(path, woven.size, source, sealed=True, expected_sha256=None)
