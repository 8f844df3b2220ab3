"""Outputs at the airlock as the control database keeps them, and as values that leave it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import func as sql
from sqlmodel import Session, col, select

from access.airlock.judgement import Judgement
from access.airlock.life import AirlockEvent, Candidate, CandidateState
from access.errors import CandidateRefused
from access.runs.starts import Start
from access.runs.tables import CandidateEventRow, CandidateRow
from schemas.messages import Message

MAX_CANDIDATES = 1_000  # of one run


def refuse_too_many(session: Session, run_id: str) -> None:
    held = session.exec(
        select(sql.count()).select_from(CandidateRow).where(CandidateRow.run_id == run_id)
    ).one()
    if held >= MAX_CANDIDATES:
        raise CandidateRefused(Message("At most %(most)s outputs of one run.", most=MAX_CANDIDATES))


def of_content(session: Session, run_id: str, sha256: str) -> Candidate | None:
    row = session.exec(
        select(CandidateRow)
        .where(CandidateRow.run_id == run_id)
        .where(CandidateRow.sha256 == sha256)
    ).first()
    return None if row is None else candidate(session, row)


def candidate(session: Session, row: CandidateRow) -> Candidate:
    rows = session.exec(
        select(CandidateEventRow)
        .where(CandidateEventRow.candidate_id == row.candidate_id)
        .order_by(col(CandidateEventRow.number))
    ).all()
    return plain(row, tuple(AirlockEvent(e.at, e.step, e.actor, e.note) for e in rows))


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an output when it was offered; `due` is the epsilon that its release is still
    to cost."""

    state: CandidateState
    reasons: tuple[str, ...]
    due: float = 0.0


def offered(
    candidate_id: str, start: Start, judged: Judgement, settled: Settled, *, body: bytes, now: int
) -> CandidateRow:
    checked = {
        "contestable": judged.contestable,
        "epsilon": settled.due,
        "reasons": settled.reasons,
    }
    released = judged.released
    return CandidateRow(
        candidate_id=candidate_id,
        run_id=start.run_id,
        request_id=start.request.request_id,
        dataset=start.asked.dataset,
        kind=judged.kind,
        state=settled.state,
        sha256=digest(body),
        size=len(body),
        checked=json.dumps(checked),
        offered=now,
        released_sha256=None if released is None else digest(released),
        released_size=None if released is None else len(released),
    )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def plain(row: CandidateRow, events: tuple[AirlockEvent, ...]) -> Candidate:
    said = json.loads(row.checked)
    return Candidate(
        candidate_id=row.candidate_id,
        run_id=row.run_id,
        request_id=row.request_id,
        dataset=row.dataset,
        kind=row.kind,
        state=CandidateState(row.state),
        sha256=row.sha256,
        size=row.size,
        offered=row.offered,
        reasons=tuple(said["reasons"]),
        contestable=said["contestable"],
        epsilon=said["epsilon"],
        released_sha256=row.released_sha256,
        released_size=row.released_size,
        events=events,
    )


def event_row(candidate_id: str, number: int, event: AirlockEvent) -> CandidateEventRow:
    return CandidateEventRow(
        candidate_id=candidate_id,
        number=number,
        at=event.at,
        step=event.step,
        actor=event.actor,
        note=event.note,
    )
