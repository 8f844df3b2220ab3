"""What time alone does to a request: a grant that ends, a person who is reminded.

Pure. Whoever a request waits for is reminded after a week or two, and again after as long, ten
times at most; requester and members once a month and once a week before their grant ends.
"""

from __future__ import annotations

from access.requests.lifecycle import NODE, AccessRequest, Event, State, Step
from schemas.grants import EventFacts

DAY = 24 * 3600
IDLE_SECONDS = 7 * DAY
ENDING_SECONDS = 30 * DAY
MAX_REMINDERS = 10

_PATIENCE = {State.SUBMITTED: IDLE_SECONDS, State.RETURNED: 14 * DAY}
_BEFORE_END = (ENDING_SECONDS, 7 * DAY)


def due(request: AccessRequest, *, ends: int | None, now: int) -> Event | None:
    """What the node does now; `ends` is when the last of the grants runs out."""
    if request.state is State.APPROVED and ends is not None:
        if ends <= now:
            return Event(now, Step.EXPIRE, NODE, "", EventFacts(state=State.EXPIRED))
        passed = sum(ends - now <= before for before in _BEFORE_END)
        return _reminder("ending", now) if _reminded(request) < passed else None
    patience = _PATIENCE.get(request.state)
    if patience is None or now - request.updated < patience:
        return None
    return _reminder("waiting", now) if _reminded(request) < MAX_REMINDERS else None


def _reminded(request: AccessRequest) -> int:
    """How often since it came into its state."""
    count = 0
    for event in reversed(request.events):
        if event.facts.state not in (None, request.state):
            break
        count += event.step == Step.REMIND
    return count


def _reminder(reason: str, now: int) -> Event:
    return Event(now, Step.REMIND, NODE, "", EventFacts(reminder=reason))
