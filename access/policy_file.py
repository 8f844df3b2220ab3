"""Reads the node's policy file (YAML) into a `PolicyBook`, and refuses what it does not understand.

The file carries its own tests (`given` a persona, `expect` an outcome): they run at every load and
a book that fails one is never activated. Leaves the rules themselves to `policy`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError, field_validator

from access.errors import PolicyInvalid
from access.policy import (
    BONA_FIDE,
    Action,
    DatasetPolicy,
    Granularity,
    Level,
    Outcome,
    PolicyBook,
    Profile,
    RegisteredRule,
)
from duo.consent import read_consent
from passports.passport import Researcher
from passports.visas import Visa, VisaType
from schemas.data_use import MAX_TERMS, DataUseTerm
from schemas.wire import LocalId, Wire

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_DATASETS = 10_000
MAX_TESTS = 10_000

GranularityName = Literal["boolean", "count", "record", "none"]
LevelName = Literal["public", "registered", "controlled"]
Persona = Literal["anonymous", "signed_in", "bona_fide", "granted"]
Identity = Annotated[str, StringConstraints(pattern=r"^\S+@\S+$", max_length=512)]

_CEILINGS: dict[Profile, dict[Level, Granularity | None]] = {
    Profile.OPEN: dict.fromkeys(Level, Granularity.RECORD),
    Profile.DEFAULT: {
        Level.PUBLIC: Granularity.BOOLEAN,
        Level.REGISTERED: Granularity.BOOLEAN,
        Level.CONTROLLED: Granularity.RECORD,
    },
    Profile.CONTROLLED: {
        Level.PUBLIC: None,
        Level.REGISTERED: None,
        Level.CONTROLLED: Granularity.RECORD,
    },
}


class CeilingsEntry(Wire):
    public: GranularityName | None = None
    registered: GranularityName | None = None
    controlled: GranularityName | None = None


class DatasetEntry(Wire):
    id: LocalId
    level: LevelName
    profile: Literal["open", "default", "controlled"] = "default"
    registered_rule: RegisteredRule = "bona_fide"
    listed: bool = True
    grant_value: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    ceilings: CeilingsEntry = CeilingsEntry()
    committee: tuple[Identity, ...] = ()
    data_use: Annotated[tuple[DataUseTerm, ...], Field(max_length=MAX_TERMS)] = ()


class Given(Wire):
    persona: Persona
    dataset: str
    action: Action = Action.DISCOVER


class Expect(Wire):
    outcome: Literal["permit", "deny"]
    ceiling: GranularityName | None = None
    reason: str | None = None


class PolicyTest(Wire):
    given: Given
    expect: Expect


class PolicyFile(Wire):
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")] = "1"
    datasets: Annotated[tuple[DatasetEntry, ...], Field(max_length=MAX_DATASETS)]
    tests: Annotated[tuple[PolicyTest, ...], Field(max_length=MAX_TESTS)] = ()

    @field_validator("datasets")
    @classmethod
    def _each_once(cls, entries: tuple[DatasetEntry, ...]) -> tuple[DatasetEntry, ...]:
        ids = [entry.id for entry in entries]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"dataset named twice: {', '.join(twice)}")
        return entries


class _StrictLoader(yaml.SafeLoader):
    """A key written twice is an error: the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002  (PyYAML's signature)
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        names = [key for key in keys if isinstance(key, Hashable)]  # others are refused below
        if len(names) != len(set(names)):
            raise yaml.constructor.ConstructorError(
                None, None, "key written twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def load_policies(path: Path, *, public_url: str) -> PolicyBook:
    """The book of a node. Its version is the file's with a hash, so that two files never share
    one. Raises `PolicyInvalid` naming the file, the field and what was expected."""
    raw = _read(path)
    try:
        file = PolicyFile.model_validate(yaml.load(raw, Loader=_StrictLoader))  # noqa: S506  (safe)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"{path}: {_where(error)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise PolicyInvalid(f"{path}: {where}: {first['msg']}") from error
    version = f"{file.version}+{hashlib.sha256(raw).hexdigest()[:12]}"
    url = public_url.rstrip("/")
    book = PolicyBook((_policy(entry, url, path) for entry in file.datasets), version=version)
    for number, test in enumerate(file.tests, start=1):
        problem = failure(book, test)
        if problem is not None:
            raise PolicyInvalid(f"{path}: tests.{number}: {problem}")
    return book


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: not YAML: {error.problem}"
    return "not YAML"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PolicyInvalid(f"{path}: can't be read: {error.strerror}") from error
    if len(raw) > MAX_FILE_BYTES:
        raise PolicyInvalid(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    return raw


def _policy(entry: DatasetEntry, public_url: str, path: Path) -> DatasetPolicy:
    level, profile = Level[entry.level.upper()], Profile(entry.profile)
    if profile is Profile.OPEN and level is not Level.PUBLIC:
        raise PolicyInvalid(f"{path}: {entry.id}: profile open needs level public")
    return DatasetPolicy(
        dataset=entry.id,
        grant_value=entry.grant_value or f"{public_url}/datasets/{entry.id}",
        level=level,
        profile=profile,
        ceilings=_ceilings(entry.ceilings, profile),
        listed=entry.listed,
        committee=entry.committee,
        consent=read_consent(entry.data_use) if entry.data_use else None,
        registered_rule=entry.registered_rule,
    )


def _ceilings(entry: CeilingsEntry, profile: Profile) -> dict[Level, Granularity | None]:
    """What the file leaves out is the profile's."""
    ceilings = dict(_CEILINGS[profile])
    for level in Level:
        name: GranularityName | None = getattr(entry, level.name.lower())
        if name is not None:
            ceilings[level] = _granularity(name)
    return ceilings


def _granularity(name: GranularityName) -> Granularity | None:
    return None if name == "none" else Granularity[name.upper()]


def failure(book: PolicyBook, test: PolicyTest) -> str | None:
    """What a policy test expected and got, None when it holds."""
    given, expect = test.given, test.expect
    policy = book.policy(given.dataset)
    grant = policy.grant_value if policy is not None else "urn:none"
    decision = book.decide(persona(given.persona, grant), given.dataset, given.action, now=0)
    if decision.outcome is not Outcome(expect.outcome):
        return f"expected {expect.outcome}, got {decision.outcome}"
    if expect.ceiling is not None and decision.ceiling is not _granularity(expect.ceiling):
        got = decision.ceiling.wire if decision.ceiling is not None else "none"
        return f"expected ceiling {expect.ceiling}, got {got}"
    codes = [reason.code for reason in decision.reasons]
    if expect.reason is not None and expect.reason not in codes:
        return f"expected reason {expect.reason}, got {', '.join(codes)}"
    return None


def persona(name: Persona, grant_value: str) -> Researcher | None:
    """A made-up caller of that standing, for tests of policies; good for one second at time 0."""
    if name == "anonymous":
        return None
    values = {
        "signed_in": (),
        "bona_fide": (
            (VisaType.RESEARCHER_STATUS, BONA_FIDE, "so"),
            (VisaType.ACCEPTED_TERMS, BONA_FIDE, "self"),
        ),
        "granted": ((VisaType.CONTROLLED_ACCESS, grant_value, "dac"),),
    }[name]
    visas = tuple(_visa(kind, value, by=by) for kind, value, by in values)
    return Researcher("urn:persona", name, visas=visas, dropped=(), expires=1)


def _visa(kind: VisaType, value: str, *, by: str) -> Visa:
    return Visa(
        issuer="urn:persona",
        subject="persona",
        type=kind,
        value=value,
        source="urn:persona",
        by=by,
        asserted=0,
        expires=1,
        jti=None,
    )
