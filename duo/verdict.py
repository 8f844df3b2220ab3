"""What judging consent against purpose can say: an outcome, why, what is owed, what is missing.

Deny stands above review, so that nobody is asked to review the impossible; every finding is
reported either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
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
    """Something owed while the grant lives, up to and including `until` where that is known."""

    term: Term
    text: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word. `missing` names the request fields that would settle a review; `ends` is
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
    """`expires` (epoch seconds) is the latest end of a grant given now, None where nothing limits
    it. A permit of discovery or of a person's review is not itself a grant."""

    outcome: Outcome
    reasons: tuple[Finding, ...]
    obligations: tuple[Obligation, ...]
    missing: tuple[str, ...]
    expires: int | None
    versions: Versions

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.PERMIT
