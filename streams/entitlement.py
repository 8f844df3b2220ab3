"""Finds out whether a caller may have an object now, and at which workspace.

The order is fixed: object, policy, grant, workspace, key. Who may not know of the dataset gets
the answer for an unknown object. Leaves the rules to `access.policy` and issues nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from access.policy import Action, Decision, PolicyBook
from access.recipients import Recipients, Workspace
from access.rows import Grant
from access.store import Store
from passports.passport import Researcher
from schemas.grants import GrantedRegion
from streams.errors import NoSuchObject, ReleaseRefused
from streams.sources import Kind
from streams.vault import SealedObject, Vault

MAX_HELD = 10_000


@dataclass(frozen=True, slots=True)
class Entitlement:
    """All that a release rests on, as it was at one moment."""

    researcher: Researcher
    sealed: SealedObject
    decision: Decision
    grant: Grant
    workspace: Workspace

    @property
    def regions(self) -> tuple[GrantedRegion, ...] | None:
        """What of the object is granted; None is the whole."""
        return self.grant.regions_of(self.sealed.object_id)


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Reads the databases each time; only that a release still held is remembered, for the second
    in which it was seen and until this process changes anything. Methods block."""

    vault: Vault
    book: PolicyBook
    store: Store
    recipients: Recipients
    _held: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict, repr=False)

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
        grant = self.store.active_grant(
            researcher.identity, sealed.dataset, unit=object_id, now=now
        )
        if grant is None:
            raise ReleaseRefused(
                "There is no active grant for this dataset that names this object or regions of "
                "it: request access.",
                reasons=("no_grant",),
            )
        workspace = self.recipients.approved(grant.workspace, now=now)
        if workspace is None:
            raise ReleaseRefused(
                "The grant's workspace is not confirmed, or its key has run out.",
                reasons=("workspace_not_approved",),
            )
        if decision.workspaces and grant.workspace not in decision.workspaces:
            raise ReleaseRefused(
                "The dataset's policy does not name the grant's workspace.",
                reasons=("workspace_not_named",),
            )
        if client_key is not None and not hmac.compare_digest(client_key, workspace.public_key):
            raise ReleaseRefused(
                "The key sent is not the one registered for the grant's workspace.",
                reasons=("foreign_key",),
            )
        return Entitlement(researcher, sealed, decision, grant, workspace)

    def known_to_hold(self, given: Entitlement, now: int) -> bool:
        """Whether `still_holds` would say so without waiting for anything."""
        name = given.grant.grant_id, given.workspace.public_key.hex()
        return self._held.get(name) == (self.store.changes, now)

    def still_holds(self, given: Entitlement, now: int) -> bool:
        """Whether grant, workspace and key are what they were when the release was opened.

        A change in this process counts at once, one in another within a second."""
        name = given.grant.grant_id, given.workspace.public_key.hex()
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
        held = self.store.active_grants(given.researcher.identity, now=now)
        if all(grant.grant_id != given.grant.grant_id for grant in held):
            return False
        workspace = self.recipients.approved(given.grant.workspace, now=now)
        return workspace is not None and workspace.public_key == given.workspace.public_key

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
