"""What serves runs and the airlock, built from a node's parts: the checkers meet the queue here.

`access.airlock.queue` keeps outputs and knows who decides; `workspaces.airlock.gate` knows their
forms. Neither room sees the other's insides; this is where one is passed to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.airlock.files import AirlockFiles
from access.airlock.person_keys import PersonKeys
from access.airlock.queue import Airlock
from access.policies.policy import PolicyBook
from access.recipients import Recipients
from access.record.audit import Record
from access.requests.desk import RequestDesk
from access.runs.routes import RunCounter
from access.runs.starts import Runs
from access.runs.workspace_caller import WorkspaceCaller
from access.store import Store
from gateway.holding import holdings
from workspaces.airlock import gate, showing

SealTo = Callable[[bytes, bytes], bytes]


@dataclass(frozen=True, slots=True)
class AtRest:
    """Seals what lies at the node, and opens it again."""

    seal: Callable[[bytes], bytes]
    unseal: Callable[[bytes], bytes]


def counter(
    store: Store,
    *,
    recipients: Recipients,
    book: PolicyBook,
    desk: RequestDesk,
    record: Record,
    signing_key: Ed25519PrivateKey,
    public_url: str,
    folder: Path,
    catalog: Path,
    at_rest: AtRest,
    seal_to: SealTo,
    clock: Callable[[], int],
) -> RunCounter:
    """`seal_to` takes a public key first."""
    runs = Runs(
        store,
        book=book,
        record=record,
        signing_key=signing_key,
        audience=public_url,
        seal=seal_to,
        data=lambda dataset: holdings.state(catalog, dataset),
    )
    keys = PersonKeys(store, record=record)
    airlock = Airlock(
        store,
        runs=runs,
        desk=desk,
        keys=keys,
        files=AirlockFiles(folder, seal=at_rest.seal, unseal=at_rest.unseal),
        record=record,
        judge=gate.judge,
        seal_to=seal_to,
        show=showing.show,
        signing_key=signing_key,
        audience=public_url,
    )
    workspaces = WorkspaceCaller(store, recipients, public_url, clock)
    return RunCounter(runs, airlock, keys, workspaces, clock)
