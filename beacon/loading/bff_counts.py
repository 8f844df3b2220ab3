"""How often a variant is found: `frequencyInPopulations` of a BFF record.

Beacon v2.2 `PopulationFrequency`, with the counts that a node and converters write beside it. What
is said of the population that bears the dataset's own id is the dataset's; of the others each is
one population, named with its source where two sources have one of its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from beacon.catalog import PopulationCount
from beacon.loading.annotations import MAX_NAME
from beacon.loading.bff_fields import Record, Rejected, objects, text, whole
from beacon.loading.site_counts import WHOLE

MAX_COUNT = 2**31 - 1
_MAX_POPULATION = 100


class Stated(NamedTuple):
    """A frequency of a record: who says it of whom."""

    source: str
    part: PopulationCount
    homozygotes: int | None
    hemizygotes: int | None


def frequencies(record: Record) -> list[Stated]:
    found = []
    for at, source in objects(record, "frequencyInPopulations"):
        named = text(source, "source", at=at, most=MAX_NAME) or ""
        found += [
            _stated(named, each, where) for where, each in objects(source, "frequencies", at=at)
        ]
    return found


def _stated(source: str, each: Record, at: str) -> Stated:
    population = text(each, "population", at=at, most=_MAX_POPULATION)
    if not population:
        raise Rejected(f"{at}population", "the name of a population")
    count, number = _count(each, "alleleCount", at=at), _count(each, "alleleNumber", at=at)
    frequency = each.get("alleleFrequency")
    if frequency is None and count is not None and number:
        frequency = count / number
    if isinstance(frequency, bool) or not isinstance(frequency, int | float):
        raise Rejected(f"{at}alleleFrequency", "a number")
    if not 0 <= frequency <= 1 or (count is not None and number is not None and count > number):
        raise Rejected(f"{at}alleleFrequency", "a share of all alleles, from 0 to 1")
    return Stated(
        source,
        PopulationCount(population, count, number, float(frequency)),
        _count(each, "homozygotes", "genotypeHomozygous", at=at),
        _count(each, "hemizygotes", "genotypeHemizygous", at=at),
    )


def _count(each: Record, *spellings: str, at: str) -> int | None:
    for name in spellings:
        if each.get(name) is not None:
            return whole(each[name], at=f"{at}{name}", most=MAX_COUNT)
    return None


def own(stated: Sequence[Stated], dataset: str) -> Stated | None:
    """What is said of the dataset itself, where it comes with its counts."""
    ours = [each for each in stated if each.part.population == dataset]
    if len(ours) > 1:
        raise Rejected("frequencyInPopulations", "frequencies of the dataset itself once")
    counted = ours and ours[0].part.allele_count is not None and ours[0].part.allele_number
    return ours[0] if counted else None


def populations(
    stated: Sequence[Stated], dataset: str, named: Mapping[tuple[str, str], str]
) -> list[PopulationCount]:
    """Of the others, by the names the file gives them."""
    found: dict[str, PopulationCount] = {}
    ours = own(stated, dataset)
    for each in stated:
        if each is ours:
            continue
        name = named[each.source, each.part.population]
        found[name] = PopulationCount(name, *_numbers(each.part))
    return list(found.values())


def _numbers(count: PopulationCount) -> tuple[int | None, int | None, float | None]:
    return count.allele_count, count.allele_number, count.frequency


def spelled(pairs: Sequence[tuple[str, str]], dataset: str) -> dict[tuple[str, str], str]:
    """The name of each (source, population): with its source where another has one of its name."""
    sources = Counter(population for _, population in pairs)
    found: dict[tuple[str, str], str] = {}
    for source, population in pairs:
        name = WHOLE if population == dataset else population
        while sources[population] > 1 or name in found.values():
            name = f"{source}: {name}"
            if name not in found.values():
                break
        found[source, population] = name
    return found
