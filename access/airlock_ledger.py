"""What all runs of one approved request have released: outputs, bytes, epsilon; spent, then given.

Runs inside the transaction that decides, so that two at once cannot spend the same. Outputs and
bytes are spent by what is released; epsilon by every noisy form that was made, since that it was
refused, and why, tells of it too. Pure epsilon of independent noise adds up (basic composition), in
whole billionths.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, select

from access.errors import BudgetSpent
from access.run_tables import RunSpentRow
from schemas.runs import RunTerms

_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RunSpent:
    releases: int = 0
    bytes: int = 0
    epsilon: float = 0.0


def spent(session: Session, request_id: str) -> RunSpent:
    row = session.get(RunSpentRow, request_id)
    if row is None:
        return RunSpent()
    return RunSpent(row.releases, row.bytes, row.epsilon / _BILLION)


def spend_noise(session: Session, request_id: str, terms: RunTerms, *, epsilon: float) -> None:
    """For one noisy form. Raises BudgetSpent, and spends nothing then: nobody may hear of it."""
    row = _locked(session, request_id)
    paid = row.epsilon + round(epsilon * _BILLION)
    most = 0 if terms.privacy is None else round(terms.privacy.epsilon * _BILLION)
    if paid > most:
        raise BudgetSpent("The privacy budget of this permit is spent.")
    row.epsilon = paid
    session.add(row)
    session.flush()


def spend(session: Session, request_id: str, terms: RunTerms, *, size: int) -> RunSpent:
    """For one released output. Raises BudgetSpent, and spends nothing then."""
    row = _locked(session, request_id)
    releases, total = row.releases + 1, row.bytes + size
    if releases > terms.releases:
        raise BudgetSpent(f"All {terms.releases} outputs of this permit have been released.")
    if total > terms.release_bytes:
        raise BudgetSpent(f"This permit releases {terms.release_bytes} bytes and no more.")
    row.releases, row.bytes = releases, total
    session.add(row)
    session.flush()
    return RunSpent(row.releases, row.bytes, row.epsilon / _BILLION)


def _locked(session: Session, request_id: str) -> RunSpentRow:
    return session.exec(
        select(RunSpentRow).where(RunSpentRow.request_id == request_id).with_for_update()
    ).first() or RunSpentRow(request_id=request_id, releases=0, bytes=0, epsilon=0)
