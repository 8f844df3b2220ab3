"""What filters say beside records: in how many copies somebody carries a variant, what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tests.support.naive.effects import is_effect, is_mixed
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.variants import so_far

HEMIZYGOUS, HETEROZYGOUS, HOMOZYGOUS = "GENO:0000134", "GENO:0000135", "GENO:0000136"
COPIES = {
    **{name: name for name in (HEMIZYGOUS, HETEROZYGOUS, HOMOZYGOUS)},
    "zygosity:hemizygous": HEMIZYGOUS,
    "zygosity:heterozygous": HETEROZYGOUS,
    "zygosity:homozygous": HOMOZYGOUS,
}


class Parted:
    """Filters by what they are about: `copies` are zygosities, any of which will do; `effects` of
    variants; `records` all others; `mixed` whether some group is of both."""

    def __init__(self, filters: Sequence[Any]) -> None:
        self.copies = {COPIES[one["id"]] for each in filters for one in _zygosities(each)}
        self.effects = [each for each in filters if is_effect(each)]
        rest = [each for each in filters if not is_effect(each)]
        self.mixed = any(map(is_mixed, rest))
        self.records = [each for each in rest if not _zygosities(each)]


def _zygosities(asked: Any) -> list[Any]:
    """The filter itself where it asks for a zygosity; a list of such is of alternatives too."""
    among = asked if isinstance(asked, list) else [asked]
    found = [each for each in among if isinstance(each, dict) and each.get("id") in COPIES]
    return found if len(found) == len(among) else []


def zygosity(call: Sequence[str]) -> str | None:
    """Nothing where the other allele was not called."""
    if "." in call:
        return None
    if len(call) == 1:
        return HEMIZYGOUS
    return HOMOZYGOUS if set(call) == {"1"} else HETEROZYGOUS


class Asks(Protocol):
    @property
    def asked(self) -> Mapping[str, Any]: ...

    @property
    def filters(self) -> Sequence[Any]: ...


def carriers(each: NaiveVariant, question: Asks) -> set[str]:
    """The columns that have it in the copies and at the level that are asked for."""
    copies = Parted(question.filters).copies
    return {
        sample
        for sample, call in each.calls.items()
        if (not copies or zygosity(call) in copies) and so_far(each, sample, question.asked)
    }
