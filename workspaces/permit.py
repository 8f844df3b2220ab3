"""Decides whether a permit covers a run of this workspace, as the workspace itself sees it. Pure.

The node has decided already; the workspace does not rely on it. Whatever the coordinator asks
later, the engine is told only what stands here. The signature covers other bytes than that of a
permit for an object (`SIGNED_AS`), so neither passes for the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from access.runs.rules import SIGNED_AS, Intent, against
from schemas.grants import Permit, SignedPermit
from schemas.runs import RunClause
from streams.keys import thumbprint
from workspaces.errors import PermitUnfit


@dataclass(frozen=True, slots=True)
class Wanted:
    """The run as this workspace asked for it; `node_key` is the pinned one, `public_key` that of
    this start."""

    node: str
    node_key: bytes
    workspace: str
    run: str
    dataset: str
    public_key: bytes
    intent: Intent


@dataclass(frozen=True, slots=True)
class RunPermit:
    """A permit that was proven to be for this run; only `verify` makes one."""

    permit: Permit
    clause: RunClause


def verify(signed: SignedPermit, wanted: Wanted, *, now: int) -> RunPermit:
    """Raises PermitUnfit with every reason."""
    permit = signed.permit
    try:
        key = Ed25519PublicKey.from_public_bytes(wanted.node_key)
        key.verify(bytes.fromhex(signed.signature), SIGNED_AS + permit.signed_bytes())
    except (InvalidSignature, ValueError) as error:
        raise PermitUnfit("permit_not_signed") from error
    if permit.run is None:
        raise PermitUnfit("permit_not_for_a_run")
    speaks = {
        "permit_of_another_node": permit.audience != wanted.node,
        "permit_of_another_workspace": permit.workspace != wanted.workspace,
        "permit_of_another_run": permit.run.run != wanted.run,
        "permit_of_another_dataset": permit.dataset != wanted.dataset,
        "permit_of_another_key": permit.recipient != thumbprint(wanted.public_key),
        "permit_expired": now >= permit.expires,
    }
    reasons = tuple(code for code, holds in speaks.items() if holds)
    reasons += against(permit.run.terms, wanted.intent)
    if reasons:
        raise PermitUnfit(*reasons)
    return RunPermit(permit, permit.run)
