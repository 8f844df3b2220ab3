"""Weighs researcher, dataset, action and time into a `Decision` with a granularity ceiling.

Pure: `now` is an argument, nothing is fetched. Empty means no.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much is known about the caller (Beacon v2 security levels)."""

    PUBLIC = 0
    REGISTERED = 1
    CONTROLLED = 2


class Granularity(IntEnum):
    """What an answer may hold; ordered, so that the ceiling is a minimum."""

    BOOLEAN = 1
    COUNT = 2
    RECORD = 3

    @property
    def wire(self) -> str:
        return self.name.lower()


class Action(StrEnum):
    DISCOVER = "discover"  # Beacon answers
    STREAM = "stream"  # sealed release
    TRAIN = "train"  # federated analysis


class Outcome(StrEnum):
    PERMIT = "permit"
    REVIEW = "needs-review"
    DENY = "deny"


class Profile(StrEnum):
    """The disclosure profile of a dataset's answers; says nothing of streams."""

    OPEN = "open"
    DEFAULT = "default"
    CONTROLLED = "controlled"


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code and a sentence safe to show the caller."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`ceiling` is None unless the outcome is permit and the action is discover; `expires` is the
    earliest expiry of all that was used (epoch seconds), None for anonymous callers."""

    dataset: str
    action: Action
    outcome: Outcome
    level: Level
    ceiling: Granularity | None
    profile: Profile
    reasons: tuple[Reason, ...]
    expires: int | None
    policy_version: str

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.PERMIT
