"""In how many copies somebody carries a variant: the GENO terms that records state and filters ask.

Beacon v2.2 `caseLevelData[].zygosity`; as a filter our documented extension. A genotype of which a
part was not called has none. Reading one off a genotype's code is `beacon.loading.genotypes`'.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from schemas.entries import OntologyTerm

FIELD: Final = "zygosity"


class Zygosity(StrEnum):
    """One copy of one, one of several, or all of several."""

    HEMIZYGOUS = "hemizygous"
    HETEROZYGOUS = "heterozygous"
    HOMOZYGOUS = "homozygous"

    @property
    def term(self) -> OntologyTerm:
        return {"id": _IDS[self], "label": self.value}


_IDS: Final = {
    Zygosity.HEMIZYGOUS: "GENO:0000134",
    Zygosity.HETEROZYGOUS: "GENO:0000135",
    Zygosity.HOMOZYGOUS: "GENO:0000136",
}
_NAMED: Final = {name: each for each, name in _IDS.items()} | {
    f"{FIELD}:{each}": each for each in Zygosity
}
Zygosities = frozenset[Zygosity]
ANY: Final[Zygosities] = frozenset()


def named(term: str) -> Zygosity | None:
    """By its GENO id, or as `zygosity:homozygous`."""
    return _NAMED.get(term)
