"""What slicing one file needs to know of it, as it is kept: header end, references, flat index.

Made once by `survey`; stored as one run of bytes whose arrays are used where they lie, so that a
memory-mapped chart costs nothing to open. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from streams.errors import InvalidRange, NoSuchReference, VaultBroken
from streams.slices.binned import BinnedIndex, Offsets, Places, merged
from streams.slices.cram import UNPLACED, ContainerIndex

UNPLACED_NAME = "*"

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
    index: BinnedIndex | ContainerIndex

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
            return self._unplaced()
        if name not in self.references:
            raise NoSuchReference(f"There is no reference of the name {name[:80]!a}.")
        number = self.references[name]
        if number is None:
            return np.empty((0, 2), np.uint64)
        return self.index.spans(number, *_disjoint(asked))

    def _unplaced(self) -> Offsets:
        if isinstance(self.index, ContainerIndex):
            nowhere = np.empty(0, np.int64)
            return self.index.spans(UNPLACED, nowhere, nowhere)
        start = max(self.index.placed_end, self.header_end)
        return np.array([[start, max(start, self.data_end)]], np.uint64)


def _disjoint(asked: list[Region]) -> tuple[Places, Places]:
    """Begins and ends of the regions' union, ascending."""
    begs = np.array([region.start0 or 0 for region in asked], np.int64)
    ends = np.array([2**62 if r.end0 is None else r.end0 for r in asked], np.int64)
    rows = merged([np.stack([begs, ends], axis=1).astype(np.uint64)]).astype(np.int64)
    return rows[:, 0], rows[:, 1]


# The stored form


def dump(chart: Chart) -> bytes:
    """Magic, length and JSON of what is small, then the arrays."""
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
    try:
        if bytes(view[: len(_MAGIC)]) != _MAGIC:
            raise VaultBroken("A stored index is not one.")
        start = len(_MAGIC) + 8
        length = int.from_bytes(view[len(_MAGIC) : start], "little")
        small = json.loads(bytes(view[start : start + length]))
        arrays: dict[str, Any] = {
            name: np.frombuffer(view, _NUMBERS[kind], count, start + length + at)
            for name, (kind, at, count) in small["arrays"].items()
        }
        index = _FORMS[small["index"]](**small["values"], **arrays)
        return Chart(
            form=small["form"],
            size=small["size"],
            header_end=small["header_end"],
            data_end=small["data_end"],
            references=small["references"],
            index=index,
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise VaultBroken("A stored index is damaged.") from error
