"""What a committee's approvals add up to: how many there are, until when, who is granted, what for.

Pure. The least of everything holds: the conditions of data use, what was asked for, and the word
of every member who approved; nobody can lengthen it. Four eyes mean two different members.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta

from access.errors import SeparationOfDuties
from access.requests.lifecycle import SECONDS_PER_MONTH, AccessRequest, Event, Step
from access.rows import IssuedGrant
from schemas.data_use import ObligationView
from schemas.errors import InvalidInput
from schemas.grants import EventFacts, StepBody
from schemas.messages import Message

COMMITTEE_CODE = "committee"


def approval(request: AccessRequest, body: StepBody, *, data_use_until: int | None, now: int) -> (
    EventFacts
):  # fmt: skip
    """What one member says with an approval. Raises InvalidInput for an end that has passed."""
    months = request.months if body.months is None else min(request.months, body.months)
    ends = [now + months * SECONDS_PER_MONTH]
    if body.until is not None:
        ends.append(_end_of(body.until))
    if data_use_until is not None:
        ends.append(data_use_until)
    if min(ends) <= now:
        raise InvalidInput(Message("The last day of the grant has passed already."))
    owed = tuple(ObligationView(code=COMMITTEE_CODE, text=text) for text in body.obligations)
    return EventFacts(until=min(ends), obligations=owed)


def approvals(request: AccessRequest) -> tuple[Event, ...]:
    """Those given since it was submitted last."""
    return tuple(_since_submission(request, Step.APPROVE))


def refuse_second_word(request: AccessRequest, same: Collection[str]) -> None:
    """Raises SeparationOfDuties where the person, by one of their identities, approved already."""
    if any(event.actor in same for event in approvals(request)):
        raise SeparationOfDuties(
            Message("You have approved this request; another member must do so too.")
        )


def accepted(request: AccessRequest, terms: str) -> tuple[str, ...]:
    """The members who accepted the terms as they are now."""
    digest = terms_digest(terms)
    said = {e.actor for e in request.events if e.step == Step.ACCEPT and e.facts.terms == digest}
    return tuple(member for member in request.members if member in said)


def terms_digest(terms: str) -> str:
    return hashlib.sha256(terms.encode()).hexdigest()


def grant(
    request: AccessRequest, identity: str, *, owed: tuple[ObligationView, ...], now: int
) -> IssuedGrant:
    """One person's, as all who approved allow it; `owed` is what data use asks for besides."""
    given = approvals(request)
    added = dict.fromkeys(one for event in given for one in event.facts.obligations)
    return IssuedGrant(
        grant_id=f"grant-{secrets.token_hex(16)}",
        identity=identity,
        dataset=request.dataset,
        workspace=request.workspace,
        expires=min(event.facts.until for event in given if event.facts.until is not None),
        request_id=request.request_id,
        issued=now,
        obligations=(*owed, *(one for one in added if one not in owed)),
        extent=request.extent,
    )


def _since_submission(request: AccessRequest, step: Step) -> Iterator[Event]:
    for event in reversed(request.events):
        if event.step == Step.SUBMIT:
            return
        if event.step == step:
            yield event


def _end_of(day: date) -> int:
    midnight = datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=1)
    return int(midnight.timestamp())
