"""Whom of a dataset the answers tell most about, and who spent most of it: pseudonyms and nats.

Read from the privacy ledger; the number of a person is the ledger's own keyed one, which the record
does not use. What it means is docs/privacy.md's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from access.privacy.spent import PER_NAT, Spent

MOST = 20


@dataclass(frozen=True, slots=True)
class Exposed:
    """`person` in hexadecimal; `nats` by all `callers` together, `worst` by one of them."""

    person: str
    nats: float
    callers: int
    worst: float


@dataclass(frozen=True, slots=True)
class Spender:
    """`people` this caller was charged for; `most` nats of one of them."""

    caller: str
    people: int
    most: float


def people(balances: Mapping[str, Spent], *, most: int = MOST) -> tuple[Exposed, ...]:
    """The most exposed first."""
    if not balances:
        return ()
    held = np.concatenate([one.people for one in balances.values()])
    amounts = np.concatenate([one.amounts for one in balances.values()]).astype(np.uint64)
    persons, places = np.unique(held, return_inverse=True)
    sums, worst = np.zeros(len(persons), np.uint64), np.zeros(len(persons), np.uint64)
    np.add.at(sums, places, amounts)
    np.maximum.at(worst, places, amounts)
    callers = np.bincount(places, minlength=len(persons))
    first = np.argsort(sums, kind="stable")[::-1][:most]
    return tuple(
        Exposed(
            f"{int(persons[at]):016x}",
            int(sums[at]) / PER_NAT,
            int(callers[at]),
            int(worst[at]) / PER_NAT,
        )
        for at in first
    )


def spenders(balances: Mapping[str, Spent], *, most: int = MOST) -> tuple[Spender, ...]:
    """Who spent most of one person first."""
    found = (
        Spender(caller, len(one.people), int(one.amounts.max(initial=0)) / PER_NAT)
        for caller, one in balances.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.most, -one.people))[:most])
