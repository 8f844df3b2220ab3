"""What other disease tables would change: every waiting or granted request, judged under both.

Releases of MONDO move diseases, and answers with them; so tables are compared before they are
copied into the node's folder. Reads only. Leaves judging to `access.purpose_check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from access.policies.policy import PolicyBook
from access.purpose_check import PurposeCheck
from access.requests.lifecycle import OPEN_STATES, AccessRequest, State
from access.store import Store
from duo.ontology import load_ontology
from duo.verdict import Verdict
from gateway import config, control
from gateway.commands.asking import book_in_force
from gateway.home import NodeHome

_ALIVE = OPEN_STATES | {State.APPROVED}


@dataclass(frozen=True, slots=True)
class Change:
    """One request whose verdict would be another."""

    request: AccessRequest
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """`compared` counts the requests judged, drafts left out: they are nobody else's business."""

    before: str
    after: str
    compared: int
    changes: tuple[Change, ...]


def compare(home: NodeHome, tables: Path, *, now: int) -> Comparison:
    """Raises `HierarchyInvalid` for tables that can't be used."""
    settings = config.load(home.settings)
    strict, book = settings.strict_duos, book_in_force(home)
    old = PurposeCheck(load_ontology(home.ontology), strict_duos=strict)
    new = PurposeCheck(load_ontology(tables), strict_duos=strict)
    store = control.opened(home, settings)
    try:
        alive = tuple(_alive(store, book.datasets()))
        judged = [
            Change(one, *(_judge(check, one, book, now=now) for check in (old, new)))
            for one in alive
        ]
    finally:
        store.close()
    changes = tuple(one for one in judged if one.before.outcome is not one.after.outcome)
    return Comparison(old.hierarchy.release, new.hierarchy.release, len(alive), changes)


def _alive(store: Store, datasets: Iterable[str]) -> Iterator[AccessRequest]:
    for dataset in datasets:
        for request in store.requests_for((dataset,)):
            if request.state in _ALIVE:
                yield request


def _judge(check: PurposeCheck, request: AccessRequest, book: PolicyBook, *, now: int) -> Verdict:
    policy = book.policy(request.dataset)
    # Months already used are the same under both and would hide what the diseases change.
    return check.ask(
        None if policy is None else policy.consent,
        request.data_use,
        requester=request.requester,
        months=request.months,
        held=(),
        now=now,
    )
