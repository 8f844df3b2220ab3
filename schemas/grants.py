"""Permits: what the access room signs, and what streams and workspaces obey."""

from __future__ import annotations

from schemas.wire import LocalId, Wire, canonical_json


class Permit(Wire):
    """One recipient's right to named objects of one dataset until `expires`.

    `recipient` is the lower-case hex SHA-256 of the workspace's raw 32-byte X25519 public key
    (the confirmation key, `cnf`); times are epoch seconds.
    """

    permit_id: str
    subject: str  # keyed pseudonym of the researcher, never the plain subject
    audience: str  # the node's public URL
    dataset: LocalId
    objects: tuple[LocalId, ...]
    workspace: str
    recipient: str
    byte_budget: int
    issued: int
    expires: int

    def signed_bytes(self) -> bytes:
        return canonical_json(self.model_dump(mode="json"))


class SignedPermit(Wire):
    """A permit and the node's Ed25519 signature over `Permit.signed_bytes()`, in hex."""

    permit: Permit
    signature: str
