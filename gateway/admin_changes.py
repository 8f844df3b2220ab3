"""What an admin changes on the node's pages: made at once, or by whom the policy wants besides.

Each kind calls the function behind the command. A change is looked through when it is asked for,
so that nothing impossible waits, and again when it is made. Rows and their states are
`access.admin_changes`'.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from access.admin_changes import AdminChanges, Change
from access.errors import PolicyInvalid, StepNotPossible
from access.policies.file import ReadFile, read_bytes
from access.policies.live import LivePolicies
from access.policies.versions import PolicyVersions
from beacon import manifest
from beacon.errors import UnknownVersion, VersionInUse
from gateway import policy_reading
from gateway.holding import reseal_job, resealing
from gateway.holding.load_jobs import Job, Jobs
from gateway.home import NodeHome
from schemas.errors import SkerryError
from schemas.messages import Message

DRAFT = "policies.yaml"


class Kind(StrEnum):
    ACTIVATE_POLICY = "policy.activate"  # text, over, draft
    ROLL_BACK_POLICY = "policy.rollback"  # number, over
    SERVE = "dataset.activate"  # dataset, version
    REMOVE = "dataset.remove"  # dataset, version
    PUBLISH = "dataset.publish"  # dataset, load, plan
    RESEAL = "dataset.reseal"  # dataset
    FREE = "dataset.free"  # dataset, object

    @property
    def area(self) -> str:
        """As a policy file names it under `second_person`."""
        return "policies" if self.value.startswith("policy.") else "datasets"


@dataclass(frozen=True, slots=True)
class Asked:
    """A change that somebody wants: `by` is their identity."""

    kind: Kind
    facts: Mapping[str, str]
    reason: str
    by: str


class AdminDesk:
    """Asks for, confirms and makes the changes of one node."""

    def __init__(
        self,
        home: NodeHome,
        changes: AdminChanges,
        *,
        book: LivePolicies,
        versions: PolicyVersions,
        jobs: Jobs,
        clock: Callable[[], int],
    ) -> None:
        self._home = home
        self.changes = changes
        self._book = book
        self._versions = versions
        self._jobs = jobs
        self._clock = clock

    def needs_second(self, kind: Kind) -> bool:
        return kind.area in self._book.second_person

    def ask(self, asked: Asked) -> Change | None:
        """The change that waits now, or None where it was made. Raises what making it would."""
        self._look_through(asked)
        if self.needs_second(asked.kind):
            return self.changes.propose(
                asked.kind, asked.facts, reason=asked.reason, by=asked.by, now=self._clock()
            )
        self.changes.made(asked.kind, asked.facts, reason=asked.reason, by=asked.by)
        self._make(asked)
        return None

    def confirm(self, change_id: str, *, by: str) -> Change:
        def make(change: Change) -> None:
            asked = Asked(Kind(change.kind), change.facts, change.reason, change.proposed_by)
            self._look_through(asked)
            self._make(asked)

        return self.changes.confirm(change_id, by=by, now=self._clock(), make=make)

    def withdraw(self, change_id: str, *, by: str) -> Change:
        return self.changes.withdraw(change_id, by=by, now=self._clock())

    def _look_through(self, asked: Asked) -> None:
        facts = asked.facts
        match asked.kind:
            case Kind.ACTIVATE_POLICY:
                raw = facts["text"].encode()
                _refuse_failing(DRAFT, policy_reading.read_text(self._home, raw, name=DRAFT))
            case Kind.ROLL_BACK_POLICY:
                number = int(facts["number"])
                _refuse_failing(f"version {number}", self._versions.read(number))
            case Kind.SERVE | Kind.REMOVE:
                _refuse_unknown(self._home, asked.kind, facts)
            case Kind.PUBLISH:
                plan = self._jobs.plans.plan(facts["load"])
                if not self._jobs.checked(plan) or self._jobs.plans.digest(plan) != facts["plan"]:
                    raise StepNotPossible(
                        Message("The plan or one of its files has changed: check it once more.")
                    )
            case Kind.RESEAL:
                resealing.refuse_unknown(self._home, facts["dataset"])
                reseal_job.idle(self._home, facts["dataset"])
            case Kind.FREE:
                resealing.can_be_said(self._home, facts["dataset"], [facts["object"]])

    def _make(self, asked: Asked) -> None:
        facts = asked.facts
        author, reason, now = asked.by, asked.reason, self._clock()
        match asked.kind:
            case Kind.ACTIVATE_POLICY:
                raw = facts["text"].encode()
                self._versions.activate(
                    raw, name=DRAFT, author=author, reason=reason, now=now, over=facts["over"]
                )
                keep_draft(self._home.policies, raw, opened=facts["draft"])
                self._book.refresh()
            case Kind.ROLL_BACK_POLICY:
                number = int(facts["number"])
                self._versions.roll_back(
                    to=number, author=author, reason=reason, now=now, over=facts["over"]
                )
                self._book.refresh()
            case Kind.SERVE:
                manifest.activate(self._home.catalog, facts["dataset"], facts["version"])
            case Kind.REMOVE:
                manifest.remove(self._home.catalog, facts["dataset"], facts["version"])
            case Kind.PUBLISH:
                self._jobs.start(self._jobs.plans.plan(facts["load"]), Job.PUBLISH)
            case Kind.RESEAL:
                reseal_job.begin(self._home, facts["dataset"])
            case Kind.FREE:
                resealing.free(
                    self._home, facts["dataset"], [facts["object"]],
                    record=self.changes.record, by=author,
                )  # fmt: skip


def keep_draft(path: Path, raw: bytes, *, opened: str) -> bool:
    """Writes the draft, unless the file is another than the one that was `opened` (its digest)."""
    if digest(path) != opened:
        return False
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(raw)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
    return True


def digest(path: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except SkerryError:
        return ""


def _refuse_failing(name: str, read: ReadFile) -> None:
    for problem in read.failures():
        raise PolicyInvalid(f"{name}: {problem}")


def _refuse_unknown(home: NodeHome, kind: Kind, facts: Mapping[str, str]) -> None:
    dataset, version = facts["dataset"], facts["version"]
    known = manifest.read_versions(home.catalog).get(dataset)
    if known is None or known.entry(version) is None:
        raise UnknownVersion(
            Message("%(dataset)s has no version %(version)s", dataset=dataset, version=version)
        )
    if kind is Kind.REMOVE and version == known.active:
        raise VersionInUse(
            Message("%(version)s is being served; activate another version first", version=version)
        )
