"""The policy book of a running node: whichever version is in force, switched without a restart.

A change is on record, durably, before the first decision under it. Leaves versions and their files
to `policies.versions`, and when to look to the gateway. A request that takes `consult` once sees
one version throughout.
"""

from __future__ import annotations

from pathlib import Path

from access.policies.decision import Action, DatasetPolicy, Decision, Judge, Reached, Weighed
from access.policies.decision_facts import DecisionFacts
from access.policies.file import load_policies
from access.policies.policy import PolicyBook
from access.policies.versions import Activation, PolicyVersions
from access.record.audit import Record
from passports.researcher import Researcher

_Seen = tuple[int, int, int]


class LivePolicies(PolicyBook):
    """Answers as the book in force does; the node's `policies.yaml` until a version is activated.

    Raises the errors of the file it starts with: a node does not start on a broken policy. Later a
    version that can't be used leaves the former one in force."""

    def __init__(
        self,
        versions: PolicyVersions,
        *,
        draft: Path,
        public_url: str,
        record: Record,
        facts: DecisionFacts | None = None,
    ) -> None:
        super().__init__((), version="none")
        self._versions = versions
        self._record = record
        self._facts = facts
        self._seen = self._look()
        activation = versions.active()
        if activation is None:
            book = load_policies(draft, public_url=public_url)
        else:
            book = versions.read(activation.number).book
        self._note(activation, book, cause="start")
        self._held = book

    def refresh(self) -> bool:
        """Takes up a version that came into force since; whether there was one. Raises
        `PolicyInvalid` or `RecordUnavailable`, and then keeps what it has."""
        seen = self._look()
        if seen == self._seen:
            return False
        activation = self._versions.active()
        if activation is not None:
            book = self._versions.read(activation.number).book
            self._note(activation, book, cause=activation.cause)
            self._held = book
        self._seen = seen
        return activation is not None

    def keep_facts(self, now: int) -> None:
        """Writes what was decided on lately; raises `OSError`."""
        if self._facts is not None:
            self._facts.flush(now)

    def _look(self) -> _Seen | None:
        try:
            found = self._versions.log.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _note(self, activation: Activation | None, book: PolicyBook, *, cause: str) -> None:
        facts: dict[str, object] = {
            "policy_version": book.version,
            "cause": cause,
            "datasets": len(book.datasets()),
        }
        if activation is not None:
            facts |= {
                "number": activation.number,
                "sha256": activation.sha256,
                "log_entry": activation.hash,
                "author": self._record.pseudonym(activation.author),
            }
        self._record.append("policy.activated", facts, durable=True)

    @property
    def version(self) -> str:
        return self._held.version

    @property
    def second_person(self) -> frozenset[str]:
        return self._held.second_person

    def consult(
        self,
        researcher: Researcher | None,
        action: Action,
        *,
        now: int,
        entries: frozenset[str] | None = None,
        dataset: str | None = None,
    ) -> PolicyBook:
        if self._facts is not None:
            self._facts.note(researcher, action, now=now, entries=entries, dataset=dataset)
        return self._held

    def current(self) -> PolicyBook:
        return self._held

    def reached(self, researcher: Researcher | None, *, now: int) -> Reached:
        return self._held.reached(researcher, now=now)

    def datasets(self) -> tuple[str, ...]:
        return self._held.datasets()

    def policy(self, dataset: str) -> DatasetPolicy | None:
        return self._held.policy(dataset)

    def weigh(
        self,
        researcher: Researcher | None,
        dataset: str,
        action: Action,
        *,
        now: int,
        entries: frozenset[str] | None = None,
        judge: Judge | None = None,
    ) -> Weighed:
        return self._held.weigh(researcher, dataset, action, now=now, entries=entries, judge=judge)

    def decide(
        self,
        researcher: Researcher | None,
        dataset: str,
        action: Action,
        *,
        now: int,
        entries: frozenset[str] | None = None,
        judge: Judge | None = None,
    ) -> Decision:
        return self._held.decide(researcher, dataset, action, now=now, entries=entries, judge=judge)

    def may_know(self, researcher: Researcher | None, dataset: str, *, now: int) -> bool:
        return self._held.may_know(researcher, dataset, now=now)
