"""Finds out whether a caller may have an object now, and at which workspace.

The order is fixed: object, policy, grant, workspace, key, withdrawals. Who may not know of the
dataset gets the answer for an unknown object. A person may hold several grants of one object: those
of one workspace add up, those of another never do. Leaves the rules to `access.policies.policy` and
issues nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from access.policies.policy import Action, Decision, PolicyBook
from access.recipients import Recipients, Workspace
from access.rows import IssuedGrant
from access.store import Store
from passports.researcher import Researcher
from schemas.grants import GrantedRegion
from streams.errors import NoSuchObject, PersonWithdrew, ReleaseRefused
from streams.sources import Kind
from streams.vault import SealedObject, Vault

MAX_HELD = 10_000


@dataclass(frozen=True, slots=True)
class Entitlement:
    """All that a release rests on, as it was at one moment; every grant names the object and the
    workspace."""

    researcher: Researcher
    sealed: SealedObject
    decision: Decision
    grants: tuple[IssuedGrant, ...]
    workspace: Workspace

    @property
    def regions(self) -> tuple[GrantedRegion, ...] | None:
        """What of the object is granted, by one grant or another; None is the whole."""
        given: list[GrantedRegion] = []
        for grant in self.grants:
            regions = grant.regions_of(self.sealed.object_id)
            if regions is None:
                return None
            given += regions
        return tuple(dict.fromkeys(given))

    def rests_on(self) -> tuple[str, ...]:
        """What must still hold for it to hold, the very body among it."""
        body = self.sealed.object_id, self.sealed.segment_root
        return (*body, *(grant.grant_id for grant in self.grants), self.workspace.public_key.hex())


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Reads the databases each time; only that a release still held is remembered, for the second
    in which it was seen and until this process changes anything. `withdrawn` says how many have
    withdrawn from a dataset. Methods block."""

    vault: Vault
    book: PolicyBook
    store: Store
    recipients: Recipients
    withdrawn: Callable[[str], int]
    _held: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict, repr=False)

    def find(
        self,
        researcher: Researcher,
        object_id: str,
        kind: Kind,
        *,
        client_key: bytes | None,
        now: int,
    ) -> Entitlement:
        """Raises NoSuchObject, or ReleaseRefused with its reasons where the caller may know."""
        sealed = self.vault.get(object_id)
        named = self.named(object_id)
        dataset = named if sealed is None else sealed.dataset
        if dataset is None:
            raise NoSuchObject(reasons=("unknown_object",))
        book = self.book.consult(researcher, Action.STREAM, now=now, dataset=dataset)
        decision = book.decide(researcher, dataset, Action.STREAM, now=now)
        if not decision.allowed:
            # Said of every name under a listed dataset, so that no name tells what is there.
            self._refuse(researcher, decision, listed=dataset == named, now=now)
        if sealed is None or sealed.kind is not kind:
            raise NoSuchObject(reasons=("unknown_object",))
        grants = self.store.grants_of_unit(researcher.identity, sealed.dataset, object_id, now=now)
        workspace = self._workspace(grants, decision, client_key=client_key, now=now)
        there = tuple(grant for grant in grants if grant.workspace == workspace.id)
        if not self._is_clear(sealed):
            raise PersonWithdrew
        return Entitlement(researcher, sealed, decision, there, workspace)

    def _workspace(
        self,
        grants: Sequence[IssuedGrant],
        decision: Decision,
        *,
        client_key: bytes | None,
        now: int,
    ) -> Workspace:
        """Where the object may go: of several workspaces the one whose key was sent, else that of
        the first grant. Raises ReleaseRefused with the first condition that none of them meets."""
        if not grants:
            raise ReleaseRefused(
                "There is no active grant for this dataset that names this object or regions of "
                "it: request access.",
                reasons=("no_grant",),
            )
        named = dict.fromkeys(grant.workspace for grant in grants)
        found = [self.recipients.approved(name, now=now) for name in named]
        approved = [one for one in found if one is not None]
        if not approved:
            raise ReleaseRefused(
                "The grant's workspace is not confirmed, or its key has run out.",
                reasons=("workspace_not_approved",),
            )
        if decision.workspaces:
            approved = [one for one in approved if one.id in decision.workspaces]
        if not approved:
            raise ReleaseRefused(
                "The dataset's policy does not name the grant's workspace.",
                reasons=("workspace_not_named",),
            )
        if client_key is not None:
            approved = [one for one in approved if hmac.compare_digest(client_key, one.public_key)]
        if not approved:
            raise ReleaseRefused(
                "The key sent is not the one registered for the grant's workspace.",
                reasons=("foreign_key",),
            )
        return approved[0]

    def known_to_hold(self, given: Entitlement, now: int) -> bool:
        """Whether `still_holds` would say so without waiting for anything."""
        name = given.rests_on()
        return self._held.get(name) == (self.store.changes, now)

    def still_holds(self, given: Entitlement, now: int) -> bool:
        """Whether grants, workspace and key are what they were when the release was opened, and
        nobody has withdrawn whom the object may hold.

        A change in this process counts at once, one in another within a second."""
        name = given.rests_on()
        seen = self.store.changes, now  # before reading: a change meanwhile is looked at again
        if self._held.get(name) == seen:
            return True
        holds = self._holds(given, now)
        if len(self._held) >= MAX_HELD:
            self._held.clear()
        if holds:
            self._held[name] = seen
        return holds

    def _holds(self, given: Entitlement, now: int) -> bool:
        active = self.store.active_grants(given.researcher.identity, now=now)
        held = {grant.grant_id for grant in active}
        if not all(grant.grant_id in held for grant in given.grants):
            return False
        workspace = self.recipients.approved(given.workspace.id, now=now)
        if workspace is None or workspace.public_key != given.workspace.public_key:
            return False
        sealed = self.vault.get(given.sealed.object_id)
        if sealed is None:
            return False
        # What is sealed anew is free of who withdrew, and the body that is still being sent is not.
        is_same = sealed.segment_root == given.sealed.segment_root
        return self._is_clear(sealed if is_same else given.sealed)

    def _is_clear(self, sealed: SealedObject) -> bool:
        return sealed.cleared >= self.withdrawn(sealed.dataset)

    def named(self, object_id: str) -> str | None:
        """The dataset that the caller's own words name: `DATASET/...`."""
        found = [name for name in self.book.datasets() if object_id.startswith(f"{name}/")]
        return max(found, key=len, default=None)

    def _refuse(
        self, researcher: Researcher, decision: Decision, *, listed: bool, now: int
    ) -> NoReturn:
        reasons = tuple(reason.code for reason in decision.reasons) or ("denied",)
        if not listed or not self.book.may_know(researcher, decision.dataset, now=now):
            raise NoSuchObject(reasons=reasons)
        raise ReleaseRefused(_sentence(reason.text for reason in decision.reasons), reasons=reasons)


def _sentence(texts: Iterable[str]) -> str:
    return " ".join(texts) or "This dataset may not be streamed to you."
