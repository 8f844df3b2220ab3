"""What a user owes, before or with a grant: IRB, COL, PUB, RTN, MOR and TS (DUO 2021-02-23).

A duty refused or out of time denies; one accepted becomes an obligation, and some end the grant.
"""

from __future__ import annotations

from datetime import date

from duo.circumstances import Circumstances, deny, owed, permit, review
from duo.consent import Condition
from duo.purpose import Collaboration
from duo.verdict import Finding
from schemas.messages import Message, plural


def ethics(condition: Condition, around: Circumstances) -> Finding:
    approval = around.purpose.ethics
    until = approval.valid_until
    if approval.refused or (until is not None and until < around.today):
        return deny(condition, Message("The ethics approval was refused or has run out."))
    if not approval.reference or until is None:
        missing = [] if approval.reference else ["ethics.ref"]
        missing += [] if until else ["ethics.valid_until"]
        return review(condition, Message("No valid ethics approval is stated."), *missing)
    text = Message("Keep the ethics approval valid.")
    return owed(condition, text, until=until, ends=until, evidence=True)


def collaborate(condition: Condition, around: Circumstances) -> Finding:
    agreement = around.purpose.collaboration
    status = Collaboration.ASKED if agreement is None else agreement.status
    if status is Collaboration.REFUSED:
        return deny(condition, Message("Collaboration with the investigators is required."))
    if agreement is None or status is Collaboration.ASKED:
        text = Message("Collaboration with the investigators must be agreed.")
        return review(condition, text, "commitments.collaborate")
    on_file = bool(agreement.evidence) if agreement.since is None else True
    if not on_file or (agreement.since is not None and agreement.since > around.today):
        text = Message("The agreement to collaborate is not yet on file.")
        return review(condition, text, "commitments.collaborate")
    return owed(condition, Message("Collaborate with the investigators as agreed."))


def publish(condition: Condition, around: Circumstances) -> Finding:
    if around.purpose.will_publish is False:
        return deny(condition, Message("Results must be made available."))
    return owed(condition, Message("Make the results available."), evidence=True)


def return_data(condition: Condition, around: Circumstances) -> Finding:
    if around.purpose.will_return_data is False:
        return deny(condition, Message("Derived data must be returned."))
    return owed(condition, Message("Return derived data to the resource."), evidence=True)


def moratorium(condition: Condition, around: Circumstances) -> Finding:
    if condition.until is None:
        return review(
            condition, Message("The dataset does not say until when nothing may be published.")
        )
    if around.today >= condition.until:
        return permit(condition, Message("The moratorium has ended."))
    planned = around.purpose.earliest_publication
    if planned is not None and planned < condition.until:
        return deny(condition, Message("Publication is planned before the moratorium ends."))
    text = Message("Publish nothing before %(until)s.", until=condition.until.isoformat())
    return owed(condition, text, until=condition.until)


def time_limit(condition: Condition, around: Circumstances) -> Finding:
    if not condition.months:
        return review(condition, Message("The dataset does not say for how many months."))
    left = condition.months - around.purpose.months_used
    if left <= 0:
        return deny(condition, Message("The months allowed are used up."))
    ends = after_months(around.today, left)
    return owed(
        condition,
        plural("Use ends after %(count)s month.", "Use ends after %(count)s months.", count=left),
        until=ends,
        ends=ends,
    )


def after_months(start: date, months: int) -> date:
    """The same day that many months later, or the last of a shorter month."""
    total = start.year * 12 + start.month - 1 + months
    year, month = total // 12, total % 12 + 1
    for day in (start.day, 30, 29, 28):
        try:
            return date(year, month, day)
        except ValueError:
            continue
    return date.max
