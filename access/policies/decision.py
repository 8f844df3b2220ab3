"""What a policy says and what deciding gives: levels, ceilings, rules and decisions; records only.

Beacon v2 security levels and granularities. Leaves weighing to `weighing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal

from access.policies.visa_rules import STATUS, TERMS, VisaRule, grant_of
from access.privacy.terms import Terms
from duo.consent import Consent
from duo.verdict import Outcome as Outcome
from duo.verdict import Verdict


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
        return _WIRE[self]


_WIRE = {each: each.name.lower() for each in Granularity}  # a member's name is slow to find


class Action(StrEnum):
    DISCOVER = "discover"  # Beacon answers
    STREAM = "stream"  # sealed release
    TRAIN = "train"  # federated analysis


EVERY_ACTION = frozenset(Action)


class Profile(StrEnum):
    """The disclosure profile of a dataset's answers; says nothing of streams."""

    OPEN = "open"
    DEFAULT = "default"
    RARE_DISEASE = "rare-disease"
    CONTROLLED = "controlled"


RegisteredRule = Literal["login", "bona_fide"]
Ceilings = Mapping[Level, Granularity | None]
# Judges a dataset's consent against the purpose that came with the request.
Judge = Callable[[Consent | None], Verdict]


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code and a sentence safe to show the caller."""

    code: str
    text: str


class Rule(StrEnum):
    """The rules that a policy can have, in the order in which they are reported."""

    EXCLUDED = "excluded"
    WINDOW = "window"
    LEVEL = "level"
    CEILING = "ceiling"
    DATA_USE = "data_use"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word; `expires` is when it may change its mind (epoch seconds)."""

    rule: Rule
    outcome: Outcome
    reason: Reason
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something the caller owes for what is permitted."""

    code: str
    text: str
    actions: frozenset[Action] = EVERY_ACTION


@dataclass(frozen=True, slots=True)
class Decision:
    """`ceiling` is None unless the outcome is permit and the action is discover; `expires` is the
    earliest expiry of all that was used (epoch seconds), None where nothing expires. What is
    permitted may happen in `workspaces` only, unless that is empty. `disclosure` are the terms of a
    profile that the policy made, None where the profile's own hold."""

    dataset: str
    action: Action
    outcome: Outcome
    level: Level
    ceiling: Granularity | None
    profile: Profile
    reasons: tuple[Reason, ...]
    expires: int | None
    policy_version: str
    obligations: tuple[Obligation, ...] = ()
    workspaces: frozenset[str] = frozenset()
    disclosure: Terms | None = None

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.PERMIT


@dataclass(frozen=True, slots=True)
class EntryRule:
    """What answers about one entry type need and may hold."""

    level: Level
    ceilings: Ceilings


@dataclass(frozen=True, slots=True)
class Window:
    """Open from `start` until before `end` (epoch seconds; None is open on that side)."""

    start: int | None
    end: int | None
    actions: frozenset[Action] = EVERY_ACTION

    def holds(self, now: int) -> bool:
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)


@dataclass(frozen=True, slots=True)
class DatasetPolicy:
    """The rules of one dataset. `grant_value` is the visa value that names it, `level` the least
    a caller must reach, `committee` the identities (`sub@iss`) who decide on requests,
    `conditions` what visas must say besides for a level to be reached. `excluded_*` refuse
    whatever else holds. Entry types without a rule in `entries` follow the dataset's. With
    `clear_streams` anyone may stream its objects, unsealed. So many of the committee must approve
    a request as `approvals` says, everybody named in it accepts `terms`; where `requests_at` is
    given, requests are made there and not here. `disclosure` are terms of a profile of the policy's
    own, which rests on `profile`, and `profile_name` is what the policy calls it. Runs whose
    committee allows it may be tried without a sandbox with `unconfined_trials`."""

    dataset: str
    grant_value: str
    level: Level
    profile: Profile
    ceilings: Ceilings
    listed: bool
    committee: tuple[str, ...]
    consent: Consent | None
    registered_rule: RegisteredRule
    entries: Mapping[str, EntryRule] = field(default_factory=dict)
    conditions: Mapping[Level, tuple[VisaRule, ...]] = field(default_factory=dict)
    excluded_visas: tuple[VisaRule, ...] = ()
    excluded_people: frozenset[str] = frozenset()
    windows: tuple[Window, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    workspaces: frozenset[str] = frozenset()
    data_use_for_answers: bool = False
    clear_streams: bool = False
    committee_name: str | None = None
    approvals: int = 1
    terms: str = ""
    requests_at: str | None = None
    disclosure: Terms | None = None
    profile_name: str = ""
    unconfined_trials: bool = False

    def needs(self, level: Level, action: Action | None = None) -> tuple[VisaRule, ...]:
        """The visas on which a level above public rests. A grant of parts opens a stream, which
        sends these parts alone, and nothing else."""
        more = self.conditions.get(level, ())
        if level is Level.CONTROLLED:
            return (grant_of(self.grant_value, members=action is Action.STREAM), *more)
        return more if self.registered_rule == "login" else (STATUS, TERMS, *more)

    def touched(self, entries: frozenset[str] | None) -> tuple[EntryRule, ...]:
        """The rules of these entry types; of all there are where it is not said which."""
        base = EntryRule(self.level, self.ceilings)
        if entries is None:
            return (base, *self.entries.values())
        return tuple(self.entries.get(entry, base) for entry in entries) or (base,)


@dataclass(frozen=True, slots=True)
class Reached:
    """A level and the expiry of what it rests on."""

    level: Level
    expires: int | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the caller reached at one dataset and what each of its rules found. `known` is false
    where the caller may not learn that the dataset exists: then nothing else may be told."""

    policy: DatasetPolicy
    known: bool
    reached: Reached
    ceiling: Granularity | None
    findings: tuple[Finding, ...]
    obligations: tuple[Obligation, ...]
