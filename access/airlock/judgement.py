"""What the checkers of outputs say of one. Records; the checkers are `workspaces.airlock`'s."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    RELEASE = "release"
    REVIEW = "review"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the checkers say. `released` is the form that may leave, at once or when people agree
    (None leaves them the form that was offered); `epsilon` is what its noise costs, whatever the
    outcome; `of` is the digest of a released output that it rests on. `contestable` is false where
    no person may release it either."""

    kind: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    released: bytes | None = None
    epsilon: float = 0.0
    of: str | None = None
    contestable: bool = True
