"""What a registered caller has asked of each dataset that protects its people, and what is left.

Told are only numbers that follow from the caller's own questions and answers: how much of which
person's allowance is spent would tell which of the answers the same person made.
"""

from __future__ import annotations

from sqlalchemy import func as sql
from sqlmodel import col, select

from access.database import Database
from access.disclosure import binding
from access.policies.decision import Action, Level
from access.policies.policy import PolicyBook
from access.privacy.ledger import COUNT_DAYS
from access.privacy.tables import AccountRow, CountedRow, LineRow
from access.record.audit import Record
from passports.researcher import Researcher
from schemas.decisions import Allowance

_DAY = 86_400


class Balances:
    """Reads the ledger for the person whose it is."""

    def __init__(self, database: Database, *, record: Record) -> None:
        self._database = database
        self._record = record

    def of(self, who: Researcher, book: PolicyBook, *, now: int) -> tuple[Allowance, ...]:
        subject = self._record.pseudonym(who.identity)
        found = []
        for dataset in book.datasets():
            decision = book.decide(who, dataset, Action.DISCOVER, now=now)
            if not decision.allowed or decision.level is not Level.REGISTERED:
                continue
            rules = binding(decision)
            if rules is None:
                continue
            answers, counts = self._asked(subject, dataset, since=now - COUNT_DAYS * _DAY)
            found.append(
                Allowance(
                    dataset=dataset,
                    answers=answers,
                    nats=rules.allowance,
                    enforced=rules.enforced,
                    counts=counts,
                    counts_left=max(0, rules.counts - counts),
                    days=COUNT_DAYS,
                )
            )
        return tuple(found)

    def _asked(self, subject: str, dataset: str, *, since: int) -> tuple[int, int]:
        account = (
            select(AccountRow.account)
            .where(AccountRow.subject == subject, AccountRow.dataset == dataset)
            .scalar_subquery()
        )
        answers = select(sql.count()).select_from(LineRow).where(LineRow.account == account)
        counts = (
            select(sql.count())
            .select_from(CountedRow)
            .where(CountedRow.account == account, col(CountedRow.at) >= since)
        )
        with self._database.looking() as connection:
            return connection.execute(answers).scalar_one(), connection.execute(counts).scalar_one()
