"""What a visa must say to count for a policy, and how it failed to (GA4GH Passport 1.2.1).

Pure, and shared by deciding and explaining so that the two cannot differ. Whether a visa is
genuine is settled before, in `passports`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from passports.visas import Visa
from schemas.passport import VisaType

BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"
MEMBER = "#"  # between the value of a dataset and what of it a visa names
ANYBODY = frozenset({"self", "peer", "system", "so", "dac"})


class Failure(StrEnum):
    """Why a visa does not meet a rule; stable, for `explain` and tests."""

    OTHER_TYPE = "other_type"
    OTHER_VALUE = "other_value"
    OTHER_BY = "other_by"
    OTHER_SOURCE = "other_source"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class VisaRule:
    """Any of `values`, said by any of `by`, and of any of `sources` unless that is empty.

    A value is compared whole; of an affiliation, `*` may stand for the role or the organisation.
    `max_age_seconds` counts from `asserted` and can only shorten a visa's life. With `members` a
    visa for a part of what a value names counts as well.
    """

    type: VisaType
    values: tuple[str, ...]
    by: frozenset[str]
    sources: frozenset[str] = frozenset()
    max_age_seconds: int | None = None
    members: bool = False

    def ends(self, visa: Visa) -> int:
        """When this visa stops counting (epoch seconds)."""
        if self.max_age_seconds is None:
            return visa.expires
        return min(visa.expires, visa.asserted + self.max_age_seconds)

    def failure(self, visa: Visa, *, now: int) -> Failure | None:
        """None where the visa counts; else the first thing that is not as it must be."""
        if visa.type is not self.type:
            return Failure.OTHER_TYPE
        if not any(self._says(visa, value) for value in self.values):
            return Failure.OTHER_VALUE
        if visa.by not in self.by:
            return Failure.OTHER_BY
        if self.sources and visa.source not in self.sources:
            return Failure.OTHER_SOURCE
        return Failure.EXPIRED if now >= self.ends(visa) else None

    def met_until(self, visas: Iterable[Visa], *, now: int) -> int | None:
        """The end of the visa that says it longest, None where none counts."""
        kind = self.type  # asked first: most visas are of another, and this runs per question
        counting = [
            self.ends(v) for v in visas if v.type is kind and self.failure(v, now=now) is None
        ]
        return max(counting, default=None)

    def _says(self, visa: Visa, value: str) -> bool:
        return _says(visa, value) or (self.members and visa.value.startswith(value + MEMBER))


def all_met_until(rules: Iterable[VisaRule], visas: tuple[Visa, ...], *, now: int) -> float | None:
    """The first end among all rules (infinite for no rules), None where one is not met."""
    end = float("inf")
    for rule in rules:
        until = rule.met_until(visas, now=now)
        if until is None:
            return None
        end = min(end, until)
    return end


# A status somebody says of themselves is not a status; a grant comes from whoever may give it.
STATUS = VisaRule(VisaType.RESEARCHER_STATUS, (BONA_FIDE,), by=frozenset({"so", "system", "peer"}))
TERMS = VisaRule(VisaType.ACCEPTED_TERMS, (BONA_FIDE,), by=ANYBODY)


_GRANT_BY = frozenset({"dac", "so", "system"})


def grant_of(value: str, *, members: bool = False) -> VisaRule:
    return VisaRule(VisaType.CONTROLLED_ACCESS, (value,), by=_GRANT_BY, members=members)


def _says(visa: Visa, value: str) -> bool:
    if visa.type is not VisaType.AFFILIATION_AND_ROLE:
        return visa.value == value
    role, _, organisation = value.partition("@")
    held_role, _, held_at = visa.value.partition("@")
    return role in {"*", held_role} and organisation in {"*", held_at}
