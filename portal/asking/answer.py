"""What one node said, as values: its outcome, its counts per dataset and how exact they are.

A member that is absent stays absent: nothing here turns silence into zero. Reading replies is
`reading`'s, merging rows `aggregate`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.messages import Message


class Outcome(StrEnum):
    """How asking one node ended."""

    OK = "ok"
    EMPTY = "empty"
    LATE = "late"
    UNREACHABLE = "unreachable"
    ERROR = "error"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"

    @property
    def answered(self) -> bool:
        return self in (Outcome.OK, Outcome.EMPTY)


OUTCOMES = {
    Outcome.OK: Message("ok"),
    Outcome.EMPTY: Message("empty"),
    Outcome.LATE: Message("late"),
    Outcome.UNREACHABLE: Message("unreachable"),
    Outcome.ERROR: Message("error"),
    Outcome.UNSUPPORTED: Message("unsupported"),
    Outcome.REFUSED: Message("refused"),
    Outcome.SUPPRESSED: Message("suppressed"),
}
"""Each in a word."""


class Shown(StrEnum):
    """The kinds of answer a dataset gives, never to be mixed up: a plain no, a count as it is, one
    near the truth, a bound, a yes without a number."""

    NO = "no"
    EXACT = "exact"
    ABOUT = "about"
    FEWER = "fewer than"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Frequency:
    """Of one allele in one population, as the record has it (`frequencyInPopulations`)."""

    population: str
    value: float
    allele_count: int | None = None
    allele_number: int | None = None


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """One dataset's answer; `dataset` is None when the node spoke only for itself as a whole.

    `bounds` are the least and the most it can mean, None where no count was given; `variations`
    are digests that tell the variants of its records apart, `frequencies` are there where it sent
    the record of one variant alone."""

    dataset: str | None
    exists: bool
    count: int | None
    precision: str  # exact | rounded | imprecise | unstated
    below: int | None = None
    span: tuple[int, int] | None = None
    variations: tuple[bytes, ...] = ()
    frequencies: tuple[Frequency, ...] = ()

    @property
    def shown(self) -> Shown:
        if not self.exists:
            return Shown.NO
        if self.below is not None:
            return Shown.FEWER
        if self.count is None:
            return Shown.HIDDEN
        return Shown.EXACT if self.precision == "exact" else Shown.ABOUT

    @property
    def bounds(self) -> tuple[int, int] | None:
        match self.shown:
            case Shown.NO:
                return 0, 0
            case Shown.FEWER:
                return 1, max(1, (self.below or 0) - 1)
            case _ if self.span is not None:
                return self.span
            case _:
                return None if self.count is None else (self.count, self.count)


@dataclass(frozen=True, slots=True)
class Silent:
    """A dataset the node names as not answering, and why in its words."""

    dataset: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node's row: always present, whatever happened."""

    url: str
    name: str
    outcome: Outcome
    reason: str
    latency_ms: int
    asked_as: str
    sets: tuple[SetAnswer, ...] = ()
    withheld: tuple[Silent, ...] = ()
    unserved: tuple[Silent, ...] = ()
    beacon_id: str | None = None
    age_seconds: int = 0  # above 0: the node was not asked again
    lifted: str = ""  # the place it was asked about instead, in its own assembly

    @property
    def exists(self) -> bool | None:
        return any(one.exists for one in self.sets) if self.outcome.answered else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says, before it is known whose reply it is and how long it took."""

    outcome: Outcome
    reason: str
    sets: tuple[SetAnswer, ...] = ()
    withheld: tuple[Silent, ...] = ()
    unserved: tuple[Silent, ...] = ()
    beacon_id: str | None = None
