"""The grant that a test means when there is one."""

from __future__ import annotations

from access.rows import IssuedGrant
from access.store import Store


def active_grant(
    store: Store, identity: str, dataset: str, *, unit: str | None = None, now: int
) -> IssuedGrant | None:
    """The first that a release of the unit would rest on; without a unit, the oldest."""
    if unit is not None:
        held = store.grants_of_unit(identity, dataset, unit, now=now)
    else:
        active = store.active_grants(identity, now=now)
        held = tuple(grant for grant in active if grant.dataset == dataset)
    return held[0] if held else None
