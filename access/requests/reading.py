"""Which requests a person may look at, in which part, and how a dataset is asked for.

A request that is unknown and one that is not the viewer's business raise the same NoSuchThing.
Leaves making and deciding to `requests.desk`.
"""

from __future__ import annotations

from dataclasses import replace

from access.errors import NoSuchThing
from access.linked import Linked
from access.policies.policy import PolicyBook
from access.requests.judging import Judge
from access.requests.lifecycle import OPEN_STATES, AccessRequest, Part, part_of
from access.requests.seen import Demands, Seen
from access.runs.rules import REVIEWERS
from access.store import Store
from schemas.data_use import VerdictView
from schemas.grants import Asking, PreCheck


class RequestReading:
    def __init__(self, store: Store, *, book: PolicyBook, judge: Judge) -> None:
        self._store = store
        self._linked = Linked(store)
        self._book = book
        self._judge = judge

    def see(self, request_id: str, *, viewer: str) -> Seen:
        """Raises NoSuchThing where the request is unknown or not the viewer's business."""
        request = self._store.request(request_id)
        if request is None:
            raise NoSuchThing(detail="unknown request")
        part = part_of(request, viewer, self._committee(request.dataset) or ())
        if part is None:
            raise NoSuchThing(detail="request of others")
        grants = self._store.grants_of(request_id)
        same = self._linked.same(viewer)
        return Seen(request, part, viewer, self.demands_on(request), grants, same)

    def own(self, identity: str) -> tuple[AccessRequest, ...]:
        return self._store.requests_of(identity)

    def for_committee(self, identity: str) -> tuple[AccessRequest, ...]:
        datasets = self.committee_of(identity)
        return self._store.requests_for(datasets) if datasets else ()

    def listed(self, identity: str) -> tuple[Seen, ...]:
        """All that a person may see, their own first, each once and in the part they play."""
        found: dict[str, Seen] = {}
        same = self._linked.same(identity)
        for part, requests in (
            (Part.REQUESTER, self.own(identity)),
            (Part.MEMBER, self._store.requests_naming(identity)),
            (Part.COMMITTEE, self.for_committee(identity)),
        ):
            for one in requests:
                seen = Seen(one, part, identity, self.demands_on(one), same=same)
                found.setdefault(one.request_id, seen)
        return tuple(found.values())

    def committee_of(self, identity: str) -> tuple[str, ...]:
        """The datasets on whose committee the person sits."""
        return tuple(d for d in self._book.datasets() if identity in (self._committee(d) or ()))

    def listed_datasets(self) -> dict[str, str | None]:
        """Those anyone may know of; with the address where one asks for access, if not here."""
        found = ((name, self._book.policy(name)) for name in self._book.datasets())
        return {name: one.requests_at for name, one in found if one is not None and one.listed}

    def asking(self, dataset: str) -> Asking:
        """How one asks for it. The caller has checked that it may be known of."""
        policy = self._book.policy(dataset)
        if policy is None:
            raise NoSuchThing(detail="asking for a dataset without a policy")
        demands = self.demands(dataset)
        return Asking(
            dataset=dataset,
            requests_at=policy.requests_at,
            approvals=demands.approvals,
            terms=demands.view(),
        )

    def demands(self, dataset: str) -> Demands:
        policy = self._book.policy(dataset)
        return Demands() if policy is None else Demands(policy.approvals, policy.terms)

    def demands_on(self, request: AccessRequest) -> Demands:
        """What is to run is reviewed by two people, whatever the policy asks of other requests."""
        demands = self.demands(request.dataset)
        if request.run is None:
            return demands
        return replace(demands, approvals=max(demands.approvals, REVIEWERS))

    def judge(self, asked: PreCheck, *, requester: str, now: int) -> VerdictView:
        """What the conditions of data use say before anything is made or sent. The caller has
        checked that the requester may know of the dataset."""
        return self._judge.ask(
            asked.dataset, asked.data_use, requester=requester, months=asked.months, now=now
        ).view()

    def verdict(self, request: AccessRequest, *, now: int) -> VerdictView | None:
        """What they say now to a request that waits for someone; None once it is decided."""
        if request.state not in OPEN_STATES or self._committee(request.dataset) is None:
            return None
        return self._judge.of(request, now=now).view()

    def _committee(self, dataset: str) -> tuple[str, ...] | None:
        policy = self._book.policy(dataset)
        return None if policy is None else policy.committee
