"""Weighs researcher, dataset, action and time into a `Decision` with a granularity ceiling.

Pure: `now` is an argument, nothing is fetched. Every rule of a dataset's policy makes a finding;
the worst of them is the outcome (deny > needs-review > permit). Empty means no. Leaves the rules
to `weighing`, the policy file to `policies.file`, which of several versions holds to
`policies.live`, words to `explain` and what an answer may hold below its ceiling to `disclosure`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from access.policies import weighing
from access.policies.decision import (
    Action,
    Ceilings,
    DatasetPolicy,
    Decision,
    EntryRule,
    Finding,
    Granularity,
    Judge,
    Level,
    Obligation,
    Outcome,
    Profile,
    Reached,
    Reason,
    RegisteredRule,
    Rule,
    Weighed,
    Window,
)
from access.policies.visa_rules import BONA_FIDE
from duo.verdict import worst
from passports.researcher import Researcher

__all__ = [
    "BONA_FIDE",
    "Action",
    "Ceilings",
    "DatasetPolicy",
    "Decision",
    "EntryRule",
    "Finding",
    "Granularity",
    "Judge",
    "Level",
    "Obligation",
    "Outcome",
    "PolicyBook",
    "Profile",
    "Reason",
    "RegisteredRule",
    "Rule",
    "Weighed",
    "Window",
]

_HIDDEN = Reason("not_available", "There is no dataset of this name that you may use.")
# Stands in for a dataset that is not there, so that it costs what a hidden one costs.
_NOWHERE = DatasetPolicy(
    dataset="",
    grant_value="urn:skerry:nowhere",
    level=Level.CONTROLLED,
    profile=Profile.CONTROLLED,
    ceilings={},
    listed=False,
    committee=(),
    consent=None,
    registered_rule="bona_fide",
)


class PolicyBook:
    """The policies of a node, at one version. Without policies everything is refused."""

    def __init__(
        self,
        policies: Iterable[DatasetPolicy],
        *,
        version: str,
        registered_rule: RegisteredRule = "bona_fide",
        second_person: frozenset[str] = frozenset(),
    ) -> None:
        """`registered_rule` says who is registered at the node as a whole, `second_person` which
        changes by an admin another one confirms."""
        self._policies = {policy.dataset: policy for policy in policies}
        self._version = version
        self._second_person = second_person
        self._anywhere = replace(_NOWHERE, registered_rule=registered_rule)
        # What holds for anonymous callers, whatever the time: as many as there are policies,
        # actions and kinds of question.
        self._for_nobody: dict[tuple[str, Action, frozenset[str] | None], Weighed] = {}

    @property
    def version(self) -> str:
        return self._version

    @property
    def second_person(self) -> frozenset[str]:
        return self._second_person

    def consult(
        self,
        researcher: Researcher | None,
        action: Action,
        *,
        now: int,
        entries: frozenset[str] | None = None,
        dataset: str | None = None,
    ) -> PolicyBook:
        """The book to use for one whole request, so that no request sees two versions. A running
        node notes what will be decided on (`dataset` None: all of them), to replay it later."""
        return self

    def current(self) -> PolicyBook:
        """This very version, whatever comes into force later."""
        return self

    def reached(self, researcher: Researcher | None, *, now: int) -> Reached:
        """How much is known of the caller at the node as a whole, grants aside."""
        return weighing.reach(self._anywhere, researcher, now=now)

    def datasets(self) -> tuple[str, ...]:
        return tuple(self._policies)

    def policy(self, dataset: str) -> DatasetPolicy | None:
        return self._policies.get(dataset)

    def committee_of(self, identity: str) -> tuple[str, ...]:
        """The datasets on whose committee the person sits."""
        policies = ((name, self.policy(name)) for name in self.datasets())
        return tuple(n for n, policy in policies if policy and identity in policy.committee)

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
        """A dataset that the caller may not know of is refused exactly as one that is not there.

        `entries` are the entry types that a question touches: left out, the strictest holds."""
        weighed = self.weigh(researcher, dataset, action, now=now, entries=entries, judge=judge)
        return self.settle(weighed, dataset, action)

    def settle(self, weighed: Weighed, dataset: str, action: Action) -> Decision:
        """The worst finding is the outcome; what the caller may not know of is not there."""
        if not weighed.known:
            return self._hidden(dataset, action)
        outcome = worst(finding.outcome for finding in weighed.findings)
        permitted = outcome is Outcome.PERMIT
        return Decision(
            dataset=dataset,
            action=action,
            outcome=outcome,
            level=weighed.reached.level,
            ceiling=weighed.ceiling if permitted else None,
            profile=weighed.policy.profile,
            reasons=_reasons(weighed.findings, outcome),
            expires=_first(weighed.reached.expires, *(f.expires for f in weighed.findings)),
            policy_version=self.version,
            obligations=weighed.obligations if permitted else (),
            workspaces=weighed.policy.workspaces,
            disclosure=weighed.policy.disclosure,
        )

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
        """Every rule's finding, for `decide` and for explaining it."""
        policy = self._policies.get(dataset, _NOWHERE)
        if researcher is not None or judge is not None or policy.windows:
            return weighing.weigh(policy, researcher, action, now=now, entries=entries, judge=judge)
        key = (policy.dataset, action, entries)
        found = self._for_nobody.get(key)
        if found is None:
            found = weighing.weigh(policy, None, action, now=now, entries=entries, judge=None)
            self._for_nobody[key] = found
        return found

    def may_know(self, researcher: Researcher | None, dataset: str, *, now: int) -> bool:
        """Whether the caller may learn that the dataset exists."""
        policy = self._policies.get(dataset, _NOWHERE)
        level = weighing.reach(policy, researcher, now=now).level
        return weighing.may_know(policy, researcher, level, now=now)

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


def _reasons(findings: Iterable[Finding], outcome: Outcome) -> tuple[Reason, ...]:
    """Why not, in full; of a permit, what it rests on."""
    if outcome is Outcome.PERMIT:
        return tuple(finding.reason for finding in findings if finding.rule is Rule.LEVEL)
    return tuple(finding.reason for finding in findings if finding.outcome is outcome)


def _first(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)
