"""A request as one person may see it: their part, what they may do, who accepted, what they hold.

Pure. Leaves what may be seen at all to `requests.desk`, and the form in which it travels to
`requests.views`.
"""

from __future__ import annotations

from dataclasses import dataclass

from access.requests.approval import accepted, approvals, terms_digest
from access.requests.lifecycle import DECISIONS, AccessRequest, Part, Step, is_for, steps_open_to
from access.rows import IssuedGrant
from schemas.grants import TermsView


@dataclass(frozen=True, slots=True)
class Demands:
    """What a dataset's policy asks of every request for it."""

    approvals: int = 1
    terms: str = ""

    @property
    def digest(self) -> str | None:
        return terms_digest(self.terms) if self.terms else None

    def view(self) -> TermsView | None:
        return None if self.digest is None else TermsView(text=self.terms, digest=self.digest)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as one person may see it; in a list it comes without events and grants. `same` are
    the viewer's identities, as far as the node knows them."""

    request: AccessRequest
    part: Part
    viewer: str
    demands: Demands
    grants: tuple[IssuedGrant, ...] = ()
    same: frozenset[str] = frozenset()

    @property
    def grant(self) -> IssuedGrant | None:
        """The viewer's own, or to the committee the requester's."""
        whose = self.request.requester if self.part is Part.COMMITTEE else self.viewer
        return next((one for one in self.grants if one.identity == whose), None)

    @property
    def accepted(self) -> tuple[str, ...]:
        return accepted(self.request, self.demands.terms)

    @property
    def approved_by(self) -> tuple[str, ...]:
        return tuple(event.actor for event in approvals(self.request))

    @property
    def steps(self) -> tuple[Step, ...]:
        done: set[Step] = set()
        if not self.same.isdisjoint(self.approved_by):
            done.add(Step.APPROVE)
        if is_for(self.request, self.same):
            done |= DECISIONS
        if self.viewer in self.accepted:
            done.add(Step.ACCEPT)
        return tuple(s for s in steps_open_to(self.request.state, self.part) if s not in done)
