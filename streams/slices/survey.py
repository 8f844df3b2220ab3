"""Makes the chart of a file once: reads its header and index, and sees that they are of one piece.

An index is believed only after every offset in it was looked up in the data: a record of its
reference begins there, and together the chunks leave no record out. A missing index is built.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from streams.errors import IndexRefused, SourceRefused
from streams.inputs import Input, open_input
from streams.remote import RemoteFacts, RemoteFile, RemoteSource
from streams.slices import build_index, cram
from streams.slices.bgzf import Block, read_block, virtual
from streams.slices.binned import BinnedIndex, Offsets, Places, merged
from streams.slices.chart import Chart
from streams.slices.headers import Header, read_header
from streams.slices.index_files import MAX_INDEX_BYTES, read_index_file
from streams.slices.records import PROBE_BYTES, UNPLACED, reference_of
from streams.sources import BGZF_EOF
from streams.storage import Source, streamed

ENDINGS: Mapping[str, tuple[str, ...]] = {
    "BAM": (".bai", ".csi"),
    "CRAM": (".crai",),
    "VCF": (".tbi", ".csi"),
    "BCF": (".csi",),
}
REMOTE_STEP = 8 * 1024 * 1024  # a request takes some 20 ms, however little it asks for
NO_RECORD = -2  # a place after the last record


def survey(source: Path, form: str, *, index: Path | None = None) -> Chart:
    """The chart of a complete BAM, CRAM, VCF or BCF; `index` or one beside it is used, or one made.

    Raises SourceRefused, and IndexRefused with the next step.
    """
    with open_input(source, None) as given:
        return survey_input(given, form, index=index)


def survey_input(given: Input, form: str, *, index: Path | None = None) -> Chart:
    """As `survey`, of what may be sealed: then nothing plain is written."""
    found = index or index_beside(given.path, form)
    if found is None:
        with tempfile.TemporaryDirectory(prefix="skerry-index-", dir=_memory()) as folder:
            made = Path(folder) / "index"
            if given.sealed:
                build_index.piped(given.stream(), form, made, told=str(given.path))
            else:
                build_index.build(given.path, form, made)
            told = (str(given.path), f"{given.path}: the index made of it")
            return _chart(given.at, given.size, form, _read(made), told=told)
    told = (str(given.path), str(found))
    return _chart(given.at, given.size, form, _read(found), told=told)


def survey_remote(remote: RemoteFile, facts: RemoteFacts, form: str) -> tuple[Chart, str | None]:
    """The same of a file in an object store. An index that lies beside it is used; to make one
    takes reading all of the object, range by range, and then its MD5 is known too."""
    at = RemoteSource(remote, facts)
    for name in _index_names(remote.name, form):
        index = remote.beside(name)
        found = index.facts()
        if found is None:
            continue
        if found.size > MAX_INDEX_BYTES:
            raise IndexRefused(f"{index.url}: an index has at most {MAX_INDEX_BYTES} bytes.")
        raw = index.read(found, 0, found.size)
        return _chart(at, facts.size, form, raw, told=(remote.url, index.url)), None
    with tempfile.TemporaryDirectory(prefix="skerry-index-", dir=_memory()) as folder:
        made = Path(folder) / "index"
        passed = Passed(at)
        build_index.piped(streamed(passed, step=REMOTE_STEP), form, made, told=remote.url)
        told = (remote.url, f"{remote.url}: the index made of it")
        return _chart(at, facts.size, form, _read(made), told=told), passed.md5(facts.size)


@dataclass(slots=True)
class Passed:
    """A source that is read from its beginning on, and the digest of what has passed."""

    source: Source
    _end: int = 0
    _digest: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def __call__(self, length: int, start0: int) -> bytes:
        piece = self.source(length, start0)
        if start0 == self._end:
            self._digest.update(piece)
            self._end += len(piece)
        return piece

    def md5(self, size: int) -> str | None:
        """None unless all of it has passed."""
        return self._digest.hexdigest() if self._end == size else None


def index_beside(source: Path, form: str) -> Path | None:
    """The index file next to `source` under one of its usual names."""
    names = _index_names(source.name, form)
    return next((found for name in names if (found := source.with_name(name)).is_file()), None)


def _index_names(name: str, form: str) -> list[str]:
    stem = name.rpartition(".")[0]
    return [f"{part}{ending}" for part in (name, stem) for ending in ENDINGS[form]]


def _memory() -> str | None:
    """Where an index is made: in memory where the system has such a place, since it tells much of
    people whose data are sealed at rest."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - as meant


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_INDEX_BYTES + 1)
    except OSError as error:
        raise IndexRefused(f"{path}: cannot be read: {error.strerror}.") from error
    if len(raw) > MAX_INDEX_BYTES:
        raise IndexRefused(f"{path}: an index has at most {MAX_INDEX_BYTES} bytes.")
    return raw


def _chart(source: Source, size: int, form: str, raw: bytes, *, told: tuple[str, str]) -> Chart:
    """`told` are the names of file and index for whoever reads an error."""
    try:
        if form == "CRAM":
            return _cram_chart(source, size, raw)
        return _bgzf_chart(source, size, form, raw=raw)
    except IndexRefused as error:
        raise IndexRefused(
            f"{told[1]}: {error.public} If it is of an older file, remove it: a new one is made."
        ) from error
    except SourceRefused as error:
        raise SourceRefused(f"{told[0]}: {error.public}") from error


def _cram_chart(source: Source, size: int, raw: bytes) -> Chart:
    walked = cram.walk(source, size)
    return Chart(
        form="CRAM",
        size=size,
        header_end=virtual(walked.header_end, 0),
        data_end=virtual(walked.data_end, 0),
        references=walked.references,
        index=cram.read_crai(raw, walked),
    )


def _bgzf_chart(source: Source, size: int, form: str, *, raw: bytes) -> Chart:
    header, read = read_header(source, form), read_index_file(raw)
    data_end = size - len(BGZF_EOF)
    numbers: dict[str, int] = dict(header.references)
    references: dict[str, int | None] = dict(numbers)
    if form == "VCF":
        if read.names is None or len(set(read.names)) != read.index.references:
            raise IndexRefused("The index of a VCF must name its references.")
        numbers = {name: number for number, name in enumerate(read.names)}
        references = {**dict.fromkeys(header.references), **numbers}
    _check(source, read.index, header, form=form, numbers=numbers, data_end=data_end)
    return Chart(
        form=form,
        size=size,
        header_end=header.end,
        data_end=virtual(data_end, 0),
        references=references,
        index=read.index,
    )


def _check(
    source: Source,
    index: BinnedIndex,
    header: Header,
    *,
    form: str,
    numbers: Mapping[str, int],
    data_end: int,
) -> None:
    """Raises IndexRefused unless the chunks are stretches of records that leave none out."""
    named = (index.chunk_begin, index.chunk_end, index.windows, index.bin_loffset)
    offsets = np.unique(np.concatenate([np.array([header.end], np.uint64), *named]))
    offsets = offsets[offsets > 0]
    if offsets[0] < header.end:
        raise IndexRefused("The index points into the header.")
    places, references = _looked_up(source, offsets, form=form, numbers=numbers, end=data_end)
    begins = np.searchsorted(offsets, index.chunk_begin)
    ends = np.searchsorted(offsets, index.chunk_end)
    counts = np.diff(index.bin_chunks)
    of_bin = np.repeat(np.arange(index.references), np.diff(index.ref_bins))
    if np.any(references[begins] != np.repeat(of_bin, counts)):
        raise IndexRefused("The index puts a record on another reference than the file does.")
    stretches = merged([np.stack([places[begins], places[ends]], axis=1)])
    covered = stretches if len(stretches) else np.array([[places[0], places[0]]], np.uint64)
    last = references[np.searchsorted(places, covered[-1, 1])]
    if len(covered) > 1 or covered[0, 0] != places[0] or last not in (UNPLACED, NO_RECORD):
        raise IndexRefused("The index leaves out a part of the file.")
    _check_floors(index)


def _looked_up(
    source: Source, offsets: Offsets, *, form: str, numbers: Mapping[str, int], end: int
) -> tuple[Offsets, Places]:
    """Each offset in the one form it has, and the reference of the record that begins there."""
    places, references = offsets.copy(), np.full(len(offsets), NO_RECORD, np.int64)
    block: Block | None = None
    for row, offset in enumerate(offsets.tolist()):
        start0, within = offset >> 16, offset & 0xFFFF
        if block is None or block.start0 != start0:
            block = _block(source, start0, end)
        if within > len(block.content):
            raise IndexRefused("The index points behind the end of a block.")
        head, next0 = block.content[within : within + PROBE_BYTES], block.end0
        if within == len(block.content):
            places[row] = virtual(next0, 0)
        while len(head) < PROBE_BYTES and next0 < end:
            following = _block(source, next0, end)
            head, next0 = head + following.content[:PROBE_BYTES], following.end0
        if form == "VCF" and within and block.content[within - 1 : within] != b"\n":
            raise IndexRefused("The index points into the middle of a line.")
        if head:
            references[row] = reference_of(head, form, numbers)
    return places, references


def _block(source: Source, start0: int, end: int) -> Block:
    if start0 > end:
        raise IndexRefused("The index points behind the end of the file.")
    try:
        return read_block(source, start0)
    except SourceRefused as error:
        raise IndexRefused(f"Where the index points: {error.public}") from error


def _check_floors(index: BinnedIndex) -> None:
    """The linear index and CSI's offsets may not cut off what the bins hold."""
    first_chunk = index.chunk_begin[index.bin_chunks[:-1]]
    if np.any(index.bin_loffset > first_chunk):
        raise IndexRefused("The index begins a bin after its first record.")
    finest = ((1 << (3 * index.depth)) - 1) // 7
    for reference in range(index.references if len(index.windows) else 0):
        low, high = index.ref_bins[reference], index.ref_bins[reference + 1]
        begin, end = index.ref_windows[reference], index.ref_windows[reference + 1]
        windows, numbers = index.windows[begin:end], index.bins[low:high] - finest
        held = numbers >= 0
        if np.any(numbers >= len(windows)) or np.any(
            windows[numbers[held]] > first_chunk[low:high][held]
        ):
            raise IndexRefused("The linear index begins after a record that it should hold.")
