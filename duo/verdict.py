"""What judging consent against purpose can say: an outcome, why, what is owed, what is missing.

Deny stands above review, so that nobody is asked to review the impossible; every finding is
reported either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from duo.terms import Term


class Outcome(StrEnum):
    PERMIT = "permit"
    REVIEW = "needs-review"
    DENY = "deny"


_SEVERITY = {Outcome.PERMIT: 0, Outcome.REVIEW: 1, Outcome.DENY: 2}


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The most severe of them; of none, a review: nothing was judged."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.REVIEW)


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something owed while the grant lives, up to and including `until` where that is known;
    `evidence_required` where somebody must show that it was done."""

    term: Term
    text: str
    until: date | None = None
    evidence_required: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word. `missing` names the request members that would settle a review; `ends` is
    the day on which a grant must end because of this rule."""

    outcome: Outcome
    code: str
    text: str
    term: Term | None = None
    missing: tuple[str, ...] = ()
    obligation: Obligation | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Versions:
    """What the verdict rests on; a newer release may say otherwise."""

    duo: str
    diseases: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`last_day` is the latest day of a grant given now, None where nothing limits it; `warnings`
    are about the form of the dataset's terms. A permit is not itself a grant."""

    outcome: Outcome
    reasons: tuple[Finding, ...]
    obligations: tuple[Obligation, ...]
    missing: tuple[str, ...]
    last_day: date | None
    versions: Versions
    warnings: tuple[str, ...] = ()

    @property
    def expires(self) -> int | None:
        """The midnight (UTC) that ends `last_day`, in epoch seconds."""
        if self.last_day is None:
            return None
        midnight = datetime.combine(self.last_day, time.min, tzinfo=UTC)
        return int(midnight.timestamp() + timedelta(days=1).total_seconds())
