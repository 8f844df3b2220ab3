"""The variants of one segment: which rows answer a question.

Beacon v2.2 genomic queries. A range matches any overlap with the original REF span, so `A`>`AC` is
found at its anchor and not beside it; an exact allele matches anchored or trimmed. Answers are
bitmaps of row numbers: counting makes no list. Blocks are `beacon.variant_rows`', people
`beacon.carriers`', opening the file and naming its failures `beacon.segments`'.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon import alleles, blocks, identifiers, sparse
from beacon.allele_table import AlleleTable
from beacon.blocks import LONG_SPAN, Block
from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    Edited,
    InGene,
    Span,
    VariantQuestion,
)
from beacon.errors import UnsupportedVariantType
from beacon.variant_rows import Ask, VariantRows

_COLUMNS_OF_LONG = ("rank", "start0", "end0", "row")


class VariantTable:
    """Questions of one segment; `ask` runs one statement."""

    def __init__(self, ask: Ask, rows: VariantRows, *, assembly: str) -> None:
        self._ask, self._rows, self._assembly = ask, rows, assembly
        long = rows.array("long", np.dtype(np.int64)).reshape(-1, len(_COLUMNS_OF_LONG))
        self._long = {name: long[:, place] for place, name in enumerate(_COLUMNS_OF_LONG)}
        self._long_keys = self._long["rank"] << 32 | self._long["start0"]
        self._marks: dict[str, BitMap] = {}
        self._types = {name for (name,) in ask("SELECT name FROM marks WHERE kind = 'type'")}
        self._alleles = AlleleTable(ask, rows)

    def matching(self, question: VariantQuestion) -> BitMap:
        """Numbers of the matching rows."""
        match question:
            case ById(name):
                return self._alleles.by_id(name)
            case Allele():
                return self._alleles.allele(question)
            case Edited():
                return self._alleles.edited(question)
            case Span():
                return self._span(question)
            case InGene():
                return self._narrowed(self._in_gene(question.gene), question)
            case AminoacidChange(change, gene):
                return self._change(change, gene)
            case ByIdentifier(name):
                return self._by_identifier(name)
            case _ as unreachable:
                assert_never(unreachable)

    # Spans

    def _span(self, asked: Span) -> BitMap:
        rank = alleles.RANKS.get(asked.chrom)
        if rank is None:
            return BitMap()
        if asked.starts is None and asked.ends is None:
            return self._narrowed(self._overlapping(rank, asked.start0, asked.end0), asked)
        return self._narrowed(self._bracket(rank, asked), asked)

    def _overlapping(self, rank: int, start0: int, end0: int) -> BitMap:
        if end0 <= start0:
            return BitMap()
        first, last = self._rows.between(rank, start0, end0)
        found = BitMap(range(first, last))
        back = self._rows.from_position(rank, start0 - LONG_SPAN)
        for block, low, high in self._rows.pieces(back, first):
            ends = block.column("start0")[low:high] + block.spread("span", otherwise=1)[low:high]
            found |= _bitmap(np.flatnonzero(ends > start0) + block.first + low)
        return found | self._long_rows(rank, (0, start0), (start0 + 1, None))

    def _long_rows(
        self, rank: int, starts: tuple[int, int], ends: tuple[int, int | None]
    ) -> BitMap:
        """Alleles longer than `LONG_SPAN` that begin and end in these half-open windows."""
        low, high = (rank << 32 | min(max(start0, 0), 2**31) for start0 in starts)
        first, last = np.searchsorted(self._long_keys, [low, high])
        end0 = self._long["end0"][first:last]
        fits = end0 >= ends[0]
        if ends[1] is not None:
            fits &= end0 < ends[1]
        return _bitmap(self._long["row"][first:last][fits])

    def _bracket(self, rank: int, asked: Span) -> BitMap:
        if asked.ends is None:
            return BitMap(range(*self._rows.between(rank, *(asked.starts or (0, 0)))))
        low, high = asked.ends
        starts = asked.starts or (0, high)
        found = self._long_rows(rank, starts, (low, high))
        # Shorter ones end within `LONG_SPAN` of their start, so most of the window is not read.
        near = max(starts[0], low - LONG_SPAN - 1), min(starts[1], high)
        if near[0] < near[1]:
            for block, first, last in self._rows.pieces(*self._rows.between(rank, *near)):
                spans = block.spread("span", otherwise=1)[first:last]
                ends = block.column("start0")[first:last] + spans
                fits = (ends >= low) & (ends < high) & (spans <= LONG_SPAN)
                found |= _bitmap(np.flatnonzero(fits) + block.first + first)
        return found

    # Narrowing

    def _narrowed(self, rows: BitMap, asked: Span | InGene) -> BitMap:
        if asked.variant_type is not None:
            rows = self._of_types(rows, asked.variant_type)
        if asked.min_length is not None and asked.min_length > 1:
            rows = rows - self._substitutions(rows)
        if asked.min_length is not None or asked.max_length is not None:
            low, high = asked.min_length or 0, asked.max_length
            rows = self._kept(rows, partial(_within, low=low, high=high))
        for side, bases in enumerate((asked.ref, asked.alt)):
            if bases is not None:
                fits = partial(self._spelled, side=side, pattern=bases.upper())
                rows = self._kept(rows, fits)
        return rows

    def _of_types(self, rows: BitMap, asked: str) -> BitMap:
        types = alleles.types_matching(asked)
        if types is None:
            raise UnsupportedVariantType("this variantType is not in the vocabulary")
        found = BitMap()
        for name in types & self._types:
            found |= rows & self._marked(name)
        return found | self._substitutions(rows) if "SNP" in types else found

    def _substitutions(self, rows: BitMap) -> BitMap:
        for name in self._types:
            rows = rows - self._marked(name)
        return rows

    def _marked(self, name: str) -> BitMap:
        if name not in self._marks:
            sql = "SELECT rows FROM marks WHERE kind = 'type' AND name = ?"
            self._marks[name] = BitMap.deserialize(self._ask(sql, name)[0][0])
        return self._marks[name]

    def _kept(self, rows: BitMap, fits: Callable[[Block], NDArray[np.bool_]]) -> BitMap:
        """Those of `rows` whose place in their block fits."""
        kept = BitMap()
        row = rows.next_set_bit(0) if rows else None
        while row is not None:
            ((block, _, _),) = self._rows.pieces(row, row + 1)
            kept |= _bitmap(np.flatnonzero(fits(block)) + block.first)
            after = block.first + block.count
            row = rows.next_set_bit(after) if after <= rows.max() else None
        return kept & rows

    def _spelled(self, block: Block, *, side: int, pattern: str) -> NDArray[np.bool_]:
        """Rows whose REF or ALT is so spelled, as stored or trimmed."""
        fitting = [
            code
            for code in range(1, 1 + len(blocks.BASES) ** 2)
            if alleles.bases_match(pattern, blocks.bases_of(code)[side])
        ]
        fits = np.isin(block.column("code"), fitting)
        for place in block.other_places.tolist():
            allele, _ = self._rows.stored(block, place)
            core = alleles.trimmed(allele)
            forms = (allele.ref, core.ref) if side == 0 else (allele.alt, core.alt)
            fits[place] = any(alleles.bases_match(pattern, form) for form in forms)
        return fits

    # Names

    def _in_gene(self, gene: str) -> BitMap:
        sql = "SELECT rows FROM marks WHERE kind = 'genes' AND name = ?"
        if found := self._ask(sql, gene.upper()):
            return BitMap.deserialize(found[0][0])
        rows = BitMap()
        sql = "SELECT chrom, start0, end0 FROM gene_spans WHERE symbol = ?"
        for rank, start0, end0 in self._ask(sql, gene.upper()):
            rows |= self._overlapping(rank, start0, end0)
        return rows

    def _change(self, change: str, gene: str | None) -> BitMap:
        where, values = ("", ()) if gene is None else (" AND gene = ?", (gene.upper(),))
        sql = f"SELECT row FROM changes WHERE change = ?{where}"  # noqa: S608 (a constant clause)
        return BitMap(row for (row,) in self._ask(sql, change, *values))

    def _by_identifier(self, name: str) -> BitMap:
        if identifiers.kind(name) is identifiers.Kind.VRS:
            return self._alleles.with_vrs_id(name, assembly=self._assembly)
        number = identifiers.rs_number(name)
        if number is not None:
            found = self._ask("SELECT row FROM rsids WHERE number = ?", number)
        else:
            plain = identifiers.normal(name)
            found = self._ask("SELECT row FROM names WHERE name = ?", plain)
        return BitMap(row for (row,) in found)


def _within(block: Block, *, low: int, high: int | None) -> NDArray[np.bool_]:
    lengths = block.spread("length", otherwise=1)
    return (lengths >= low) & (lengths <= high) if high is not None else lengths >= low


def _bitmap(rows: NDArray[np.int64]) -> BitMap:
    return sparse.bitmap(rows) if len(rows) else BitMap()
