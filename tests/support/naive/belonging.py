"""Which records of an archive belong together, by the ids they name each other by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
TYPES = ("individual", "biosample", "run", "analysis", "cohort")
_ABOVE = {
    "biosample": (("individualId", "individual"),),
    "run": (("biosampleId", "biosample"),),
    "analysis": (("runId", "run"), ("biosampleId", "biosample"), ("individualId", "individual")),
}


class Belonging:
    """The ways between the records of each type."""

    def __init__(self, records: Mapping[str, Sequence[Record]]) -> None:
        self._by_id = {t: {each["id"]: each for each in all_} for t, all_ in records.items()}
        self._named = {
            (type_, name): self._climb(type_, record)
            for type_, of in self._by_id.items()
            for name, record in of.items()
        }
        self._of = {(type_, name): self._whole(type_, name) for type_, name in self._named}
        self._members = {each["id"]: self._listed(each) for each in records["cohort"]}

    def _climb(self, type_: str, record: Record) -> dict[str, str]:
        """Every record this one names, itself or through another, by type; itself included."""
        found = {type_: str(record["id"])}
        for member, above in _ABOVE.get(type_, ()):
            if above not in found and record.get(member) in self._by_id[above]:
                found = {**self._climb(above, self._by_id[above][record[member]]), **found}
        return found

    def _whole(self, type_: str, name: str) -> dict[str, set[str]]:
        """Every record this one is of, by type: what it names; of a type it names none of, all
        that is of the finest it does name."""
        named = self._named[type_, name]
        found = {above: {each} for above, each in named.items()}
        finest = max((each for each in named if each != type_), key=TYPES.index, default=None)
        for missing in set(TYPES[: TYPES.index(type_)]) - named.keys():
            if finest is not None and TYPES.index(missing) > TYPES.index(finest):
                found[missing] = {
                    each
                    for each in self._by_id[missing]
                    if self._named[missing, each].get(finest) == named[finest]
                }
        return found

    def _listed(self, cohort: Record) -> set[str]:
        """Who a cohort lists, by themselves or by a sample; everybody where it lists nobody."""
        if "ids" not in cohort:
            return self.all("individual")
        samples = set(cohort["ids"].get("biosampleIds", ()))
        owners = self.related("individual", "biosample", samples & self.all("biosample"))
        return set(cohort["ids"].get("individualIds", ())) | owners

    def related(self, type_: str, other: str, ids: set[str]) -> set[str]:
        """The records of `type_` that are of one of `ids` of type `other`, or that these are of."""
        if type_ == other:
            return ids
        if other == "cohort":
            people = set[str]().union(*(self._members[each] for each in ids))
            return self.related(type_, "individual", people)
        if type_ == "cohort":
            people = self.related("individual", other, ids)
            return {cohort for cohort, members in self._members.items() if members & people}
        if TYPES.index(other) < TYPES.index(type_):
            return {n for n in self._by_id[type_] if self._of[type_, n].get(other, set()) & ids}
        return set[str]().union(*(self._of[other, each].get(type_, set()) for each in ids))

    def names(self, type_: str, name: str, other: str) -> bool:
        """Whether it names one of `other`, itself or through another."""
        return other in self._named[type_, name]

    def members(self, cohort: str) -> set[str]:
        return self._members[cohort] & self.all("individual")

    def all(self, type_: str) -> set[str]:
        return set(self._by_id[type_])

    def person_of(self, type_: str, name: str) -> str | None:
        return self._named[type_, name].get("individual")
