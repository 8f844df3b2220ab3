"""The desk where requests are made and decided: joins lifecycle, store, policy book and record.

Every door (JSON routes, node pages) comes through here, so that four eyes, visibility and the
record are the same at each. Unknown and not-yours requests raise the same NoSuchThing.
The dataset's conditions of data use are asked at each step: what they deny is neither submitted nor
approved, by nobody; what they leave open is the committee's to judge.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from access.audit import Record
from access.errors import DataUseDenied, NoSuchThing, SeparationOfDuties
from access.lifecycle import (
    OPEN_STATES,
    AccessRequest,
    Event,
    Part,
    State,
    Step,
    advance,
    granted_until,
    part_of,
    steps_open_to,
)
from access.policy import PolicyBook
from access.purpose_check import PurposeCheck
from access.recipients import KeyState, Recipients
from access.store import IssuedGrant, Store
from duo.report import report
from duo.verdict import Outcome, Verdict
from schemas.data_use import DataUseRequest, VerdictView
from schemas.errors import InvalidInput
from schemas.grants import NewRequest, PreCheck, StepBody

_ASKING = frozenset({Step.SUBMIT, Step.APPROVE})


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as one person may see it."""

    request: AccessRequest
    part: Part
    grant: IssuedGrant | None

    @property
    def steps(self) -> tuple[Step, ...]:
        return steps_open_to(self.request.state, self.part)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A verdict with the version of the policies whose conditions it rests on."""

    verdict: Verdict
    policy_version: str

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


class RequestDesk:
    def __init__(
        self,
        store: Store,
        *,
        recipients: Recipients,
        book: PolicyBook,
        record: Record,
        check: PurposeCheck,
    ) -> None:
        self._store = store
        self._recipients = recipients
        self._book = book
        self._record = record
        self._check = check

    def create(self, new: NewRequest, *, requester: str, now: int) -> AccessRequest:
        """A draft. The caller has checked that the requester may know of the dataset."""
        request = AccessRequest(
            request_id=f"req-{secrets.token_hex(16)}",
            requester=requester,
            dataset=new.dataset,
            project=new.project,
            purpose=new.purpose,
            workspace=new.workspace,
            months=new.months,
            state=State.DRAFT,
            created=now,
            updated=now,
            data_use=new.data_use,
        )
        if self._committee(new.dataset) is None:
            raise NoSuchThing(detail="request for a dataset without a policy")
        self._refuse_unfit_workspace(new.workspace, owner=requester, now=now)
        self._judge(request, now=now)  # so that what means nothing is refused before it is kept
        self._store.add_request(
            request, before_commit=lambda: self._note(request, "create", by=requester)
        )
        return request

    def see(self, request_id: str, *, viewer: str) -> Seen:
        """Raises NoSuchThing where the request is unknown or not the viewer's business."""
        request = self._store.request(request_id)
        if request is None:
            raise NoSuchThing(detail="unknown request")
        part = part_of(request, viewer, self._committee(request.dataset) or ())
        if part is None:
            raise NoSuchThing(detail="request of others")
        return Seen(request, part, self._store.grant_of(request_id))

    def judge(self, asked: PreCheck, *, requester: str, now: int) -> VerdictView:
        """What the conditions of data use say before anything is made or sent. The caller has
        checked that the requester may know of the dataset."""
        return self._ask(
            asked.dataset, asked.data_use, requester=requester, months=asked.months, now=now
        ).view()

    def verdict(self, request: AccessRequest, *, now: int) -> VerdictView | None:
        """What they say now to a request that waits for someone; None once it is decided."""
        if request.state not in OPEN_STATES or self._committee(request.dataset) is None:
            return None
        return self._judge(request, now=now).view()

    def committee_of(self, identity: str) -> tuple[str, ...]:
        """The datasets on whose committee the person sits."""
        return tuple(d for d in self._book.datasets() if identity in (self._committee(d) or ()))

    def own(self, identity: str) -> tuple[AccessRequest, ...]:
        return self._store.requests_of(identity)

    def for_committee(self, identity: str) -> tuple[AccessRequest, ...]:
        datasets = self.committee_of(identity)
        return self._store.requests_for(datasets) if datasets else ()

    def take(self, request_id: str, step: Step, body: StepBody, *, actor: str, now: int) -> Seen:
        """Takes one step and returns the request after it; a refused decision is recorded too."""
        seen = self.see(request_id, viewer=actor)
        if body.months is not None and step is not Step.APPROVE:
            raise InvalidInput("«months» belongs to an approval only.")
        if body.data_use is not None and step is not Step.SUBMIT:
            raise InvalidInput("«data_use» belongs to a submission only.")
        try:
            self._move(seen, step, body, actor=actor, now=now)
        except SeparationOfDuties:
            self._note(seen.request, f"refused {step}", by=actor)
            raise
        return self.see(request_id, viewer=actor)

    def _move(self, seen: Seen, step: Step, body: StepBody, *, actor: str, now: int) -> None:
        request = seen.request
        target = advance(request.state, step, seen.part)
        if body.data_use is not None:
            request = replace(request, data_use=body.data_use)
        judged = self._judge(request, now=now)
        if step in _ASKING and judged.verdict.outcome is Outcome.DENY:
            self._note(request, f"refused {step}", by=actor, judged=judged)
            raise DataUseDenied(judged.view().explain_user)
        grant = None
        if step is Step.APPROVE:
            self._refuse_unfit_workspace(request.workspace, owner=request.requester, now=now)
            grant = _grant(request, judged.verdict, allowed_months=body.months, now=now)
        self._store.take_step(
            request,
            Event(at=now, step=step, actor=actor, note=body.note),
            to=target,
            grant=grant,
            before_commit=lambda: self._note(request, step, by=actor, grant=grant, judged=judged),
        )

    def _judge(self, request: AccessRequest, *, now: int) -> _Judged:
        return self._ask(
            request.dataset,
            request.data_use,
            requester=request.requester,
            months=request.months,
            now=now,
        )

    def _ask(
        self, dataset: str, stated: DataUseRequest, *, requester: str, months: int, now: int
    ) -> _Judged:
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
        return _Judged(verdict, book.version)

    def _refuse_unfit_workspace(self, workspace_id: str, *, owner: str, now: int) -> None:
        """Another person's workspace is refused as an unknown one is: ids tell nobody anything."""
        found = self._recipients.registration(workspace_id)
        alive = found is not None and found.state is not KeyState.REVOKED and now < found.expires
        if found is None or found.owner != owner or not alive:
            raise InvalidInput("The workspace is not registered at this node, or no longer.")

    def _committee(self, dataset: str) -> tuple[str, ...] | None:
        policy = self._book.policy(dataset)
        return None if policy is None else policy.committee

    def _note(
        self,
        request: AccessRequest,
        step: str,
        *,
        by: str,
        grant: IssuedGrant | None = None,
        judged: _Judged | None = None,
    ) -> None:
        facts: dict[str, object] = {
            "step": step,
            "request": request.request_id,
            "dataset": request.dataset,
            "workspace": request.workspace,
            "requester": self._record.pseudonym(request.requester),
            "by": self._record.pseudonym(by),
        }
        if judged is not None:
            facts |= judged.facts()
        if grant is not None:
            facts |= {"grant": grant.grant_id, "expires": grant.expires}
        self._record.append("access.request", facts, durable=True)


def _grant(
    request: AccessRequest, verdict: Verdict, *, allowed_months: int | None, now: int
) -> IssuedGrant:
    """The committee may shorten what the conditions of data use allow, never lengthen it."""
    until = granted_until(now, asked_months=request.months, allowed_months=allowed_months)
    if verdict.expires is not None:
        until = min(until, verdict.expires)
    return IssuedGrant(
        grant_id=f"grant-{secrets.token_hex(16)}",
        identity=request.requester,
        dataset=request.dataset,
        workspace=request.workspace,
        expires=until,
        request_id=request.request_id,
        issued=now,
        obligations=report(verdict).obligations,
    )
