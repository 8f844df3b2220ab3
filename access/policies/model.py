"""The policy file as written: the models its JSON Schema is generated from.

Unknown keys are refused everywhere. Leaves YAML and lines to `policies.file`, and meaning to
`decision` and `weighing`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from access.policies.decision import Action, Profile, RegisteredRule
from access.privacy import terms as limits
from access.privacy.profiles import terms as built_in
from access.privacy.terms import Terms
from schemas.data_use import MAX_TERMS, DataUseTerm
from schemas.entries import EntryTypeId
from schemas.grants import RequestsAt
from schemas.passport import VisaType
from schemas.wire import LocalId, Wire

MAX_DATASETS = 10_000
MAX_TESTS = 10_000
MAX_RULES = 50
MAX_PEOPLE = 1_000
MAX_APPROVALS = 5
MAX_PROFILES = 100
_NRES = "DUO:0000004"  # no restriction
_NOT_A_CONDITION = frozenset({VisaType.LINKED_IDENTITIES})

GranularityName = Literal["boolean", "count", "record", "none"]
LevelName = Literal["public", "registered", "controlled"]
ActionName = Literal["discover", "stream", "train"]
ByName = Literal["self", "peer", "system", "so", "dac"]
AdminArea = Literal["policies", "datasets"]
PersonaName = Literal["anonymous", "registered", "signed_in", "bona_fide", "granted"]
Identity = Annotated[str, StringConstraints(pattern=r"^\S+@\S+$", max_length=512)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Texts = Annotated[tuple[Text, ...], Field(max_length=MAX_RULES)]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Actions = Annotated[tuple[ActionName, ...], Field(min_length=1)]
_EVERY: Actions = ("discover", "stream", "train")


class VisaEntry(Wire):
    """A visa that must be held: any of `values`, said by any of `by`, of any of `sources`."""

    type: VisaType
    values: Annotated[Texts, Field(min_length=1)]
    by: Annotated[tuple[ByName, ...], Field(min_length=1)] = ("so", "system", "dac", "peer")
    sources: Texts = ()
    max_age_days: Annotated[int, Field(ge=1, le=36_500)] | None = None

    @field_validator("type")
    @classmethod
    def _can_be_asked_for(cls, kind: VisaType) -> VisaType:
        if kind in _NOT_A_CONDITION:
            raise ValueError(f"{kind.value} says who somebody is, not what they may do")
        return kind


Visas = Annotated[tuple[VisaEntry, ...], Field(max_length=MAX_RULES)]


class CeilingsEntry(Wire):
    public: GranularityName | None = None
    registered: GranularityName | None = None
    controlled: GranularityName | None = None


class EntryTypeEntry(Wire):
    """What answers about one entry type need and hold; what is left out is the dataset's."""

    level: LevelName | None = None
    ceilings: CeilingsEntry = CeilingsEntry()


class ConditionsEntry(Wire):
    """Visas needed besides, for each level: all of them."""

    registered: Visas = ()
    controlled: Visas = ()


class ExcludeEntry(Wire):
    people: Annotated[tuple[Identity, ...], Field(max_length=MAX_PEOPLE)] = ()
    visas: Visas = ()


class WindowEntry(Wire):
    """From the beginning of one day to the end of another, in UTC."""

    first: date | None = None
    last: date | None = None
    actions: Actions = _EVERY

    @model_validator(mode="after")
    def _in_order(self) -> WindowEntry:
        if self.first is None and self.last is None:
            raise ValueError("expected first, last or both")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("last lies before first")
        return self


class ObligationEntry(Wire):
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    actions: Actions = _EVERY


class ProfileEntry(Wire):
    """A profile of the file's own: what is left out is that of the one it rests on."""

    name: ProfileName
    based_on: Literal["default", "rare-disease", "controlled"] = "default"
    everybody: bool | None = None
    allowance: Annotated[float, Field(ge=limits.MIN_ALLOWANCE, le=limits.MAX_ALLOWANCE)] | None = (
        None
    )
    noise: Annotated[int, Field(ge=limits.MIN_SCALE, le=limits.MAX_SCALE)] | None = None
    counts: Annotated[int, Field(ge=0, le=limits.MAX_COUNTS)] | None = None
    least: Annotated[int, Field(ge=limits.MIN_LEAST, le=limits.MAX_LEAST)] | None = None
    min_people: Annotated[int, Field(ge=limits.MIN_PEOPLE, le=limits.MAX_PEOPLE)] | None = None
    max_filters: Annotated[int, Field(ge=0, le=limits.MAX_FILTERS)] | None = None
    max_span: Annotated[int, Field(ge=1, le=limits.MAX_SPAN)] | None = None

    @field_validator("name")
    @classmethod
    def _is_not_ours(cls, name: str) -> str:
        if name in set(Profile):
            raise ValueError(f"{name} is built in; give a profile of your own another name")
        return name

    @model_validator(mode="after")
    def _says_something_safe(self) -> ProfileEntry:
        if self.based_on == "rare-disease" and (self.everybody or self.allowance is not None):
            raise ValueError("profiles based on rare-disease tell everybody nothing, price nothing")
        if self.terms().signal > limits.MAX_SIGNAL:
            raise ValueError(
                f"so many counts with so little noise: noise times {limits.MAX_SIGNAL:g} must be "
                "at least the root of counts"
            )
        return self

    def terms(self) -> Terms:
        """What is said here over what the profile that it rests on says."""
        base = built_in(Profile(self.based_on))
        if base is None:
            raise ValueError("open protects nothing and cannot be changed")
        given: dict[str, Any] = {
            "everybody": self.everybody,
            "allowance": self.allowance,
            "scale": self.noise,
            "counts": self.counts,
            "least": self.least,
            "min_people": self.min_people,
            "max_filters": self.max_filters,
            "max_span": self.max_span,
        }
        return replace(base, **{key: said for key, said in given.items() if said is not None})


class DatasetEntry(Wire):
    id: LocalId
    level: LevelName
    profile: ProfileName = "default"
    registered_rule: RegisteredRule | None = None
    listed: bool = True
    grant_value: Text | None = None
    ceilings: CeilingsEntry = CeilingsEntry()
    entries: dict[EntryTypeId, EntryTypeEntry] = Field(default_factory=dict)
    conditions: ConditionsEntry = ConditionsEntry()
    exclude: ExcludeEntry = ExcludeEntry()
    windows: Annotated[tuple[WindowEntry, ...], Field(max_length=MAX_RULES)] = ()
    obligations: Annotated[tuple[ObligationEntry, ...], Field(max_length=MAX_RULES)] = ()
    workspaces: Annotated[tuple[LocalId, ...], Field(max_length=MAX_PEOPLE)] = ()
    committee: Annotated[tuple[Identity, ...], Field(max_length=MAX_PEOPLE)] = ()
    committee_name: Text | None = None
    approvals: Annotated[int, Field(ge=1, le=MAX_APPROVALS)] = 1
    terms: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)] = ""
    requests_at: RequestsAt | None = None
    data_use: Annotated[tuple[DataUseTerm, ...], Field(max_length=MAX_TERMS)] = ()
    data_use_for_answers: bool = False
    insecure_clear_streams: bool = False
    unconfined_trials: bool = False

    @model_validator(mode="after")
    def _clear_is_for_anyone(self) -> DatasetEntry:
        unrestricted = [(term.id, term.modifiers) for term in self.data_use] == [(_NRES, ())]
        if self.insecure_clear_streams and not (self.level == "public" and unrestricted):
            raise ValueError(
                f"insecure_clear_streams needs level public and data_use {_NRES} alone"
            )
        return self

    @model_validator(mode="after")
    def _enough_can_approve(self) -> DatasetEntry:
        if self.approvals > max(1, len(set(self.committee))):
            raise ValueError("approvals: more than the committee has members")
        return self

    @model_validator(mode="after")
    def _open_is_public(self) -> DatasetEntry:
        if self.profile == "open" and self.level != "public":
            raise ValueError("profile open needs level public")
        return self


class GivenVisa(Wire):
    type: VisaType
    value: Text
    by: ByName | None = "so"
    source: Text = "urn:persona"


class Given(Wire):
    """A caller of that standing; `visas` are held besides, `person` is who it is (`sub@issuer`),
    and `at` is the day, which a dataset with windows must be told."""

    persona: PersonaName
    dataset: str
    action: Action = Action.DISCOVER
    entry: EntryTypeId | None = None
    visas: Annotated[tuple[GivenVisa, ...], Field(max_length=MAX_RULES)] = ()
    person: Identity | None = None
    at: date | None = None


class Expect(Wire):
    outcome: Literal["permit", "needs-review", "deny"]
    ceiling: GranularityName | None = None
    reason: str | None = None


class PolicyTest(Wire):
    given: Given
    expect: Expect


class PolicyFile(Wire):
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")] = "1"
    registered_rule: RegisteredRule = "bona_fide"
    second_person: Annotated[tuple[AdminArea, ...], Field(max_length=2)] = ()
    profiles: Annotated[tuple[ProfileEntry, ...], Field(max_length=MAX_PROFILES)] = ()
    datasets: Annotated[tuple[DatasetEntry, ...], Field(max_length=MAX_DATASETS)]
    tests: Annotated[tuple[PolicyTest, ...], Field(max_length=MAX_TESTS)] = ()

    @field_validator("datasets")
    @classmethod
    def _each_once(cls, entries: tuple[DatasetEntry, ...]) -> tuple[DatasetEntry, ...]:
        named = Counter(entry.id for entry in entries)
        twice = sorted(dataset for dataset, times in named.items() if times > 1)
        if twice:
            raise ValueError(f"dataset named twice: {', '.join(twice)}")
        return entries

    @field_validator("profiles")
    @classmethod
    def _named_once(cls, entries: tuple[ProfileEntry, ...]) -> tuple[ProfileEntry, ...]:
        named = Counter(entry.name for entry in entries)
        twice = sorted(name for name, times in named.items() if times > 1)
        if twice:
            raise ValueError(f"profile named twice: {', '.join(twice)}")
        return entries

    @model_validator(mode="after")
    def _profiles_are_known(self) -> PolicyFile:
        known = set(Profile) | {entry.name for entry in self.profiles}
        for entry in self.datasets:
            if entry.profile not in known:
                raise ValueError(f"{entry.id}: profile {entry.profile} is not one of this file")
        return self

    @model_validator(mode="after")
    def _rare_disease_is_for_the_bona_fide(self) -> PolicyFile:
        for entry in self.datasets:
            if self.rests_on(entry) is not Profile.RARE_DISEASE:
                continue
            if entry.level == "public" or entry.registered_rule == "login":
                raise ValueError(
                    "profile rare-disease needs level registered or controlled, and bona fide users"
                )
            if self.registered_rule == "login" and not entry.registered_rule:
                raise ValueError("profile rare-disease needs registered_rule: bona_fide")
        return self

    def own_profile(self, entry: DatasetEntry) -> ProfileEntry | None:
        """The profile of this file that a dataset names; None where it names a built-in one."""
        return next((each for each in self.profiles if each.name == entry.profile), None)

    def rests_on(self, entry: DatasetEntry) -> Profile:
        own = self.own_profile(entry)
        return Profile(entry.profile if own is None else own.based_on)


def json_schema() -> dict[str, object]:
    """The published schema of a policy file (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Skerry node's policy file",
        **{k: v for k, v in PolicyFile.model_json_schema().items() if k != "title"},
    }
