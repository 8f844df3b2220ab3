"""What slicing one file needs to know of it, as it is kept: header end, references, flat index.

Made once by `survey`; stored as one run of bytes whose arrays are used where they lie: all of them,
or (`stored`) a reference's. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from streams.errors import InvalidRange, NoSuchReference, VaultBroken
from streams.slices.binned import BinnedIndex, Offsets, Places, merged
from streams.slices.cram import ContainerIndex
from streams.slices.stored import Arrays, Held, Read, StoredBins, StoredContainers

UNPLACED_NAME = "*"

Index = BinnedIndex | ContainerIndex | StoredBins | StoredContainers

_MAGIC = b"skerry-chart-1\n\0"
_ALIGNED = 64
_NUMBERS = {np.dtype(kind).str: np.dtype(kind) for kind in (np.int64, np.uint64)}
_FORMS: Mapping[str, type[BinnedIndex] | type[ContainerIndex]] = {
    "binned": BinnedIndex,
    "containers": ContainerIndex,
}


@dataclass(frozen=True, slots=True)
class Region:
    """[start0, end0) of a reference; None is the reference's own start or end."""

    name: str
    start0: int | None = None
    end0: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Offsets are virtual; those of CRAM, which has no blocks to cut, are shifted alike.

    `references` maps a name to its number in the index, or to None where nothing lies on it.
    """

    form: str
    size: int
    header_end: int
    data_end: int
    references: Mapping[str, int | None]
    index: Index

    def rows(self, regions: Iterable[Region]) -> Offsets:
        """Disjoint stretches, in file order, that hold every record of the regions once.

        Raises NoSuchReference, and InvalidRange for `*` with a position.
        """
        wanted: dict[str, list[Region]] = {}
        for region in regions:
            wanted.setdefault(region.name, []).append(region)
        return merged([self._rows_of(name, asked) for name, asked in wanted.items()])

    def everything(self) -> tuple[Region, ...]:
        """Regions that hold every record."""
        unplaced = (Region(UNPLACED_NAME),) if self.form in ("BAM", "CRAM") else ()
        return *map(Region, self.references), *unplaced

    def _rows_of(self, name: str, asked: list[Region]) -> Offsets:
        if name == UNPLACED_NAME and self.form in ("BAM", "CRAM"):
            if any(region.start0 is not None or region.end0 is not None for region in asked):
                raise InvalidRange("Reads without a place have no positions.")
            return self.index.unplaced(header_end=self.header_end, data_end=self.data_end)
        if name not in self.references:
            raise NoSuchReference(f"There is no reference of the name {name[:80]!a}.")
        number = self.references[name]
        if number is None:
            return np.empty((0, 2), np.uint64)
        return self.index.spans(number, *_disjoint(asked))


def _disjoint(asked: list[Region]) -> tuple[Places, Places]:
    """Begins and ends of the regions' union, ascending."""
    begs = np.array([region.start0 or 0 for region in asked], np.int64)
    ends = np.array([2**62 if r.end0 is None else r.end0 for r in asked], np.int64)
    rows = merged([np.stack([begs, ends], axis=1).astype(np.uint64)]).astype(np.int64)
    return rows[:, 0], rows[:, 1]


# The stored form


def dump(chart: Chart) -> bytes:
    """Magic, length and JSON of what is small, then the arrays; of a chart that was just made."""
    assert isinstance(chart.index, BinnedIndex | ContainerIndex)  # noqa: S101 - for the types
    arrays = {field.name: getattr(chart.index, field.name) for field in fields(chart.index)}
    small: dict[str, Any] = {
        "form": chart.form,
        "size": chart.size,
        "header_end": chart.header_end,
        "data_end": chart.data_end,
        "references": dict(chart.references),
        "index": "binned" if isinstance(chart.index, BinnedIndex) else "containers",
        "values": {name: value for name, value in arrays.items() if isinstance(value, int)},
        "arrays": {},
    }
    body = bytearray()
    for name, array in arrays.items():
        if not isinstance(array, int):
            small["arrays"][name] = [array.dtype.str, len(body), len(array)]
            body += np.ascontiguousarray(array).tobytes()
            body += bytes(-len(body) % _ALIGNED)
    described = json.dumps(small).encode()
    described += b" " * (-(len(_MAGIC) + 8 + len(described)) % _ALIGNED)
    return _MAGIC + len(described).to_bytes(8, "little") + described + bytes(body)


def load(raw: bytes | memoryview) -> Chart:
    """The chart whose arrays are views of `raw`. Raises VaultBroken for what we never wrote."""
    view = memoryview(raw)
    return _read(lambda start, end: view[start:end], _whole)


def open_stored(read: Read, *, name: str, held: Held) -> Chart:
    """The chart of a file, of whose index parts are read when they are asked for and held by this
    name. Raises VaultBroken, then too."""

    def stored(small: Mapping[str, Any], arrays: Arrays) -> StoredBins | StoredContainers:
        if _FORMS[small["index"]] is ContainerIndex:
            return StoredContainers(name, arrays, held)
        begins = {of: arrays.of(of) for of in ("ref_bins", "ref_windows")}
        return StoredBins(name, **small["values"], arrays=arrays, **begins, held=held)

    return _read(read, stored)


def _whole(small: Mapping[str, Any], arrays: Arrays) -> BinnedIndex | ContainerIndex:
    return _FORMS[small["index"]](**small["values"], **arrays.all())


def _read(read: Read, index: Callable[[Mapping[str, Any], Arrays], Index]) -> Chart:
    start = len(_MAGIC) + 8
    try:
        if bytes(read(0, len(_MAGIC))) != _MAGIC:
            raise VaultBroken("A stored index is not one.")
        first = start + int.from_bytes(read(len(_MAGIC), start), "little")
        small = json.loads(bytes(read(start, first)))
        places = {
            name: (_NUMBERS[kind], first + at, count)
            for name, (kind, at, count) in small["arrays"].items()
        }
        return Chart(
            form=small["form"],
            size=small["size"],
            header_end=small["header_end"],
            data_end=small["data_end"],
            references=small["references"],
            index=index(small, Arrays(read, places)),
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise VaultBroken("A stored index is damaged.") from error
