"""Issues and checks the signed `Permit` that turns a decision into a right to sealed bytes.

The permit binds researcher, objects, one recipient key (`cnf`, RFC 7800), a byte budget and an
expiry that never outlives the visas, the workspace key or an hour. Ed25519 over canonical JSON.
Releasing and counting bytes is the streams' part.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from access.errors import PermitNotIssued, PermitRefused
from access.policies.policy import Action, Decision
from access.recipients import Workspace
from access.record.audit import Record
from passports.researcher import Researcher
from schemas.grants import GrantedRegion, Permit, SignedPermit

MAX_PERMIT_SECONDS = 3600
MAX_OBJECTS = 1000
MAX_BYTE_BUDGET = 1 << 50
CLOCK_LEEWAY_SECONDS = 30  # between the node's processes; a permit is never used across nodes


class PermitOffice:
    """Holds the node's permit key; every permit is on record before anyone has it."""

    def __init__(self, signing_key: Ed25519PrivateKey, *, audience: str, record: Record) -> None:
        self._key = signing_key
        self._audience = audience
        self._record = record

    def issue(
        self,
        *,
        researcher: Researcher,
        decision: Decision,
        dataset: str,
        objects: tuple[str, ...],
        regions: tuple[GrantedRegion, ...] | None = None,
        workspace: Workspace,
        byte_budget: int,
        now: int,
    ) -> SignedPermit:
        """Raises PermitNotIssued where any part does not carry it."""
        _refuse_unfounded(decision, dataset, objects, byte_budget=byte_budget)
        if regions == ():
            raise PermitNotIssued("Expected a region, or none to be named.")
        limits = [now + MAX_PERMIT_SECONDS, researcher.expires, workspace.expires]
        if decision.expires is not None:
            limits.append(decision.expires)
        expires = min(limits)
        if expires <= now:
            raise PermitNotIssued("A visa or the workspace's key has run out.")
        permit = Permit(
            permit_id=secrets.token_hex(16),
            subject=self._record.pseudonym(researcher.identity),
            audience=self._audience,
            dataset=dataset,
            objects=objects,
            regions=regions,
            workspace=workspace.id,
            recipient=hashlib.sha256(workspace.public_key).hexdigest(),
            byte_budget=byte_budget,
            issued=now,
            expires=expires,
        )
        facts: dict[str, object] = {
            "permit": permit.permit_id,
            "by": permit.subject,
            "dataset": dataset,
            "objects": len(objects),
            "workspace": permit.workspace,
            "recipient": permit.recipient,
            "expires": expires,
            "policy": decision.policy_version,
        }
        if regions is not None:
            facts["regions"] = len(regions)
        self._record.append("access.permit", facts, durable=True)
        return SignedPermit(permit=permit, signature=self._key.sign(permit.signed_bytes()).hex())


def check(signed: SignedPermit, public_key: bytes, *, audience: str, now: int) -> Permit:
    """The permit, once signature, node and time hold; raises PermitRefused."""
    permit = signed.permit
    try:
        signature = bytes.fromhex(signed.signature)
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signature, permit.signed_bytes())
    except (ValueError, InvalidSignature) as problem:
        raise PermitRefused("The permit is not signed by this node.") from problem
    if permit.audience != audience:
        raise PermitRefused("The permit is for another node.")
    if permit.issued > now + CLOCK_LEEWAY_SECONDS:
        raise PermitRefused("The permit is not valid yet.")
    if now >= permit.expires or permit.expires - permit.issued > MAX_PERMIT_SECONDS:
        raise PermitRefused("The permit has run out.")
    if not permit.objects or permit.regions == () or permit.byte_budget <= 0:
        raise PermitRefused("The permit names nothing.")
    return permit


def _refuse_unfounded(
    decision: Decision, dataset: str, objects: tuple[str, ...], *, byte_budget: int
) -> None:
    if not decision.allowed or decision.action is not Action.STREAM:
        raise PermitNotIssued("The decision does not permit a release.")
    if decision.dataset != dataset:
        raise PermitNotIssued("The decision is about another dataset.")
    if not 0 < len(objects) <= MAX_OBJECTS:
        raise PermitNotIssued(f"Expected between 1 and {MAX_OBJECTS} objects.")
    if not 0 < byte_budget <= MAX_BYTE_BUDGET:
        raise PermitNotIssued("The byte budget is out of range.")
