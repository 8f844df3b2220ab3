"""The ClickHouse form of a dataset version: variants in ClickHouse, people and records as ever.

Implements `beacon.catalog.Segment`. People and terms are bitmaps of the segment file, which every
replica holds; what grows with sites times people is the engine's. Questions become conditions in
`conditions`; joins stay inside the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from pyroaring import BitMap

from beacon import copy_number
from beacon.catalog import (
    Affecting,
    Allele,
    Annotations,
    InGene,
    PopulationCount,
    Segment,
    VariantPage,
    VariantQuestion,
    VariantRow,
)
from beacon.clickhouse import bitmaps, conditions
from beacon.clickhouse.conditions import Condition, Stored
from beacon.clickhouse.engine import Engine, Value
from beacon.errors import CatalogError, UnsupportedQuestion
from beacon.loading import genotypes
from beacon.segment.carriers import Manner
from beacon.segment.over import OverSegment
from beacon.segment.variant_rows import variant_id
from beacon.variation import alleles
from beacon.zygosity import ANY, Zygosities

MAX_CANDIDATES = 100_000
# Parallel arrays of a row, one item for each sample that carries it.
_ARRAYS = "samples, genotypes, levels"
_SO_CARRIED = (
    "(empty({codes:Array(UInt16)}) OR has({codes:Array(UInt16)}, g)) "
    "AND (empty({how_far:Array(UInt8)}) OR has({how_far:Array(UInt8)}, l))"
)
_RECORD = (
    "row", "rank", "start0", "end0", "ref", "alt", "type", "ac", "an", "carriers",
    "reference_af", "identifiers", "homozygotes", "hemizygotes", "genes", "effects",
    "aminoacid_changes", "transcript_hgvs", "protein_hgvs", "changed_genes", "populations",
    "reach_left", "reach_right",
)  # fmt: skip


_LISTS = (
    "genes", "effects", "aminoacid_changes", "transcript_hgvs", "protein_hgvs", "changed_genes",
)  # fmt: skip


class ClickHouseSegment(OverSegment):
    """`base` is the segment file of the same version, `name` its database (`schema.database`)."""

    def __init__(self, base: Segment, engine: Engine, name: str) -> None:
        super().__init__(base)
        self._engine, self._name = engine, name

    @property
    def waits(self) -> bool:
        return True

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        condition = self._condition(question)
        sql, values = condition.sql, dict(condition.values)
        mine = "1"
        if samples is not None:
            self._need_genotypes()
            people = bitmaps.bound("people", self.owners(samples))
            sql = (
                f"({sql}) AND row IN (SELECT row FROM {self._name}.carried "
                f"WHERE person IN {people.sql})"
            )
            chosen = bitmaps.bound("samples", samples)
            mine = f"bitmapContains({self._bitmap(chosen)}, s)"
            values |= {**people.values, **chosen.values}
        if (so := Manner(zygosity, copy_number.asked(question))).narrows:
            self._need_genotypes()
            sql = f"({sql}) AND arrayExists((s, g, l) -> {_SO_CARRIED} AND {mine}, {_ARRAYS})"
            values |= _values(so)
        elif samples is not None and self._shared:
            sql = f"{sql} AND arrayExists(s -> {mine}, samples)"
        ((total,),) = self._ask(f"SELECT count() FROM {self._name}.variants WHERE {sql}", values)
        if not limit or skip >= int(total):
            return VariantPage(int(total), ())
        values |= {"skip": skip, "limit": limit}
        rows = self._ask(
            f"SELECT {', '.join(_RECORD)} FROM {self._name}.variants WHERE {sql} "
            "ORDER BY row LIMIT {limit:UInt64} OFFSET {skip:UInt64}",
            values,
        )
        return VariantPage(int(total), tuple(self._record(row) for row in rows))

    def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
        self._need_genotypes()
        condition = self._condition(question)
        if (so := Manner(zygosity, copy_number.asked(question))).narrows:
            return self._carrying_so(condition, so)
        ((found,),) = self._ask(
            f"SELECT {bitmaps.gathered('number')} FROM (SELECT arrayJoin(samples) AS number "
            f"FROM {self._name}.variants WHERE {condition.sql})",
            condition.values,
        )
        return bitmaps.read(found)

    def _carrying_so(self, condition: Condition, so: Manner) -> BitMap:
        ((found,),) = self._ask(
            f"SELECT {bitmaps.gathered('number')} FROM ("
            f"SELECT arrayJoin(arrayFilter((s, g, l) -> {_SO_CARRIED}, {_ARRAYS})) AS number "
            f"FROM {self._name}.variants WHERE {condition.sql})",
            {**condition.values, **_values(so)},
        )
        return bitmaps.read(found)

    @cached_property
    def _shared(self) -> bool:
        """Whether some samples have their person in common: then who carries a variant does not say
        which of his does."""
        every = self.matching("genomicVariant", ())
        return len(self.owners(every)) < len(every)

    def _bitmap(self, samples: bitmaps.Bound) -> str:
        numbers = f"FROM {self._name}.samples WHERE number IN {samples.sql}"
        return f"(SELECT groupBitmapState(number) {numbers})"

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        found = self._ask(
            f"SELECT s.id, c.code FROM (SELECT number, code FROM {self._name}.variants "
            "ARRAY JOIN arraySlice(samples, 1, {limit:UInt32}) AS number, "
            "arraySlice(genotypes, 1, {limit:UInt32}) AS code WHERE row = {row:UInt32}) AS c "
            f"INNER JOIN {self._name}.samples AS s ON s.number = c.number ORDER BY c.number",
            {"row": row, "limit": limit},
        )
        return [(name, genotypes.text(code)) for name, code in found]

    def _condition(self, question: VariantQuestion | None) -> Condition:
        """One that is exact: what the engine cannot decide is decided here, row by row."""
        if question is None:
            return conditions.EVERYTHING
        if not self.supports(question):
            raise UnsupportedQuestion("This dataset holds no annotation that answers this.")
        if isinstance(question, Affecting):
            return conditions.affecting(question.rule, self._condition(question.within))
        by_spans = isinstance(question, InGene) and not self._annotated(question.gene)
        made = conditions.of(
            question,
            assembly=self.facts.assembly,
            by_spans=by_spans,
            compared=self.facts.justified,
        )
        return self._exact(made)

    def _exact(self, made: Condition) -> Condition:
        if made.keeps is None:
            return made
        candidates = self._ask(
            "SELECT row, rank, start0, end0, ref, alt, reach_left, reach_right "
            f"FROM {self._name}.variants WHERE {made.sql} LIMIT {MAX_CANDIDATES}",
            made.values,
        )
        if len(candidates) >= MAX_CANDIDATES:
            # Some that match may lie beyond: what was not looked at is not a no.
            raise CatalogError("too many variants lie here to be told apart", detail=self._name)
        kept = [row[0] for row in candidates if made.keeps(_stored(row))]
        if not kept and made.otherwise is not None:
            return self._exact(made.otherwise)
        rows = bitmaps.bound("kept", BitMap(kept))
        return Condition(f"row IN {rows.sql}", rows.values)

    def _annotated(self, gene: str) -> bool:
        return bool(
            self._ask(
                f"SELECT 1 FROM {self._name}.variants WHERE has(symbols, {{gene:String}}) LIMIT 1",
                {"gene": gene.upper()},
            )
        )

    def _record(self, row: Sequence[Any]) -> VariantRow:
        said = dict(zip(_RECORD, row, strict=True))
        chrom = alleles.CHROMOSOMES[said["rank"] - 1]
        allele = Allele(chrom, said["start0"], said["ref"], said["alt"])
        return VariantRow(
            row=said["row"],
            variant_id=variant_id(allele, said["end0"]),
            allele=allele,
            end0=said["end0"],
            variant_type=said["type"],
            allele_count=said["ac"],
            allele_number=said["an"],
            carriers=said["carriers"],
            reference_af=_single(said["reference_af"]),
            identifiers=tuple(said["identifiers"]),
            homozygotes=said["homozygotes"],
            hemizygotes=said["hemizygotes"],
            annotations=Annotations(*(tuple(said[name]) for name in _LISTS)),
            populations=tuple(PopulationCount(*each) for each in json.loads(said["populations"])),
            reach=(said["reach_left"], said["reach_right"]) if self.facts.justified else None,
        )

    def _ask(self, sql: str, values: Mapping[str, Value]) -> list[list[Any]]:
        return self._engine.ask(sql.replace("{db:Identifier}", self._name), **values)

    def _need_genotypes(self) -> None:
        if not self.facts.genotypes:
            raise UnsupportedQuestion("This dataset holds sites without genotypes.")


def _values(so: Manner) -> dict[str, list[int]]:
    """The codes of genotypes and of levels that are of it; empty for any."""
    codes = genotypes.so_carried(so.zygosity)
    return {
        "codes": np.flatnonzero(codes).tolist(),
        "how_far": sorted(level.code for level in so.levels),
    }


def _single(value: float | None) -> float | None:
    """ClickHouse writes a 32-bit number in as few digits as tell it apart from its neighbours."""
    return None if value is None else float(np.float32(value))


def _stored(row: Sequence[Any]) -> Stored:
    _, rank, start0, end0, ref, alt, left, right = row
    return Stored(Allele(alleles.CHROMOSOMES[rank - 1], start0, ref, alt), end0, left, right)
