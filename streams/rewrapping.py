"""Follows a permit: an object's header made again for the permit's recipient, or its keys for the
slicer.

Believes nobody: it checks signature, node, time and recipient of the permit itself, and takes the
named object's header from the vault itself. Crypt4GH v1.0 section 3; header-only re-wrapping. The
process around it is `streams.agent`'s, decisions and the record stay with its callers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field

from access.errors import PermitRefused
from access.permits import check
from schemas.grants import Permit
from streams.agent_wire import KeyAnswer, KeyRequest, RewrapRequest
from streams.errors import AgentRefused, EnvelopeInvalid, KeyInvalid
from streams.header import open_header, seal_header
from streams.keyring import Secrets
from streams.keys import check_public_bytes, thumbprint
from streams.permit import Use, cover
from streams.vault import SealedObject, Vault
from streams.writers import Writers

# Puts on record which permit was followed; raises where that cannot be.
Note = Callable[[str, Permit], None]


def unrecorded(_kind: str, _permit: Permit) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Agent:
    """Holds the keys, and gives them to nobody but the slicer."""

    secrets: Secrets
    permit_key: bytes
    audience: str
    vault: Vault
    note: Note = unrecorded
    writers: Writers = field(default_factory=Writers)

    def rewrap(self, request: RewrapRequest, *, now: int) -> bytes:
        """The object's header for the permit's recipient alone. Raises AgentRefused, and
        RecordUnavailable where what was given cannot be recorded: then it is not given."""
        recipient, sealed = self._permitted(request, whole=True, now=now)
        writer = self.writers.to(recipient, now=now)
        made = seal_header(self._data_keys(sealed), [recipient], writer=writer)
        self.note("agent.header", request.permit.permit)
        return made

    def unit_keys(self, request: KeyRequest, *, now: int) -> KeyAnswer:
        """The keys of one object, for the slicer alone. Raises as `rewrap`, and VaultBroken."""
        _, sealed = self._permitted(request, whole=False, now=now)
        if not sealed.sliceable:
            raise AgentRefused("There is no such object to slice.")
        self.note("agent.keys", request.permit.permit)
        return KeyAnswer(keys=tuple(key.hex() for key in self._data_keys(sealed)))

    def _permitted(
        self, request: RewrapRequest | KeyRequest, *, whole: bool, now: int
    ) -> tuple[bytes, SealedObject]:
        try:
            permit = check(request.permit, self.permit_key, audience=self.audience, now=now)
            recipient = check_public_bytes(base64.b64decode(request.recipient, validate=True))
        except (PermitRefused, KeyInvalid) as error:
            raise AgentRefused(error.public) from error
        except binascii.Error as error:
            raise AgentRefused("The recipient is not base64.") from error
        use = Use(request.object_id, permit.dataset, thumbprint(recipient), 0, whole=whole)
        if not (coverage := cover(permit, use, now=now)).covered:
            raise AgentRefused(f"The permit does not cover this: {coverage.reasons[0]}.")
        # From the vault, never from the caller: or a permit for one object would open any other.
        sealed = self.vault.get(request.object_id)
        if sealed is None or sealed.dataset != permit.dataset:
            raise AgentRefused("There is no such object in this dataset.")
        return recipient, sealed

    def _data_keys(self, sealed: SealedObject) -> tuple[bytes, ...]:
        try:
            opened = open_header(sealed.header_bytes, self.secrets())
        except (EnvelopeInvalid, KeyInvalid) as error:
            raise AgentRefused(error.public) from error
        if opened.edit_list is not None:
            raise AgentRefused("Headers with an edit list are not released.")
        return opened.data_keys
