"""One batch of the sorted Parquet file as the arrays and short lists a segment is written from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from beacon.catalog import Allele
from beacon.segment import blocks
from beacon.segment.blocks import UNKNOWN, Integers
from beacon.variation.alleles import CHROMOSOMES

_TYPES = pa.array(blocks.TYPES)
_SEQUENCES = ("SNP", "MNP", "INS", "DEL", "INDEL")  # types that may be written as bases
_LISTS = (
    "genes", "effects", "aminoacid_changes", "transcript_hgvs", "protein_hgvs", "changed_genes",
)  # fmt: skip
_PLAIN_RS = r"^rs[1-9][0-9]{0,17}$"
_LETTERS = np.zeros(256, dtype=np.int64)
_LETTERS[[ord(base) for base in blocks.BASES]] = np.arange(len(blocks.BASES))


class Batch:
    """`first` is the number of its first row."""

    def __init__(self, table: pa.Table, first: int) -> None:
        self._table = table.combine_chunks()
        self.count, self.first = len(table), first
        self.rank, self.start0 = self._integers("rank"), self._integers("start0")
        self.end0 = self._integers("end0")

    def _column(self, name: str) -> Any:
        chunks = self._table[name].chunks
        return chunks[0] if chunks else pa.array([], type=self._table.schema.field(name).type)

    def _integers(self, name: str) -> Integers:
        filled = self._column(name).cast(pa.int64()).fill_null(UNKNOWN)
        return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)

    @cached_property
    def _types(self) -> Integers:
        return np.asarray(pc.index_in(self._column("type"), _TYPES), dtype=np.int64)

    @cached_property
    def _single(self) -> NDArray[np.bool_]:
        """Single-base substitutions, which are one code."""
        lengths = [pc.binary_length(self._column(name)).to_numpy() for name in ("ref", "alt")]
        short = (lengths[0] == 1) & (lengths[1] == 1) & (self._types == 0)
        return np.asarray(short, dtype=np.bool_)

    def columns(self) -> dict[str, Integers]:
        """The columns of `beacon.segment.blocks`; of alleles beside the code, only where it says
        so."""
        names = ("ac", "an", "homozygotes", "hemizygotes")
        found = {name: self._integers(name) for name in names}
        found["start0"], found["code"] = self.start0, self._codes()
        found["carriers"] = np.full(self.count, UNKNOWN, dtype=np.int64)
        af = self._column("reference_af")
        bits = af.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float32).view(np.int32)
        found["af"] = np.where(af.is_null().to_numpy(zero_copy_only=False), UNKNOWN, bits)
        found["rs"] = np.full(self.count, UNKNOWN, dtype=np.int64)
        numbers, places = self.rs_numbers()
        found["rs"][places] = numbers
        others = ~self._single
        found["type"] = self._types[others]
        found["span"] = (self.end0 - self.start0)[others]
        found["length"] = self._integers("length")[others]
        return found

    def _codes(self) -> Integers:
        codes = np.full(self.count, blocks.OTHER, dtype=np.int64)
        mask = pa.array(self._single)
        # Texts of one character each, so their bytes lie one after the other.
        ref, alt = (
            _LETTERS[
                np.frombuffer(
                    "".join(self._column(name).filter(mask).to_pylist()).encode(), np.uint8
                )
            ]
            for name in ("ref", "alt")
        )
        codes[self._single] = 1 + ref * len(blocks.BASES) + alt
        return codes

    def _other_bases(self) -> Iterator[tuple[int, str, str]]:
        mask = pa.array(~self._single)
        refs, alts = (self._column(name).filter(mask).to_pylist() for name in ("ref", "alt"))
        yield from zip(np.flatnonzero(~self._single).tolist(), refs, alts, strict=True)

    def alleles(self) -> Iterator[Allele]:
        columns = (self._column(name).to_pylist() for name in ("ref", "alt"))
        for rank, start0, ref, alt in zip(
            self.rank.tolist(), self.start0.tolist(), *columns, strict=True
        ):
            yield Allele(CHROMOSOMES[rank - 1], start0, ref, alt)

    def texts(self) -> list[str]:
        return [f"{ref}\t{alt}" for _, ref, alt in self._other_bases()]

    def sequences(self) -> Iterator[tuple[int, str, str]]:
        """(place, REF, ALT) of the alleles beside the code that are written as bases."""
        for place, ref, alt in self._other_bases():
            if alt[0] != "<" and blocks.TYPES[self._types[place]] in _SEQUENCES:
                yield place, ref, alt

    # Calls

    @property
    def has_calls(self) -> bool:
        return self.count > 0 and self._column("samples").null_count == 0

    @cached_property
    def calls(self) -> tuple[Integers, NDArray[np.uint32], NDArray[np.uint16]]:
        """(ends by row from 0, samples, genotype codes)."""
        samples, codes = self._column("samples"), self._column("genotypes")
        ends = samples.offsets.to_numpy().astype(np.int64)
        return ends - ends[0], samples.flatten().to_numpy(), codes.flatten().to_numpy()

    def levels(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """(place, level of each of its calls) of the rows that have any."""
        column = self._column("levels")
        for place in np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)).tolist():
            yield place, column[place].values.to_numpy()

    # Names

    def places(self, kind: str) -> Iterator[tuple[str, Integers]]:
        """(name, places of the rows that have it) of types, genes or effects."""
        column = self._column(kind)
        if kind == "type":
            values, parents = column, np.arange(self.count)
        elif column.null_count == len(column):
            return
        else:
            values, parents = column.flatten(), pc.list_parent_indices(column).to_numpy()
        coded = values.dictionary_encode()
        codes = coded.indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
        for number, name in enumerate(coded.dictionary.to_pylist()):
            yield name, parents[order[bounds[number] : bounds[number + 1]]].astype(np.int64)

    @cached_property
    def _plain_rs(self) -> NDArray[np.bool_]:
        """Rows whose only identifier is one rsID."""
        column = self._column("identifiers")
        if column.null_count == len(column):
            return np.zeros(self.count, dtype=bool)
        plain = pc.match_substring_regex(pc.list_element(column, 0), _PLAIN_RS)
        both = pc.and_(plain, pc.equal(pc.list_value_length(column), 1))
        return np.asarray(pc.is_in(both, pa.array([True])).to_numpy(zero_copy_only=False))

    def rs_numbers(self) -> tuple[Integers, Integers]:
        """(numbers, places) of the rows whose only identifier is one rsID."""
        plain = self._plain_rs
        if not plain.any():
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        names = pc.list_element(self._column("identifiers").filter(pa.array(plain)), 0)
        numbers = pc.utf8_slice_codeunits(names, 2).cast(pa.int64()).to_numpy()
        return numbers, np.flatnonzero(plain)

    def notes(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(place, what is said) of the rows that say more than one rsID."""
        named = (*_LISTS, "identifiers", "populations")
        columns = {name: self._column(name) for name in named}
        some = {n: c for n, c in columns.items() if c.null_count < len(c)}
        if not some:
            return
        said = np.zeros(self.count, dtype=bool)
        for name, column in some.items():
            there = ~column.is_null().to_numpy(zero_copy_only=False)
            said |= there & ~self._plain_rs if name == "identifiers" else there
        mask = pa.array(said)
        lists = {name: column.filter(mask).to_pylist() for name, column in some.items()}
        for number, place in enumerate(np.flatnonzero(said).tolist()):
            note = {name: values[number] for name, values in lists.items() if values[number]}
            if "populations" in note:
                note["populations"] = [list(one.values()) for one in note["populations"]]
            if self._plain_rs[place]:
                note.pop("identifiers", None)
            yield place, note
