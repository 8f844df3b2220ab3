"""Reads the node's policy file (YAML) into a `PolicyBook`, and refuses what it does not understand.

Every refusal names the file, the line and the field. The file carries its own tests: they run at
every reading, and a book that fails one is never returned. Leaves the models to `policies.model`,
the tests to `policies.own_tests` and the rules to `policy`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from access.errors import PolicyInvalid
from access.policies.decision import (
    Action,
    Ceilings,
    DatasetPolicy,
    EntryRule,
    Granularity,
    Level,
    Obligation,
    Profile,
    Window,
)
from access.policies.model import (
    CeilingsEntry,
    DatasetEntry,
    GranularityName,
    PolicyFile,
    PolicyTest,
    VisaEntry,
    WindowEntry,
)
from access.policies.own_tests import failure, midnight
from access.policies.policy import PolicyBook
from access.policies.visa_rules import VisaRule
from duo.consent import read_consent
from duo.errors import ConsentUnreadable
from schemas import yaml_text
from schemas.messages import Message, following
from schemas.yaml_text import NotYaml

MAX_FILE_BYTES = 4 * 1024 * 1024
_DAY_SECONDS = 86_400

_CEILINGS: dict[Profile, dict[Level, Granularity | None]] = {
    Profile.OPEN: dict.fromkeys(Level, Granularity.RECORD),
    Profile.DEFAULT: {
        Level.PUBLIC: Granularity.BOOLEAN,
        Level.REGISTERED: Granularity.BOOLEAN,
        Level.CONTROLLED: Granularity.RECORD,
    },
    Profile.RARE_DISEASE: {
        Level.PUBLIC: None,
        Level.REGISTERED: Granularity.BOOLEAN,
        Level.CONTROLLED: Granularity.RECORD,
    },
    Profile.CONTROLLED: {
        Level.PUBLIC: None,
        Level.REGISTERED: None,
        Level.CONTROLLED: Granularity.RECORD,
    },
}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was understood, whether or not its tests hold."""

    book: PolicyBook
    tests: tuple[PolicyTest, ...]
    sha256: str

    def failures(self) -> tuple[str, ...]:
        found = ((n, failure(self.book, test)) for n, test in enumerate(self.tests, start=1))
        return tuple(following(f"tests.{number}:", problem) for number, problem in found if problem)


def load_policies(path: Path, *, public_url: str) -> PolicyBook:
    """The book of a file whose tests hold; raises `PolicyInvalid`."""
    return book_of(read_bytes(path), name=str(path), public_url=public_url)


def book_of(raw: bytes, *, name: str, public_url: str, number: int | None = None) -> PolicyBook:
    """The book of these bytes, if its tests hold."""
    read = read_policies(raw, name=name, public_url=public_url, number=number)
    for problem in read.failures():
        raise PolicyInvalid(following(f"{name}:", problem))
    return read.book


def read_policies(raw: bytes, *, name: str, public_url: str, number: int | None = None) -> ReadFile:
    """The book's version carries a hash, so that two files never share one: `v7+HASH` of a
    numbered version, else the file's own label. Raises `PolicyInvalid` naming file, line and
    field, and what was expected."""
    file = _parse(raw, name)
    sha256 = hashlib.sha256(raw).hexdigest()
    label = file.version if number is None else f"v{number}"
    url = public_url.rstrip("/")
    try:
        policies = [_policy(entry, file, public_url=url) for entry in file.datasets]
    except ConsentUnreadable as error:
        raise PolicyInvalid(f"{name}: data_use: {error.public}") from error
    book = PolicyBook(
        policies,
        version=f"{label}+{sha256[:12]}",
        registered_rule=file.registered_rule,
        second_person=frozenset(file.second_person),
    )
    return ReadFile(book, file.tests, sha256)


def read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PolicyInvalid(
            Message("%(path)s: can't be read: %(why)s", path=str(path), why=error.strerror or "")
        ) from error
    if len(raw) > MAX_FILE_BYTES:
        raise PolicyInvalid(
            Message(
                "%(path)s: larger than %(most)s bytes",
                path=str(path),
                most=MAX_FILE_BYTES,
            )
        )
    return raw


def _parse(raw: bytes, name: str) -> PolicyFile:
    try:
        written = yaml_text.read(raw)
    except NotYaml as error:
        raise PolicyInvalid(f"{name}: {error.public}") from error
    try:
        return PolicyFile.model_validate(written.content)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        # A mistyped key is also one that is missing; the typing is what there is to mend.
        first = min(found, key=lambda one: one["type"] != "extra_forbidden")
        field = ".".join(str(part) for part in first["loc"]) or "file"
        line = written.line(first["loc"])
        raise PolicyInvalid(f"{name}: line {line}: {field}: {first['msg']}") from error


def _policy(entry: DatasetEntry, file: PolicyFile, *, public_url: str) -> DatasetPolicy:
    profile, own = file.rests_on(entry), file.own_profile(entry)
    level, ceilings = _level(entry.level), _ceilings(entry.ceilings, _CEILINGS[profile])
    return DatasetPolicy(
        dataset=entry.id,
        grant_value=entry.grant_value or f"{public_url}/datasets/{entry.id}",
        level=level,
        profile=profile,
        ceilings=ceilings,
        listed=entry.listed,
        committee=entry.committee,
        consent=read_consent(entry.data_use) if entry.data_use else None,
        registered_rule=entry.registered_rule or file.registered_rule,
        entries={
            kind: EntryRule(
                level if rule.level is None else _level(rule.level),
                _ceilings(rule.ceilings, ceilings),
            )
            for kind, rule in entry.entries.items()
        },
        conditions={
            Level.REGISTERED: _visa_rules(entry.conditions.registered),
            Level.CONTROLLED: _visa_rules(entry.conditions.controlled),
        },
        excluded_visas=_visa_rules(entry.exclude.visas),
        excluded_people=frozenset(entry.exclude.people),
        windows=tuple(_window(one) for one in entry.windows),
        obligations=tuple(
            Obligation(o.code, o.text, frozenset(map(Action, o.actions))) for o in entry.obligations
        ),
        workspaces=frozenset(entry.workspaces),
        data_use_for_answers=entry.data_use_for_answers,
        clear_streams=entry.insecure_clear_streams,
        committee_name=entry.committee_name,
        approvals=entry.approvals,
        terms=entry.terms,
        requests_at=entry.requests_at,
        disclosure=None if own is None else own.terms(),
        profile_name=entry.profile,
        unconfined_trials=entry.unconfined_trials,
    )


def _level(name: str) -> Level:
    return Level[name.upper()]


def _ceilings(entry: CeilingsEntry, otherwise: Ceilings) -> Ceilings:
    """What the file leaves out is the profile's, or the dataset's."""
    ceilings = dict(otherwise)
    for level in Level:
        name: GranularityName | None = getattr(entry, level.name.lower())
        if name is not None:
            ceilings[level] = None if name == "none" else Granularity[name.upper()]
    return ceilings


def _visa_rules(entries: Sequence[VisaEntry]) -> tuple[VisaRule, ...]:
    return tuple(
        VisaRule(
            one.type,
            one.values,
            by=frozenset(one.by),
            sources=frozenset(one.sources),
            max_age_seconds=None if one.max_age_days is None else one.max_age_days * _DAY_SECONDS,
        )
        for one in entries
    )


def _window(entry: WindowEntry) -> Window:
    return Window(
        start=None if entry.first is None else midnight(entry.first),
        end=None if entry.last is None else midnight(entry.last) + _DAY_SECONDS,
        actions=frozenset(map(Action, entry.actions)),
    )
