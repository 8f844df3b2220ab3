"""Parts filters on records from those on variants: how they are carried, and what they do.

Both are our reading of Beacon v2.2 filters with scope `genomicVariant`. A zygosity is of one
carrier of one variant; several are alternatives, as values of one field are. Effects are terms of
`molecularAttributes.molecularEffects`, of which a variant has many, so several must all hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from beacon import effect_rules, effects, zygosity
from beacon.catalog import AnyOf, Compare, HasTerm, Leaf, Not, Predicate
from beacon.effect_rules import EffectRule, Formula, Having
from beacon.errors import UnsupportedQuestion
from beacon.filters import Filter
from beacon.segment.bitmaps import is_like
from beacon.zygosity import ANY, Zygosities, Zygosity

FIELD: Final = "molecularAttributes.molecularEffects"
_FIELDS: Final = frozenset({FIELD, "molecularEffects"})
_SCOPES: Final = (None, "genomicVariant")
_ALL: Final = frozenset(effects.LABELS)


class Parted(NamedTuple):
    """`asked` are the filters that make up `effects`, as they are spelled."""

    records: tuple[Filter, ...] = ()
    zygosity: Zygosities = ANY
    effects: EffectRule | None = None
    asked: tuple[str, ...] = ()


NONE: Final = Parted()


@lru_cache(256)
def parted(filters: tuple[Filter, ...]) -> Parted:
    records: list[Filter] = []
    wanted: set[Zygosity] = set()
    doing: list[Filter] = []
    for each in filters:
        if any(map(_zygosity, each.leaves)):
            wanted |= _zygosities(each.predicate)
        elif any(map(_is_of_effects, each.leaves)):
            doing.append(each)
        else:
            records.append(each)
    rule = effect_rules.rule([_formula(each.predicate) for each in doing]) if doing else None
    return Parted(tuple(records), frozenset(wanted), rule, _spelled(doing))


def _spelled(filters: Sequence[Filter]) -> tuple[str, ...]:
    leaves = (leaf for each in filters for leaf in each.leaves)
    names = (leaf.term if isinstance(leaf, HasTerm) else leaf.id for leaf in leaves)
    return tuple(dict.fromkeys(names))


# In how many copies


def _zygosities(predicate: Predicate) -> set[Zygosity]:
    match predicate:
        case AnyOf(of):
            return set().union(*map(_zygosities, of))
        case HasTerm(scope=scope) | Compare(scope=scope, operator="=") if (
            found := _zygosity(predicate)
        ) is not None and scope in _SCOPES:
            return {found}
        case _:
            raise UnsupportedQuestion(
                "A zygosity is asked of variants, and neither denied nor an alternative to "
                f"anything but another one: {', '.join(Zygosity)}."
            )


def _zygosity(leaf: Predicate) -> Zygosity | None:
    match leaf:
        case HasTerm(term):
            return zygosity.named(term)
        case Compare(name, _, value):
            return zygosity.named(f"{name}:{value}")
        case _:
            return None


# Effects


def _is_of_effects(leaf: Leaf) -> bool:
    """Of records, where another scope is asked, an effect is a term like any other."""
    if leaf.scope not in _SCOPES:
        return False
    if isinstance(leaf, Compare):
        return leaf.id in _FIELDS
    return leaf.term in effects.LABELS or leaf.term.partition(":")[0] in _FIELDS


def _formula(predicate: Predicate) -> Formula:
    match predicate:
        case AnyOf(of):
            return effect_rules.either([_formula(each) for each in of])
        case Not(of):
            return effect_rules.lacking(_formula(of))
        case leaf if not _is_of_effects(leaf):
            raise UnsupportedQuestion(
                "An effect is asked of a variant: it is an alternative to other effects, and to "
                "nothing that is asked of people."
            )
        case HasTerm(term, descendants) if term in effects.LABELS:
            return effects.within(term) if descendants else frozenset({term})
        case HasTerm(term):
            return _worded(term.partition(":")[2])
        case Compare(operator="=", value=value):
            return _worded(value)
        case Compare(operator="!", value=value):
            lacking = effect_rules.lacking
            none_at_all = lacking(_ALL)
            return lacking(effect_rules.either([none_at_all, _worded(value)]))
        case _:
            raise UnsupportedQuestion(f"{FIELD} holds words, which are compared with = and ! only.")


def _worded(value: str) -> Having:
    """Each effect of that name for itself alone; `%` stands for any run of characters."""
    parts = "_".join(value.casefold().split()).split("%")
    found = frozenset(
        term for name, term in effects.EFFECTS.items() if is_like(name.casefold(), parts)
    )
    if not found:
        raise UnsupportedQuestion(
            f"Filters not supported: {FIELD} with a word that is no effect. Effects are listed at "
            "/filtering_terms."
        )
    return found
