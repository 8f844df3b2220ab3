"""What filters on effects leave: equal questions are one rule, and a rule leaves what was asked."""

# ruff: noqa: S311 - seeds of examples

from __future__ import annotations

import random
from itertools import product

import pytest
from pyroaring import BitMap

from beacon import effects
from beacon.effect_rules import MAX_CELLS, EffectRule, Either, Formula, either, lacking, rule
from beacon.errors import BadQuestion

EFFECTS = "abcdef"
# A variant for each set of effects that one may have.
VARIANTS = [
    frozenset(one for one, had in zip(EFFECTS, row, strict=True) if had)
    for row in product((False, True), repeat=len(EFFECTS))
]


def of(names: str) -> frozenset[str]:
    return frozenset(names)


def holds(formula: Formula, had: frozenset[str]) -> bool:
    if isinstance(formula, frozenset):
        return bool(formula & had)
    if isinstance(formula, Either):
        return any(holds(each, had) for each in formula.of)
    return not holds(formula.of, had)


def drawn(draw: random.Random, depth: int = 0) -> Formula:
    if depth == 3 or draw.random() < 0.5:
        return frozenset(draw.sample(EFFECTS, draw.randint(1, 4)))
    if draw.random() < 0.5:
        return either([drawn(draw, depth + 1) for _ in range(draw.randint(1, 3))])
    return lacking(drawn(draw, depth + 1))


def left(made: EffectRule) -> list[int]:
    every = BitMap(range(len(VARIANTS)))
    return list(made.kept(every, lambda cell: BitMap(n for n in every if VARIANTS[n] & {*cell})))


def test_rules_are_equal_where_they_always_leave_the_same_and_nowhere_else() -> None:
    draw = random.Random(41)
    known: dict[tuple[int, ...], EffectRule] = {}
    for _ in range(1_500):
        every = [drawn(draw) for _ in range(draw.randint(1, 3))]
        asked = [n for n, had in enumerate(VARIANTS) if all(holds(each, had) for each in every)]
        made = rule(every)
        assert left(made) == asked
        assert known.setdefault(tuple(asked), made) == made
    assert len(set(known.values())) == len(known) > 500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([of("a"), of("ab")], [of("a")]),
        ([of("a"), of("a")], [of("a")]),
        ([either([of("a"), of("b")])], [of("ba")]),
        ([lacking(of("a")), lacking(of("b"))], [lacking(of("ab"))]),
        ([lacking(either([lacking(of("a")), lacking(of("b"))]))], [of("b"), of("a")]),
        ([of("a"), either([of("c"), lacking(of("c"))])], [of("a")]),
        ([either([of("a"), lacking(of("b"))])], [either([lacking(of("b")), of("a")])]),
    ],
)
def test_spellings_of_one_question_are_one_rule(one: list[Formula], other: list[Formula]) -> None:
    assert rule(one) == rule(other)


def test_what_never_and_what_always_holds_names_no_effect() -> None:
    assert rule([of("a"), lacking(of("ab"))]) == EffectRule((), "0")
    assert rule([either([of("a"), lacking(of("a"))])]) == EffectRule((), "1")


def test_more_sorts_of_effects_than_can_be_told_apart_are_refused() -> None:
    most = [of(chr(ord("a") + number)) for number in range(MAX_CELLS)]
    assert len(rule(most).cells) == MAX_CELLS
    with pytest.raises(BadQuestion, match=str(MAX_CELLS)):
        rule([*most, of("z")])
    assert rule([either([*most, of("z")])]).table == "01"  # alternatives are one sort


# The vocabulary


def test_every_term_is_once_there_and_lies_below_the_root() -> None:
    assert len(effects.EFFECTS) == len(effects.LABELS) == len(effects.PARENTS)
    apart = {effects.EFFECTS["intergenic_region"]}
    assert effects.within(effects.EFFECTS["sequence_variant"]) == effects.LABELS.keys() - apart
    assert all(term.startswith("SO:") and len(term) == 10 for term in effects.LABELS)


@pytest.mark.parametrize(
    ("above", "below", "beside"),
    [
        ("missense_variant", "rare_amino_acid_variant", "synonymous_variant"),
        ("protein_altering_variant", "stop_gained", "stop_retained_variant"),
        ("coding_sequence_variant", "stop_retained_variant", "5_prime_UTR_variant"),
        ("splice_site_variant", "splice_donor_variant", "splice_region_variant"),
        ("splicing_variant", "splice_polypyrimidine_tract_variant", "intron_variant"),
        ("intron_variant", "splice_acceptor_variant", "splice_region_variant"),
        ("intergenic_variant", "upstream_gene_variant", "intergenic_region"),
        ("feature_truncation", "inframe_deletion", "inframe_insertion"),
        ("feature_ablation", "TFBS_ablation", "TFBS_amplification"),
        ("exon_variant", "frameshift_variant", "NMD_transcript_variant"),
    ],
)
def test_terms_lie_below_each_other_as_in_the_sequence_ontology(
    above: str, below: str, beside: str
) -> None:
    found = effects.within(effects.EFFECTS[above])
    assert effects.EFFECTS[below] in found
    assert effects.EFFECTS[beside] not in found


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("missense_variant", "SO:0001583"),
        ("Missense variant", "SO:0001583"),
        ("  5 prime utr variant ", "SO:0001623"),
        ("missense", None),
        ("", None),
    ],
)
def test_an_effect_has_a_name_in_any_case(word: str, term: str | None) -> None:
    assert effects.named(word) == term
