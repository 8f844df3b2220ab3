"""The variants of one segment: questions about alleles, ranges and brackets as SQL.

Beacon v2.2 genomic queries. A range matches any overlap with the original REF span, so `A`>`AC` is
found at its anchor and not beside it; an exact allele matches anchored or trimmed. Opening the file
and naming its failures is left to `beacon.segments`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from pyroaring import BitMap

from beacon import alleles
from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    InGene,
    Span,
    VariantQuestion,
    VariantRow,
)
from beacon.errors import UnsupportedQuestion, UnsupportedVariantType
from beacon.segment_file import LONG_SPAN

# N is any base; the characters GLOB would take as its own stand for themselves.
_GLOB = {"N": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_COLUMNS = (
    "row, variant_id, chrom, start0, ref, alt, end0, type, ac, an, carriers, reference_af, "
    "identifiers"
)


class VariantTable:
    """`ask` runs one statement; `count` is the number of rows, which are dense from 0."""

    def __init__(self, ask: Callable[..., list[Any]], count: int) -> None:
        self._ask = ask
        self._count = count

    def matching(self, question: VariantQuestion | None) -> list[int]:
        """Numbers of the matching rows, in order."""
        match question:
            case None:
                return list(range(self._count))
            case ById(variant_id):
                found = self._ask("SELECT row FROM variants WHERE variant_id = ?", variant_id)
            case Allele():
                found = self._allele(question)
            case Span():
                found = self._span(question)
            case InGene() | AminoacidChange() | ByIdentifier():
                raise UnsupportedQuestion("this dataset holds no annotations")
            case _ as unreachable:
                assert_never(unreachable)
        return sorted(row for (row,) in found)

    def _allele(self, asked: Allele) -> list[tuple[int]]:
        rank = alleles.RANKS.get(asked.chrom)
        ref, alt = asked.ref.upper(), asked.alt.upper()
        if "N" in ref or "N" in alt:
            # N stands for any base, so trimming could remove what it must match.
            return [
                (row,)
                for row, stored_ref, stored_alt in self._ask(
                    "SELECT row, ref, alt FROM variants WHERE chrom = ? AND start0 = ?",
                    *(rank, asked.start0),
                )
                if alleles.bases_match(ref, stored_ref) and alleles.bases_match(alt, stored_alt)
            ]
        core = alleles.trimmed(asked)
        return self._ask(
            "SELECT row FROM variants WHERE chrom = ? AND core_start0 = ? AND core_ref = ? "
            "AND core_alt = ?",
            *(rank, core.start0, core.ref, core.alt),
        )

    def _span(self, asked: Span) -> list[tuple[int]]:
        where, values = _narrowing(asked)
        rank, start0, end0 = alleles.RANKS.get(asked.chrom), asked.start0, asked.end0
        if asked.starts is not None:
            first, last = asked.starts
            where, values = [*where, "start0 >= ? AND start0 < ?"], [*values, first, last]
        if asked.ends is not None:
            where, values = [*where, "end0 >= ? AND end0 < ?"], [*values, *asked.ends]
        if asked.starts is not None or asked.ends is not None:
            low, high = asked.starts or (0, (asked.ends or (0, 0))[1])
            return self._select("", where, values, between=(rank, low, high))
        overlap = [*where, "end0 > ?"]
        short = self._select(
            *("AND end0 - start0 <= 1000", overlap, [*values, start0]),
            between=(rank, start0 - LONG_SPAN, end0),
        )
        long = self._select(
            *("AND end0 - start0 > 1000", overlap, [*values, start0]), between=(rank, 0, end0)
        )
        return short + long

    def _select(
        self, length: str, where: list[str], values: list[Any], *, between: tuple[Any, int, int]
    ) -> list[tuple[int]]:
        clauses = " AND ".join(["chrom = ? AND start0 >= ? AND start0 < ?", *where])
        sql = f"SELECT row FROM variants WHERE {clauses} {length}"  # noqa: S608 (constant clauses, bound values)
        return self._ask(sql, *between, *values)

    def carriers(self, row: int) -> BitMap:
        ((blob,),) = self._ask("SELECT people FROM carriers WHERE row = ?", row)
        return BitMap.deserialize(blob)

    def _sample(self, number: int) -> str:
        ((name,),) = self._ask("SELECT id FROM samples WHERE number = ?", number)
        return str(name)

    def variant(self, row: int) -> VariantRow:
        sql = f"SELECT {_COLUMNS} FROM variants WHERE row = ?"  # noqa: S608 (constant columns)
        ((number, name, rank, start0, ref, alt, end0, *rest),) = self._ask(sql, row)
        kind, count, total, carriers, frequency, identifiers = rest
        return VariantRow(
            row=number,
            variant_id=name,
            allele=Allele(alleles.CHROMOSOMES[rank - 1], start0, ref, alt),
            end0=end0,
            variant_type=kind,
            allele_count=count,
            allele_number=total,
            carriers=carriers,
            reference_af=frequency,
            identifiers=tuple(identifiers.split("\n")) if identifiers else (),
        )

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        found: list[tuple[int, str]] = []
        for genotype, blob in self._ask(
            "SELECT genotype, samples FROM genotypes WHERE row = ?", row
        ):
            # No page of calls needs more than `limit` of one genotype.
            found.extend((number, genotype) for number in BitMap.deserialize(blob)[:limit])
        return [(self._sample(n), genotype) for n, genotype in sorted(found)[:limit]]


def _narrowing(asked: Span) -> tuple[list[str], list[Any]]:
    """SQL conditions on bases, type and length, and their values."""
    where: list[str] = []
    values: list[Any] = []
    for column, bases in (("ref", asked.ref), ("alt", asked.alt)):
        if bases is not None:
            pattern = "".join(_GLOB.get(base, base) for base in bases.upper())
            where.append(f"({column} GLOB ? OR core_{column} GLOB ?)")
            values += [pattern, pattern]
    if asked.variant_type is not None:
        types = alleles.types_matching(asked.variant_type)
        if types is None:
            raise UnsupportedVariantType("this variantType is not in the vocabulary")
        where.append(f"type IN ({','.join('?' * len(types))})")
        values += sorted(types)
    if asked.min_length is not None:
        where, values = [*where, "length >= ?"], [*values, asked.min_length]
    if asked.max_length is not None:
        where, values = [*where, "length <= ?"], [*values, asked.max_length]
    return where, values
