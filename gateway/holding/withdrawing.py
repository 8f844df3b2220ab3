"""Takes a person out of a dataset, and states it in the node's record under a pseudonym.

The list that does it is `beacon.withdrawals`; whoever holds the record (the running node, else the
command itself) writes the entry. What happens in open workspaces is left to `workspaces`.
"""

from __future__ import annotations

from pathlib import Path

from access.errors import RecordUnavailable
from access.record.audit import Record
from beacon import segments, withdrawals
from gateway.errors import LoadRefused
from gateway.home import NodeHome
from gateway.recording import of_command


def withdraw(home: NodeHome, dataset: str, person: str) -> bool:
    """Whether the person was in the dataset's active version and on no list before."""
    segment = segments.active(home.catalog, dataset)
    if segment is None:
        raise LoadRefused(f"{dataset}: no dataset of this node; see `skerry datasets list`")
    already = person in withdrawals.read(home.catalog).get(dataset, frozenset())
    if not already and segment.person_number(person) is None:
        raise LoadRefused(f"{dataset}: its active version has nobody of that id")
    if already:
        return False
    withdrawals.add(home.catalog, dataset, person)
    try:
        held = of_command(home)
    except RecordUnavailable:
        return True  # the running node holds it, and records what it finds on the list
    try:
        record(home.catalog, held)
    finally:
        held.close()
    return True


def record(catalog: Path, held: Record) -> int:
    """Records withdrawals that are not in the record yet, each on disk before the next."""

    def append(dataset: str, person: str) -> None:
        facts = {"dataset": dataset, "person": held.pseudonym(f"individual:{dataset}:{person}")}
        held.append("people.withdraw", facts, durable=True)

    return withdrawals.record(catalog, append)
