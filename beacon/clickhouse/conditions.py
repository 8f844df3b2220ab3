"""What a question about variants is as a condition on the `variants` table.

Pure texts with values bound beside them. Where equality of alleles cannot be said in SQL (shifted
spellings, N for any base), the condition takes in all that could match and `keeps` decides each,
by the very rules of the other engine: `beacon.variation.justify` and `beacon.variation.alleles`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    ChangeWithin,
    Edited,
    InGene,
    Replacement,
    Span,
    WithoutEffects,
)
from beacon.clickhouse.engine import Value
from beacon.effect_rules import EffectRule
from beacon.errors import UnsupportedVariantType
from beacon.segment.variant_rows import variant_id
from beacon.variation import alleles, any_base, identifiers, justify, naming, vrs
from beacon.variation.justify import Justified

_MAX_DIGITS = 10
_NOBODY = "NOT (ac = 0 AND an > 0)"
_EVERYWHERE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Stored:
    """What `keeps` may look at: a stored allele, its end0, and how far it can be moved."""

    allele: Allele
    end0: int
    left: int
    right: int

    @property
    def justified(self) -> Justified:
        return Justified(alleles.trimmed(self.allele), self.left, self.right)

    @property
    def spelled(self) -> bool:
        return not self.allele.alt.strip("ACGTN")


@dataclass(frozen=True, slots=True)
class Condition:
    """`sql` with its values; with `keeps`, only those of the rows it finds that are kept; where
    that is none, `otherwise`."""

    sql: str
    values: Mapping[str, Value] = field(default_factory=dict)
    keeps: Callable[[Stored], bool] | None = None
    otherwise: Condition | None = None


NOTHING = Condition("0")
EVERYTHING = Condition("1")


def of(
    question: WithoutEffects, *, assembly: str, by_spans: bool, compared: bool = False
) -> Condition:
    """`by_spans`: genes are spans of a table, because no variant is annotated with this one;
    `compared`: the dataset was, with a reference."""
    match question:
        case ById(name):
            return _by_id(name, compared=compared)
        case Allele():
            return _present(_allele(question, compared=compared))
        case Edited():
            return _present(_edited(question))
        case Span():
            found = _narrowed(_span(question), question)
            return _present(found) if question.exact else found
        case InGene():
            return _narrowed(_in_gene(question.gene, by_spans=by_spans), question)
        case AminoacidChange(change, gene):
            return _change(change, gene)
        case ChangeWithin(AminoacidChange(change, gene), within):
            return _both(
                _change(change, gene),
                of(within, assembly=assembly, by_spans=by_spans, compared=compared),
            )
        case ByIdentifier(name):
            return _present(_named(name, assembly))
        case _ as unreachable:
            assert_never(unreachable)


def affecting(rule: EffectRule, found: Condition) -> Condition:
    """Those of what is found, which is exact, that the rule leaves."""
    values = {f"effects{at}": list(cell) for at, cell in enumerate(rule.cells)}
    sql = _by_table(rule.table, 0)
    return Condition(f"({found.sql}) AND ({sql})", {**found.values, **values})


def _by_table(table: str, at: int) -> str:
    if "0" not in table or "1" not in table:
        return table[0]
    middle = len(table) // 2
    having = f"hasAny(effects, {{effects{at}:Array(String)}})"
    without, among = _by_table(table[:middle], at + 1), _by_table(table[middle:], at + 1)
    return f"if({having}, {among}, {without})"


def _present(condition: Condition) -> Condition:
    return Condition(f"({condition.sql}) AND {_NOBODY}", condition.values, condition.keeps)


def _both(annotated: Condition, placed: Condition) -> Condition:
    """Two that are decided in SQL, by values of different names."""
    return Condition(f"({annotated.sql}) AND ({placed.sql})", {**annotated.values, **placed.values})


# Alleles


def _by_id(name: str, *, compared: bool) -> Condition:
    chrom, _, rest = name.partition("-")
    position, _, bases = rest.partition("-")
    if chrom not in alleles.RANKS or not position.isdecimal() or len(position) > _MAX_DIGITS:
        return NOTHING
    start0 = int(position) - 1
    ref, _, alt = bases.partition("-")
    spelled = ref and alt and not (ref + alt).strip("ACGT") and ref != alt
    return Condition(
        "rank = {rank:UInt8} AND start0 = {at:Int64}",
        {"rank": alleles.RANKS[chrom], "at": start0},
        lambda stored: variant_id(stored.allele, stored.end0) == name,
        _allele(Allele(chrom, start0, ref, alt), compared=compared) if spelled else None,
    )


def _reaching(chrom: str, first: int, last: int) -> Condition:
    """What can be written at one of these places."""
    return Condition(
        "rank = {rank:UInt8} AND core_start0 - reach_left <= {last:Int64} "
        "AND core_start0 + reach_right >= {first:Int64} "
        "AND start0 >= {first:Int64} - {far:Int64} AND start0 <= {last:Int64} + {far:Int64}",
        {"rank": alleles.RANKS[chrom], "first": first, "last": last,
         "far": 2 * justify.MAX_SHIFT + 1_000},
    )  # fmt: skip


def _allele(asked: Allele, *, compared: bool) -> Condition:
    if asked.chrom not in alleles.RANKS:
        return NOTHING
    if isinstance(asked, Replacement):
        near = _reaching(asked.chrom, asked.start0, asked.start0)
        return replace(near, keeps=lambda stored: justify.replaces(asked, stored.justified))
    ref, alt = asked.ref.upper(), asked.alt.upper()
    if ref and alt and "N" in ref + alt:
        return _patterned(replace(asked, ref=ref, alt=alt), compared=compared)
    core = alleles.trimmed(asked)
    if core.ref and core.alt:
        return Condition(
            "rank = {rank:UInt8} AND core_start0 = {at:Int64} "
            "AND core_ref = {ref:String} AND core_alt = {alt:String}",
            {
                "rank": alleles.RANKS[core.chrom],
                "at": core.start0,
                "ref": core.ref,
                "alt": core.alt,
            },
            lambda stored: alleles.trimmed(stored.allele) == core,
        )
    near = _reaching(core.chrom, core.start0, core.start0)
    stated = Allele(asked.chrom, asked.start0, ref, alt)

    def keeps(stored: Stored) -> bool:
        change = stored.justified
        same = stored.spelled and justify.same(core, change)
        return same and (not compared or justify.agrees(stated, change))

    return Condition(near.sql, near.values, keeps)


def _patterned(asked: Allele, *, compared: bool) -> Condition:
    readings = any_base.readings(asked)
    if not readings:
        return NOTHING

    def keeps(stored: Stored) -> bool:
        change = stored.justified
        same = justify.is_one_of(readings, change, compared=compared)
        return same and (not compared or justify.agrees(asked, change))

    starts = [reading.core.start0 for reading in readings]
    near = _reaching(asked.chrom, min(starts), max(starts))
    return Condition(near.sql, near.values, keeps)


def _edited(asked: Edited) -> Condition:
    if asked.chrom not in alleles.RANKS:
        return NOTHING
    start0, end0 = asked.start0, asked.end0

    def symbolic(stored: Stored) -> bool:
        allele = stored.allele
        ends = (allele.start0 + 1, stored.end0) == (start0, end0)
        return ends and allele.alt[:1] == "<" and alleles.variant_type(allele) == asked.change

    def spelled(stored: Stored) -> bool:
        allele = stored.allele
        if asked.change == "INV":
            return justify.inverts(allele, start0, end0)
        fits = justify.deletes if asked.change == "DEL" else justify.duplicates
        return stored.spelled and fits(stored.justified, start0, end0)

    near = _reaching(asked.chrom, start0, start0)
    return Condition(
        f"({near.sql}) OR (rank = {{rank:UInt8}} "
        "AND start0 IN ({first:Int64} - 1, {first:Int64}))",
        near.values,
        lambda stored: symbolic(stored) or spelled(stored),
    )


# Spans and genes


def _span(asked: Span) -> Condition:
    rank = alleles.RANKS.get(asked.chrom)
    if rank is None:
        return NOTHING
    if asked.starts is None and asked.ends is None:
        if asked.end0 <= asked.start0:
            return NOTHING
        return Condition(
            "rank = {rank:UInt8} AND start0 < {end:Int64} AND end0 > {start:Int64}",
            {"rank": rank, "start": asked.start0, "end": asked.end0},
        )
    starts = asked.starts or (0, asked.ends[1] if asked.ends else 0)
    ends = asked.ends or (0, _EVERYWHERE)
    return Condition(
        "rank = {rank:UInt8} AND start0 >= {s0:Int64} AND start0 < {s1:Int64} "
        "AND end0 >= {e0:Int64} AND end0 < {e1:Int64}",
        {"rank": rank, "s0": starts[0], "s1": starts[1], "e0": ends[0], "e1": ends[1]},
    )


def _in_gene(gene: str, *, by_spans: bool) -> Condition:
    if not by_spans:
        return Condition("has(symbols, {gene:String})", {"gene": gene.upper()})
    return Condition(
        "row IN (SELECT v.row FROM {db:Identifier}.variants AS v "
        "CROSS JOIN {db:Identifier}.gene_spans AS g "
        "WHERE g.symbol = {gene:String} AND v.rank = g.rank "
        "AND v.start0 < g.end0 AND v.end0 > g.start0)",
        {"gene": gene.upper()},
    )


def _narrowed(condition: Condition, asked: Span | InGene) -> Condition:
    parts, values = [f"({condition.sql})"], dict(condition.values)
    if asked.variant_type is not None:
        types = alleles.types_matching(asked.variant_type)
        if types is None:
            raise UnsupportedVariantType("this variantType is not in the vocabulary")
        parts.append("type IN {types:Array(String)}")
        values["types"] = sorted(types)
    if asked.min_length is not None:
        parts.append("length >= {shortest:Int64}")
        values["shortest"] = asked.min_length
    if asked.max_length is not None:
        parts.append("length <= {longest:Int64}")
        values["longest"] = asked.max_length
    for name, bases in (("ref", asked.ref), ("alt", asked.alt)):
        if bases is not None:
            # Of the letters only A, C, G, T and N reach here; N is any one base, and no letter of
            # a symbol. The base of a breakend is its anchor, which is not cut off.
            pattern = f"^{bases.upper().replace('N', '[ACGTN]')}$"
            parts.append(
                f"(match({name}, {{{name}_form:String}}) "
                f"OR (type != 'BND' AND match(core_{name}, {{{name}_form:String}})))"
            )
            values[f"{name}_form"] = pattern
    return Condition(" AND ".join(parts), values, condition.keeps)


# Names


def _change(change: str, gene: str | None) -> Condition:
    if gene is None:
        return Condition("has(aminoacid_changes, {change:String})", {"change": change})
    return Condition(
        # The symbols have an index; what is of one transcript is told apart among their rows.
        "has(symbols, {changed:String}) AND arrayExists((c, g) -> c = {change:String} "
        "AND upperUTF8(g) = {changed:String}, aminoacid_changes, changed_genes)",
        {"change": change, "changed": gene.upper()},
    )


def _named(name: str, assembly: str) -> Condition:
    if identifiers.kind(name) is identifiers.Kind.VRS:

        def keeps(stored: Stored) -> bool:
            reach = (stored.left, stored.right)
            found = naming.names(stored.allele, reach, assembly=assembly)
            return found is not None and found.vrs == name

        return Condition("vrs = {vrs:UInt64}", {"vrs": vrs_key(vrs.digest_of(name))}, keeps)
    number = identifiers.rs_number(name)
    plain = f"rs{number}" if number is not None else identifiers.normal(name)
    return Condition("has(names, {name:String})", {"name": plain})


def vrs_key(digest: bytes) -> int:
    """The first six bytes of a VRS digest find its row; the whole is compared after."""
    return int.from_bytes(digest[:6], "big")
