"""Of whom and of which biosamples the columns of a VCF are, where somebody gave several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.naive.people import Archive


class Genotyped:
    """The columns of one dataset beside its records."""

    def __init__(self, columns: Sequence[str], archive: Archive) -> None:
        self._archive = archive
        named = archive.all("biosample")
        self._person = {
            each: archive.person_of("biosample", each) or each if each in named else each
            for each in columns
        }
        self._biosamples = {
            each: {each}
            if each in named
            else archive.related("biosample", "individual", {each}) - set(columns)
            for each in columns
        }

    def person(self, column: str) -> str:
        return self._person[column]

    def records_of_several(self, type_: str) -> set[str]:
        """The records of people of whom several columns are."""
        owners = list(self._person.values())
        several = {each for each in owners if owners.count(each) > 1}
        return self._archive.related(type_, "individual", several)

    def of_whom(self, filters: Sequence[Any]) -> set[str]:
        """Columns of which all this holds: of a biosample, what was made of it, and its person."""
        return self._archive.joined(set(self._person), filters, self._holding)

    def _holding(self, asked: Any) -> set[str]:
        if isinstance(asked, list):
            return set[str]().union(*map(self._holding, asked))
        if "not" in asked:
            return set(self._person) - self._holding(asked["not"])
        holding = self._archive.holding
        return self._of(holding("biosample", [asked]), holding("individual", [asked]))

    def under(self, type_: str, name: str) -> set[str]:
        """Of the biosample that a record names; of all that its person gave where only that is."""
        known = {name} & self._archive.all(type_)
        biosamples = self._archive.related("biosample", type_, known)
        named = any(self._archive.names(type_, each, "biosample") for each in known)
        people = set[str]() if named else self._archive.related("individual", type_, known)
        return self._of(biosamples, people)

    def _of(self, biosamples: set[str], people: set[str]) -> set[str]:
        """Columns of these biosamples; of these people, where they are of no biosample."""
        return {
            each
            for each, own in self._biosamples.items()
            if (own & biosamples) or (not own and self._person[each] in people)
        }

    def records(self, type_: str, columns: set[str]) -> set[str]:
        """The records of a type that are of one of these columns."""
        people = {self._person[each] for each in columns} & self._archive.all("individual")
        if type_ in ("individual", "cohort"):
            return self._archive.related(type_, "individual", people)
        biosamples = set[str]().union(*(self._biosamples[each] for each in columns))
        found = self._archive.related(type_, "biosample", biosamples)
        nameless = {self._person[each] for each in columns if not self._biosamples[each]}
        theirs = self._archive.related(type_, "individual", nameless)
        return found | {n for n in theirs if not self._archive.names(type_, n, "biosample")}
