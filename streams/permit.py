"""Decides whether a permit covers an object, a recipient, a number of bytes and a time.

Pure. The signature is checked by `access.permits.check`; who checks this rule is `streams.release`
for the bytes and `streams.agent` for the header.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.grants import Permit


@dataclass(frozen=True, slots=True)
class Use:
    """What is about to happen; `recipient` is a key's thumbprint, `sent_bytes` all so far, and
    `whole` says that the object leaves as it is, and not cut to the permit's regions."""

    object_id: str
    dataset: str
    recipient: str
    sent_bytes: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Coverage:
    """Covered where there is no reason against it."""

    reasons: tuple[str, ...]

    @property
    def covered(self) -> bool:
        return not self.reasons


def cover(permit: Permit, use: Use, *, now: int) -> Coverage:
    """Every reason that speaks against the use, as stable codes."""
    against = {
        "permit_object": use.object_id not in permit.objects,
        "permit_dataset": use.dataset != permit.dataset,
        "permit_regions": use.whole and permit.regions is not None,
        "permit_recipient": use.recipient != permit.recipient,
        "permit_budget": not 0 <= use.sent_bytes <= permit.byte_budget,
        "permit_expired": now >= permit.expires,
    }
    return Coverage(tuple(code for code, holds in against.items() if holds))
