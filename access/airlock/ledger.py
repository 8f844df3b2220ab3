"""What all runs of one approved request have released: outputs, bytes, epsilon; spent, then given.

Runs inside the transaction that decides, so that two at once cannot spend the same. Outputs and
bytes are spent by what is released; epsilon by every noisy form that was made, since that it was
refused, and why, tells of it too. Every noisy table of a request costs the same, so their plain
sum, kept in whole billionths, says how many there were; what they are together is `accountant`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, select

from access.airlock import accountant
from access.errors import BudgetSpent
from access.runs.tables import RunSpentRow
from schemas.messages import Message
from schemas.runs import PrivacyBudget, RunTerms

_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RunSpent:
    """`epsilon` is read at the budget's delta; `tables` were given noise for it."""

    releases: int = 0
    bytes: int = 0
    epsilon: float = 0.0
    tables: int = 0


def spent(session: Session, request_id: str, terms: RunTerms | None) -> RunSpent:
    row = session.get(RunSpentRow, request_id)
    if row is None:
        return RunSpent()
    if terms is None or terms.privacy is None:
        return RunSpent(row.releases, row.bytes)
    tables = _tables(row.epsilon, terms.privacy)
    return RunSpent(row.releases, row.bytes, _reads(terms, tables), tables)


def spend_noise(session: Session, request_id: str, terms: RunTerms, *, epsilon: float) -> None:
    """For one noisy form. Raises BudgetSpent, and spends nothing then: nobody may hear of it."""
    if not epsilon:
        return
    row = _locked(session, request_id)
    paid = row.epsilon + round(epsilon * _BILLION)
    if terms.privacy is None or _reads(terms, _tables(paid, terms.privacy)) > terms.privacy.epsilon:
        raise BudgetSpent(Message("The privacy budget of this permit is spent."))
    row.epsilon = paid
    session.add(row)
    session.flush()


def spend(session: Session, request_id: str, terms: RunTerms, *, size: int) -> None:
    """For one released output. Raises BudgetSpent, and spends nothing then."""
    row = _locked(session, request_id)
    releases, total = row.releases + 1, row.bytes + size
    if releases > terms.releases:
        raise BudgetSpent(
            Message(
                "All %(releases)s outputs of this permit have been released.",
                releases=terms.releases,
            )
        )
    if total > terms.release_bytes:
        raise BudgetSpent(
            Message(
                "This permit releases %(most)s bytes and no more.",
                most=terms.release_bytes,
            )
        )
    row.releases, row.bytes = releases, total
    session.add(row)
    session.flush()


def _tables(plain: int, privacy: PrivacyBudget) -> int:
    return -(-plain // round(privacy.per_table * _BILLION))


def _reads(terms: RunTerms, tables: int) -> float:
    """In billionths, so that ten tenths are one."""
    if terms.privacy is None:
        return 0.0
    epsilon = accountant.reads(terms.privacy, sites=len(terms.roster), tables=tables)
    return round(epsilon * _BILLION) / _BILLION


def _locked(session: Session, request_id: str) -> RunSpentRow:
    return session.exec(
        select(RunSpentRow).where(RunSpentRow.request_id == request_id).with_for_update()
    ).first() or RunSpentRow(request_id=request_id, releases=0, bytes=0, epsilon=0)
