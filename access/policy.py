"""Weighs researcher, dataset, action and time into a `Decision` with a granularity ceiling.

Pure: `now` is an argument, nothing is fetched. Empty means no. Beacon v2 security levels, GA4GH
Passport 1.2.1 visas (bona fide: doi 10.1038/s41431-018-0219-y). Leaves reading the policy file to
`policy_file` and what an answer may hold below its ceiling to `disclosure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

from duo.consent import Consent
from duo.verdict import Outcome as Outcome
from passports.passport import Researcher
from passports.visas import Visa, VisaType

BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"
# A status somebody says of themselves is not a status.
_STATUS_BY = frozenset({"so", "system", "peer"})
_GRANT_BY = frozenset({"dac", "so", "system"})


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


class Profile(StrEnum):
    """The disclosure profile of a dataset's answers; says nothing of streams."""

    OPEN = "open"
    DEFAULT = "default"
    CONTROLLED = "controlled"


RegisteredRule = Literal["login", "bona_fide"]
Ceilings = Mapping[Level, Granularity | None]


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


@dataclass(frozen=True, slots=True)
class DatasetPolicy:
    """The rules of one dataset. `grant_value` is the visa value that names it, `level` the least
    a caller must reach, `committee` the identities (`sub@iss`) who decide on requests."""

    dataset: str
    grant_value: str
    level: Level
    profile: Profile
    ceilings: Ceilings
    listed: bool
    committee: tuple[str, ...]
    consent: Consent | None
    registered_rule: RegisteredRule


@dataclass(frozen=True, slots=True)
class _Reached:
    """A level and the expiry of what it rests on."""

    level: Level
    expires: int | None


_HIDDEN = Reason("not_available", "There is no dataset of this name that you may use.")
_NEEDS = {
    Level.REGISTERED: {
        "login": Reason("needs_login", "This dataset answers signed-in researchers."),
        "bona_fide": Reason(
            "needs_registration",
            "This dataset answers registered researchers: sign in with a researcher status and "
            "accepted terms (bona fide).",
        ),
    },
}
_NEEDS_GRANT = Reason(
    "needs_grant", "This needs a grant: request access from the dataset's committee."
)
_NO_CEILING = Reason("no_answer_at_level", "This dataset gives no answer at your level of access.")


class PolicyBook:
    """The policies of a node, at one version. Without policies everything is refused."""

    def __init__(self, policies: Iterable[DatasetPolicy], *, version: str) -> None:
        self._policies = {policy.dataset: policy for policy in policies}
        self.version = version

    def datasets(self) -> tuple[str, ...]:
        return tuple(self._policies)

    def policy(self, dataset: str) -> DatasetPolicy | None:
        return self._policies.get(dataset)

    def decide(
        self, researcher: Researcher | None, dataset: str, action: Action, *, now: int
    ) -> Decision:
        """A dataset that the caller may not know of is refused exactly as one that is not there."""
        policy = self._policies.get(dataset)
        if policy is None or not _may_know(policy, researcher, now=now):
            return self._hidden(dataset, action)
        reached = _reached(policy, researcher, now=now)
        ceiling = _ceiling(policy, reached.level) if action is Action.DISCOVER else None
        refusal = _refusal(policy, action, reached.level, ceiling=ceiling)
        reasons = (refusal,) if refusal else (_permitted(policy, reached.level),)
        return Decision(
            dataset=dataset,
            action=action,
            outcome=Outcome.DENY if refusal else Outcome.PERMIT,
            level=reached.level,
            ceiling=None if refusal else ceiling,
            profile=policy.profile,
            reasons=reasons,
            expires=reached.expires,
            policy_version=self.version,
        )

    def may_know(self, researcher: Researcher | None, dataset: str, *, now: int) -> bool:
        """Whether the caller may learn that the dataset exists."""
        policy = self._policies.get(dataset)
        return policy is not None and _may_know(policy, researcher, now=now)

    def _hidden(self, dataset: str, action: Action) -> Decision:
        return Decision(
            dataset=dataset,
            action=action,
            outcome=Outcome.DENY,
            level=Level.PUBLIC,
            ceiling=None,
            profile=Profile.CONTROLLED,
            reasons=(_HIDDEN,),
            expires=None,
            policy_version=self.version,
        )


def _may_know(policy: DatasetPolicy, researcher: Researcher | None, *, now: int) -> bool:
    if policy.listed:
        return True
    if _reached(policy, researcher, now=now).level >= max(policy.level, Level.REGISTERED):
        return True
    valid = researcher is not None and now < researcher.expires
    return valid and researcher is not None and researcher.identity in policy.committee


def _reached(policy: DatasetPolicy, researcher: Researcher | None, *, now: int) -> _Reached:
    if researcher is None or now >= researcher.expires:
        return _Reached(Level.PUBLIC, None)
    visas = tuple(visa for visa in researcher.visas if now < visa.expires)
    grant = _lasting(v for v in visas if _is_grant(v, policy.grant_value))
    if grant is not None:
        return _Reached(Level.CONTROLLED, min(researcher.expires, grant.expires))
    if policy.registered_rule == "login":
        return _Reached(Level.REGISTERED, researcher.expires)
    status = _lasting(v for v in visas if _is_status(v))
    terms = _lasting(v for v in visas if _is_accepted_terms(v))
    if status is None or terms is None:
        return _Reached(Level.PUBLIC, researcher.expires)
    return _Reached(Level.REGISTERED, min(researcher.expires, status.expires, terms.expires))


def _lasting(visas: Iterable[Visa]) -> Visa | None:
    """Of several visas that say the same, the one that says it longest."""
    return max(visas, key=lambda visa: visa.expires, default=None)


def _is_grant(visa: Visa, grant_value: str) -> bool:
    named = visa.type is VisaType.CONTROLLED_ACCESS and visa.value == grant_value
    return named and visa.by in _GRANT_BY


def _is_status(visa: Visa) -> bool:
    status = visa.type is VisaType.RESEARCHER_STATUS and visa.value == BONA_FIDE
    return status and visa.by in _STATUS_BY


def _is_accepted_terms(visa: Visa) -> bool:
    accepted = visa.type is VisaType.ACCEPTED_TERMS and visa.value == BONA_FIDE
    return accepted and visa.by is not None


def _ceiling(policy: DatasetPolicy, level: Level) -> Granularity | None:
    """Of the highest level reached that has one: a level without a ceiling adds nothing."""
    for candidate in sorted(Level, reverse=True):
        ceiling = policy.ceilings.get(candidate)
        if candidate <= level and ceiling is not None:
            return ceiling
    return None


def _refusal(
    policy: DatasetPolicy, action: Action, level: Level, *, ceiling: Granularity | None
) -> Reason | None:
    """Streams and training need a grant whatever the answers need."""
    if action is not Action.DISCOVER:
        return None if level is Level.CONTROLLED else _NEEDS_GRANT
    if level < policy.level:
        return _needs(policy)
    return _NO_CEILING if ceiling is None else None


def _needs(policy: DatasetPolicy) -> Reason:
    if policy.level is Level.CONTROLLED:
        return _NEEDS_GRANT
    return _NEEDS[Level.REGISTERED][policy.registered_rule]


def _permitted(policy: DatasetPolicy, level: Level) -> Reason:
    match level:
        case Level.CONTROLLED:
            return Reason("grant", "You hold a grant for this dataset.")
        case Level.REGISTERED:
            return Reason(
                f"registered_{policy.registered_rule}", "You are a registered researcher."
            )
        case Level.PUBLIC:
            return Reason("public", "This dataset answers anyone.")
