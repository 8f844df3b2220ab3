"""From a signed request to the workspace that sent it: who, now, and not a second time.

RFC 9421 in the profile of `schemas.http_signature`. The target URI is this node's public URL and
the path, whatever the Host header says: a request to another node is worth nothing here. Each nonce
is taken once, over all workers; an unknown workspace and a wrong signature look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete

from access.errors import SignatureRefused
from access.recipients import Recipients, Workspace
from access.runs.tables import NonceRow
from access.store import Store
from schemas import http_signature
from schemas.http_signature import Parameters

MAX_AGE_SECONDS = 60
MAX_SKEW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Expected:
    """What a request says of itself; nothing of it is proven yet."""

    workspace: Workspace
    parameters: Parameters
    signature: bytes


@dataclass(frozen=True, slots=True)
class WorkspaceCaller:
    """Reads and writes the control database: call it off the event loop."""

    store: Store
    recipients: Recipients
    public_url: str
    clock: Callable[[], int]

    def expect(self, headers: Mapping[str, str], *, ended_too: bool = False) -> Expected:
        """Who says that a request is theirs, before its body is read: a confirmed workspace, now.
        `ended_too` admits one whose key was revoked or ran out since, which still has to say that
        all is wiped. Raises SignatureRefused."""
        now = self.clock()
        found = http_signature.read(
            headers.get("signature-input", ""), headers.get("signature", "")
        )
        if found is None:
            raise SignatureRefused(detail="malformed or absent")
        parameters, signature = found
        if not now - MAX_AGE_SECONDS <= parameters.created <= now + MAX_SKEW_SECONDS:
            raise SignatureRefused(detail="not of now")
        workspace = self.recipients.approved(parameters.keyid, now=now)
        if workspace is None and ended_too:
            workspace = self.recipients.ended(parameters.keyid)
        if workspace is None:
            raise SignatureRefused(detail="workspace unknown or not confirmed")
        return Expected(workspace, parameters, signature)

    def admit(self, expected: Expected, method: str, path: str, body: bytes) -> Workspace:
        """The workspace, which signed exactly this and sends it for the first time. Raises
        SignatureRefused."""
        signed = http_signature.base(
            method, self.public_url + path, body=body, parameters=expected.parameters
        )
        try:
            key = Ed25519PublicKey.from_public_bytes(expected.workspace.identity_key)
            key.verify(expected.signature, signed)
        except (ValueError, InvalidSignature) as error:
            raise SignatureRefused(detail="not its signature") from error
        self._take(expected.parameters, now=self.clock())
        return expected.workspace

    def _take(self, parameters: Parameters, *, now: int) -> None:
        """Remembers the nonce for as long as its request could come again."""
        try:
            with self.store.writing() as session:
                old = col(NonceRow.at) < now - MAX_AGE_SECONDS - MAX_SKEW_SECONDS
                session.exec(delete(NonceRow).where(old))
                nonce = f"{parameters.keyid}.{parameters.nonce}"
                session.add(NonceRow(nonce=nonce, at=parameters.created))
        except IntegrityError as error:
            raise SignatureRefused(detail="sent before") from error
