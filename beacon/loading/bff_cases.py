"""Who carries the variant of a BFF record: `caseLevelData` of people that are in the dataset.

Beacon v2.2 `CaseLevelVariant`: a biosample or an individual, and a zygosity of GENO, or the
genotype that converters write as its label. Somebody whom no record given with the dataset names
is refused, since an answer would count a person that filters cannot see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from beacon import zygosity
from beacon.loading import genotypes
from beacon.loading.bff_fields import Record, Rejected, member, objects, text
from beacon.loading.genotypes import Called
from beacon.loading.members import owners_of
from beacon.loading.staging import Staging

MAX_CASES = 200_000
_MAX_ID = 200
_MAX_LABEL = 200
_GENO = re.compile(r"GENO:(?:GENO_)?(\d{7})", re.ASCII)
_GENOTYPE = re.compile(r"[\d.]+(?:[|/][\d.]+)*", re.ASCII)
_OF_TERM = {
    "0000134": "1",
    "0000604": "1",  # hemizygous, linked to X, to Y, to an insertion
    "0000605": "1",
    "0000606": "1",
    "0000135": "0/1",
    "0000402": "0/1",  # heterozygous, compound and simple
    "0000458": "0/1",
    "0000136": "1/1",
    "0000137": "1/.",  # not said
    "0000602": "1/.",  # of mitochondria, in all or in some of them: no count of copies
    "0000603": "1/.",
}
_UNSAID = "1/."
_WANTED = "a zygosity of GENO, such as GENO:0000135, or a genotype"
_STEP = "give its record with --biosamples or --individuals"


@dataclass(frozen=True, slots=True)
class Known:
    """Ids that the dataset's files of people give; where they give none, every sample of a file of
    variants is a person."""

    individuals: frozenset[str]
    owners: Mapping[str, str]
    given: frozenset[str]

    @classmethod
    def of(cls, staging: Staging) -> Self:
        theirs = owners_of(staging)
        people = staging.ids("individual") if "individual" in staging.given else theirs.values()
        return cls(frozenset(people), theirs, frozenset(staging.given))

    def sample(self, case: Record, at: str) -> str:
        """The name that stands for whoever carries it."""
        sample = text(case, "biosampleId", at=at, most=_MAX_ID)
        person = text(case, "individualId", at=at, most=_MAX_ID)
        if not sample:
            return self._person(person, at)
        owner = self.owners.get(sample)
        if owner is None and (sample in self.individuals or not self.given):
            owner = sample
        if owner is None and person and "biosample" not in self.given:
            return self._person(person, at)
        if owner is None:
            raise Rejected(f"{at}biosampleId", "a biosample loaded with the dataset", _STEP)
        if person and person != owner:
            raise Rejected(f"{at}individualId", "the individual of this biosample's record")
        return sample

    def _person(self, person: str | None, at: str) -> str:
        if not person:
            raise Rejected(f"{at}biosampleId", "the id of a biosample")
        known = person in self.individuals or not self.given
        if not known or self.owners.get(person, person) != person:
            raise Rejected(f"{at}individualId", "an individual loaded with the dataset", _STEP)
        return person


def cases(record: Record, known: Known) -> dict[str, Called]:
    """The genotype of each sample that carries the variant. Raises `Rejected`."""
    found: dict[str, Called] = {}
    for sample, called, at in _each(record, known):
        if sample in found:
            raise Rejected(f"{at}biosampleId", "each biosample once in a record")
        found[sample] = called
    return found


def _each(record: Record, known: Known) -> Iterator[tuple[str, Called, str]]:
    for at, case in objects(record, "caseLevelData", most=MAX_CASES):
        yield known.sample(case, at), called(member(case, "zygosity", at=at), f"{at}zygosity"), at


def called(stated: Record, at: str) -> Called:
    """What a stated zygosity counts for. Raises `Rejected`."""
    term = text(stated, "id", at=f"{at}.", most=_MAX_LABEL) or ""
    label = text(stated, "label", at=f"{at}.", most=_MAX_LABEL) or ""
    called = _genotype(term, label.strip()) if stated else genotypes.called(_UNSAID)
    if not isinstance(called, Called):
        raise Rejected(at, called or _WANTED)
    if not called.copies:
        raise Rejected(at, "a genotype with this allele")
    return called


@lru_cache(4096)
def _genotype(term: str, label: str) -> Called | str | None:
    """What a term and its label say together; or what was expected of them."""
    by_term = _by_term(term)
    if not _GENOTYPE.fullmatch(label):
        word = zygosity.named(f"{zygosity.FIELD}:{label.casefold()}")
        return by_term or _by_term(word.term["id"] if word else "")
    called = genotypes.called(label)
    if called is None:
        return f"a genotype of 0, 1 and . for at most {genotypes.MAX_PLOIDY}"
    if by_term and called.zygosity and by_term.zygosity not in (None, called.zygosity):
        return "a term and a genotype that say the same"
    return called


def _by_term(term: str) -> Called | None:
    found = _GENO.fullmatch(term)
    return genotypes.called(_OF_TERM.get(found[1], "")) if found else None
