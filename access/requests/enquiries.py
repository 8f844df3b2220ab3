"""Questions to a dataset's committee from whoever may know of the dataset, and its answers.

Relayed by the node: mail and webhooks say only that something waits, the text is read here. Who
asks learns no member's name or address; the committee learns the asker's identity, as with a
request. An answer is no decision: access is asked for by `requests.desk`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy import func as sql
from sqlmodel import Session, col, select

from access.database import Database
from access.errors import NoSuchThing, StepNotPossible, TooManyOpen
from access.policies.policy import PolicyBook
from access.record.audit import Record
from access.requests import outbox
from access.requests.enquiry_table import EnquiryRow
from access.requests.notices import Addressees
from schemas.enquiries import EnquiryList, EnquiryView
from schemas.errors import InvalidInput
from schemas.messages import Message

MAX_UNANSWERED = 20  # of one person
MAX_LISTED = 200
KEEP_DAYS = 400
_DAY = 86_400


class Enquiries:
    """In the control database."""

    def __init__(
        self, database: Database, *, book: PolicyBook, record: Record, addressees: Addressees
    ) -> None:
        self._database = database
        self._book = book
        self._record = record
        self._addressees = addressees

    def ask(self, dataset: str, text: str, *, asker: str, now: int) -> EnquiryView:
        """The caller has checked that the asker may know of the dataset."""
        policy = self._book.policy(dataset)
        if policy is None:
            raise NoSuchThing(detail="enquiry about a dataset without a policy")
        if not policy.committee:
            raise InvalidInput(Message("This dataset has no committee at this node."))
        row = EnquiryRow(
            enquiry_id=f"enq-{secrets.token_hex(16)}",
            dataset=dataset,
            asker=asker,
            text=text,
            asked=now,
        )
        with self._database.writing() as session:
            session.exec(delete(EnquiryRow).where(col(EnquiryRow.asked) < now - KEEP_DAYS * _DAY))
            _refuse_too_many(session, asker)
            session.add(row)
            told = self._addressees.committee(dataset)
            outbox.put_about(session, "enquiry", told, now=now)
            session.flush()
            self._note("enquiry.asked", row, by=asker)
            return _view(row)

    def answer(self, enquiry_id: str, text: str, *, member: str, now: int) -> EnquiryView:
        """Once, by the dataset's committee; raises NoSuchThing for anybody else."""
        with self._database.writing() as session:
            row = session.get(EnquiryRow, enquiry_id, with_for_update=True)
            if row is None or member not in self._committee(row.dataset):
                raise NoSuchThing(detail="enquiry unknown or of another committee")
            if row.answer is not None:
                raise StepNotPossible(Message("This enquiry has been answered."))
            row.answer, row.answered = text, now
            session.add(row)
            told = self._addressees.person(row.asker)
            outbox.put_about(session, "answered", told, now=now)
            session.flush()
            self._note("enquiry.answered", row, by=member)
            return _view(row, to_committee=True)

    def listed(self, identity: str) -> EnquiryList:
        """Newest first."""
        mine = [name for name in self._book.datasets() if identity in self._committee(name)]
        with self._database.reading() as session:
            own = _newest(session, col(EnquiryRow.asker) == identity)
            waiting = _newest(
                session, col(EnquiryRow.dataset).in_(mine), col(EnquiryRow.answer).is_(None)
            )
            return EnquiryList(
                own=tuple(_view(row) for row in own),
                waiting=tuple(_view(row, to_committee=True) for row in waiting),
            )

    def _committee(self, dataset: str) -> tuple[str, ...]:
        policy = self._book.policy(dataset)
        return () if policy is None else policy.committee

    def _note(self, kind: str, row: EnquiryRow, *, by: str) -> None:
        facts = {"by": self._record.pseudonym(by), "dataset": row.dataset, "id": row.enquiry_id}
        self._record.append(kind, facts)


def _refuse_too_many(session: Session, asker: str) -> None:
    waiting = session.exec(
        select(sql.count())
        .select_from(EnquiryRow)
        .where(EnquiryRow.asker == asker)
        .where(col(EnquiryRow.answer).is_(None))
    ).one()
    if waiting >= MAX_UNANSWERED:
        raise TooManyOpen(
            Message(
                "At most %(most)s enquiries of yours may wait for an answer.",
                most=MAX_UNANSWERED,
            )
        )


def _newest(session: Session, *conditions: object) -> Iterable[EnquiryRow]:
    newest = select(EnquiryRow).order_by(col(EnquiryRow.asked).desc()).limit(MAX_LISTED)
    return session.exec(newest.where(*conditions)).all()  # type: ignore[arg-type]  # its clauses


def _view(row: EnquiryRow, *, to_committee: bool = False) -> EnquiryView:
    return EnquiryView(
        id=row.enquiry_id,
        dataset=row.dataset,
        text=row.text,
        asked=row.asked,
        by=row.asker if to_committee else None,
        answer=row.answer,
        answered=row.answered,
    )
