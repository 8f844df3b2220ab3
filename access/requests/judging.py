"""Asks a dataset's conditions of data use about a request, at one version of the policies.

What the node knows (who asks, for how long, how long they had it) stands above what is stated.
Leaves matching to `duo` and what follows from a verdict to `requests.desk`.
"""

from __future__ import annotations

from dataclasses import dataclass

from access.policies.policy import PolicyBook
from access.purpose_check import PurposeCheck
from access.requests.lifecycle import AccessRequest
from access.store import Store
from duo.report import report
from duo.verdict import Outcome, Verdict
from schemas.data_use import DataUseRequest, VerdictView


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with the version of the policies whose conditions it rests on."""

    verdict: Verdict
    policy_version: str

    @property
    def denies(self) -> bool:
        return self.verdict.outcome is Outcome.DENY

    def view(self) -> VerdictView:
        return report(self.verdict, policy=self.policy_version)

    def facts(self) -> dict[str, object]:
        versions = self.verdict.versions
        return {
            "data_use": self.verdict.outcome.value,
            "duo": versions.duo,
            "mondo": versions.diseases,
            "policy": self.policy_version,
        }


class Judge:
    def __init__(self, store: Store, *, book: PolicyBook, check: PurposeCheck) -> None:
        self._store = store
        self._book = book
        self._check = check

    def of(self, request: AccessRequest, *, now: int) -> Judged:
        return self.ask(
            request.dataset,
            request.data_use,
            requester=request.requester,
            months=request.months,
            now=now,
        )

    def ask(
        self, dataset: str, stated: DataUseRequest, *, requester: str, months: int, now: int
    ) -> Judged:
        book = self._book.current()
        policy = book.policy(dataset)
        verdict = self._check.ask(
            None if policy is None else policy.consent,
            stated,
            requester=requester,
            months=months,
            held=self._store.held(requester, dataset),
            now=now,
        )
        return Judged(verdict, book.version)
