"""Counts that a file states itself: AC, AN and AF, per population, and of homo- and hemizygotes.

VCF 4.3 reserved INFO keys and what the field adds to them: `AC_afr`, `AF_AFR`, `AFR_AF`, `nhomalt`
(gnomAD: people), `AC_Hom` (people, or alleles where its description says allele counts: then half
as many people), `AC_Hemi`. Counts from genotypes are left to `beacon.loading.calls`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from beacon.catalog import PopulationCount

MAX_POPULATIONS = 64
WHOLE = "all"  # the population of a file that states a frequency without counts
_MAX_COUNT = 2**31
_KINDS = ("AC", "AN", "AF")
_PREFIXED = re.compile(r"^(AC|AN|AF)[_-]([A-Za-z][A-Za-z0-9_-]{0,40})$")
_SUFFIXED = re.compile(r"^([A-Za-z][A-Za-z0-9]{0,20})_(AC|AN|AF)$")
# Not populations: zygosity, and counts before quality was looked at.
_NO_POPULATION = frozenset({"hom", "hemi", "het", "adj", "raw"})

Get = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class SiteCounts:
    """Which INFO keys hold what; populations are in the order of the header."""

    populations: Mapping[str, Mapping[str, str]]
    homozygous: str | None
    people_per_homozygous: float
    hemizygous: str | None

    def of(self, get: Get, index: int) -> tuple[int, int, int | None, int | None]:
        """(AC, AN, homozygotes, hemizygotes) of all samples, the last two in people; 0 of 0 where
        the file does not say."""
        ac, an = get("AC"), get("AN")
        if index or ac.__class__ is not int or an.__class__ is not int:
            ac, an = _count(ac, index), _count(an, 0)
        if ac is None or an is None or not 0 <= ac <= an < _MAX_COUNT:
            ac = an = 0
        homozygous = _count(get(self.homozygous), index) if self.homozygous else None
        hemizygous = _count(get(self.hemizygous), index) if self.hemizygous else None
        if homozygous is not None and self.people_per_homozygous != 1:
            homozygous = int(homozygous * self.people_per_homozygous)
        return ac, an, homozygous, hemizygous

    def by_population(self, get: Get, index: int) -> list[PopulationCount]:
        found = []
        for name, keys in self.populations.items():
            ac = _count(get(keys["AC"]), index) if "AC" in keys else None
            an = _count(get(keys["AN"]), 0) if "AN" in keys else None
            af = _frequency(get(keys["AF"]), index) if "AF" in keys else None
            if af is None and ac is not None and an:
                af = ac / an
            if not (ac is None and an is None and af is None):
                found.append(PopulationCount(name, ac, an, af))
        return found


def site_counts(declared: Mapping[str, str]) -> SiteCounts:
    """Of a header's INFO descriptions by key."""
    populations: dict[str, dict[str, str]] = {}
    for key in declared:
        if found := _PREFIXED.match(key):
            kind, name = found.groups()
        elif found := _SUFFIXED.match(key):
            name, kind = found.groups()
        else:
            continue
        known = name in populations or len(populations) < MAX_POPULATIONS
        if name.casefold() not in _NO_POPULATION and known:
            populations.setdefault(name, {})[kind] = key
    if "AF" in declared and not {"AC", "AN"} <= declared.keys():
        populations[WHOLE] = {kind: kind for kind in _KINDS if kind in declared}
    keys = {key.casefold(): key for key in declared}
    homozygous = keys.get("nhomalt") or keys.get("ac_hom")
    counts_alleles = homozygous is not None and "allele" in declared[homozygous].casefold()
    share = 0.5 if counts_alleles and homozygous != keys.get("nhomalt") else 1.0
    return SiteCounts(populations, homozygous, share, keys.get("ac_hemi"))


def _at(value: object, index: int) -> object:
    if isinstance(value, tuple | list):
        return value[index] if index < len(value) else None
    return value if index == 0 else None


def _count(value: object, index: int) -> int | None:
    one = value if index == 0 and value.__class__ is int else _at(value, index)
    return one if isinstance(one, int) and 0 <= one < _MAX_COUNT else None


def _frequency(value: object, index: int) -> float | None:
    one = _at(value, index)
    return float(one) if isinstance(one, int | float) and 0 <= one <= 1 else None
