"""The variants of one segment: which rows answer a question.

Beacon v2.2 genomic queries. A range matches any overlap with the original REF span, so `A`>`AC` is
found at its anchor and not beside it; an exact allele matches anchored or trimmed. Answers are
bitmaps of row numbers: counting makes no list. Blocks are `beacon.segment.variant_rows`', people
`beacon.segment.carriers`', opening the file and naming its failures `beacon.segments`'.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon.catalog import (
    Affecting,
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    ChangeWithin,
    Edited,
    InGene,
    Span,
    VariantQuestion,
)
from beacon.effect_rules import Cell
from beacon.errors import UnsupportedVariantType
from beacon.segment import blocks, sparse
from beacon.segment.allele_table import AlleleTable
from beacon.segment.blocks import Block, Integers
from beacon.segment.remembered import Remembered
from beacon.segment.span_table import SpanTable
from beacon.segment.variant_rows import Ask, VariantRows
from beacon.variation import alleles, identifiers


class VariantTable:
    """Questions of one segment; `ask` runs one statement."""

    def __init__(self, ask: Ask, rows: VariantRows, *, assembly: str) -> None:
        self._ask, self._rows, self._assembly = ask, rows, assembly
        self._spans = SpanTable(rows)
        self._marks: dict[str, BitMap] = {}
        unseen = ask("SELECT rows FROM marks WHERE kind = 'unseen'")
        self._unseen = BitMap.deserialize(unseen[0][0]) if unseen else BitMap()
        self._remembered = Remembered()  # rows of genes, also narrowed
        self._types = {name for (name,) in ask("SELECT name FROM marks WHERE kind = 'type'")}
        self._alleles = AlleleTable(ask, rows)

    def matching(self, question: VariantQuestion) -> BitMap:
        """Numbers of the matching rows."""
        match question:
            case ById(name):
                return self._alleles.by_id(name)
            case Allele():
                return self._present(self._alleles.allele(question))
            case Edited():
                return self._present(self._alleles.edited(question))
            case Span():
                found = self._narrowed(self._lying(question), question)
                return self._present(found) if question.exact else found
            case InGene():
                return self._remembered.of(
                    question, lambda: self._narrowed(self._in_gene(question.gene), question)
                )
            case AminoacidChange(change, gene):
                return self._change(change, gene)
            case ChangeWithin(change, within):
                return self._change_within(change, within)
            case ByIdentifier(name):
                return self._present(self._by_identifier(name))
            case Affecting(rule, within):
                rows = BitMap(range(self._rows.count)) if within is None else self.matching(within)
                return rule.kept(rows, self._having)
            case _ as unreachable:
                assert_never(unreachable)

    def beside(self, question: VariantQuestion) -> int:
        """A row near where this was looked for; any, where that is no place."""
        match question:
            case Allele() | Span() | Edited():
                rank = alleles.RANKS.get(question.chrom, 0)
                return max(self._rows.from_position(rank, question.start0) - 1, 0)
            case Affecting(within=within) if within is not None:
                return self.beside(within)
            case _:
                return hash(question)

    def _present(self, rows: BitMap) -> BitMap:
        """Without alleles that were looked for and found in nobody: a dataset that holds only calls
        of the reference answers no. Lists and ids still show them."""
        return rows - self._unseen if self._unseen else rows

    # Spans

    def _lying(self, asked: Span) -> BitMap:
        rank = alleles.RANKS.get(asked.chrom)
        if rank is None:
            return BitMap()
        if asked.starts is None and asked.ends is None:
            return self._spans.overlapping(rank, asked.start0, asked.end0)
        return self._spans.within(rank, asked.starts, asked.ends)

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
        if not rows:
            return rows
        kept: list[Integers] = []
        row: int | None = rows.min()
        last = rows.max()
        while row is not None:
            ((block, _, _),) = self._rows.pieces(row, row + 1)
            kept.append(np.flatnonzero(fits(block)) + block.first)
            after = block.first + block.count
            row = rows.next_set_bit(after) if after <= last else None
        return _bitmap(np.concatenate(kept)) & rows

    def _spelled(self, block: Block, *, side: int, pattern: str) -> NDArray[np.bool_]:
        """Rows whose REF or ALT is so spelled, as stored or trimmed."""
        fits = _fitting(pattern, side)[block.column("code")]
        if not len(block.other_places):
            return fits
        fits[block.other_places] = [
            any(alleles.bases_match(pattern, form) for form in forms)
            for forms in block.other_forms[side]
        ]
        return fits

    # Names

    def _in_gene(self, gene: str) -> BitMap:
        return self._remembered.of(gene.upper(), lambda: self._of_gene(gene.upper()))

    def _of_gene(self, gene: str) -> BitMap:
        sql = "SELECT rows FROM marks WHERE kind = 'genes' AND name = ?"
        if found := self._ask(sql, gene):
            return BitMap.deserialize(found[0][0])
        rows = BitMap()
        sql = "SELECT chrom, start0, end0 FROM gene_spans WHERE symbol = ?"
        for rank, start0, end0 in self._ask(sql, gene):
            rows |= self._spans.overlapping(rank, start0, end0)
        return rows

    def _having(self, effects: Cell) -> BitMap:
        """Rows with one of these effects."""

        def find() -> BitMap:
            sql = "SELECT rows FROM marks WHERE kind = 'effects' AND name = ?"
            found = (blob for term in effects for (blob,) in self._ask(sql, term))
            return BitMap.union(BitMap(), *map(BitMap.deserialize, found))

        return self._remembered.of(effects, find)

    def _change(self, change: str, gene: str | None) -> BitMap:
        where, values = ("", ()) if gene is None else (" AND gene = ?", (gene.upper(),))
        sql = f"SELECT row FROM changes WHERE change = ?{where}"  # noqa: S608 (a constant clause)
        return BitMap(row for (row,) in self._ask(sql, change, *values))

    def _change_within(self, asked: AminoacidChange, within: Span | InGene) -> BitMap:
        """The rows of a change are few, so these are narrowed."""
        rows = self._change(asked.change, asked.gene)
        in_place = self._lying(within) if isinstance(within, Span) else self._in_gene(within.gene)
        return self._narrowed(rows & in_place, within)

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


@lru_cache(64)
def _fitting(pattern: str, side: int) -> NDArray[np.bool_]:
    """Of each code, whether the substitution's REF or ALT fits."""
    codes = range(1, 1 + len(blocks.BASES) ** 2)
    fits = [alleles.bases_match(pattern, blocks.bases_of(code)[side]) for code in codes]
    return np.array([False, *fits])


def _within(block: Block, *, low: int, high: int | None) -> NDArray[np.bool_]:
    lengths = block.spread("length", otherwise=1)
    return (lengths >= low) & (lengths <= high) if high is not None else lengths >= low


def _bitmap(rows: NDArray[np.int64]) -> BitMap:
    return sparse.bitmap(rows) if len(rows) else BitMap()
