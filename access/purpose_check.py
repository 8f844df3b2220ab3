"""How this node judges purposes: the one join of consent, request and what the node itself knows.

Pure: disease tables and strictness are values, times are arguments. What the node knows (who asks,
for how many months, how many were used) stands above what the request says of it. Leaves the rules
to `duo` and steps of requests to `requests.desk`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from access.requests.lifecycle import SECONDS_PER_MONTH
from duo.consent import Consent
from duo.disease import Hierarchy, no_hierarchy
from duo.matching import match
from duo.purpose import Purpose, read_purpose
from duo.verdict import Verdict
from schemas.data_use import DataUseRequest


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a person held a grant: from `start` until before `end` (epoch seconds)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PurposeCheck:
    hierarchy: Hierarchy = field(default_factory=no_hierarchy)
    strict_duos: bool = False

    def judge(self, consent: Consent | None, purpose: Purpose, *, today: date) -> Verdict:
        return match(
            consent,
            purpose,
            hierarchy=self.hierarchy,
            today=today,
            strict_duos=self.strict_duos,
        )

    def ask(
        self,
        consent: Consent | None,
        stated: DataUseRequest,
        *,
        requester: str,
        months: int,
        held: Iterable[Span],
        now: int,
    ) -> Verdict:
        """The verdict on a request at this node. Raises `PurposeUnreadable`."""
        purpose = read_purpose(stated)
        known = replace(
            purpose,
            parties=(replace(purpose.parties[0], identity=requester), *purpose.parties[1:]),
            months=months,
            months_used=max(purpose.months_used, months_used(held, now=now)),
        )
        return self.judge(consent, known, today=datetime.fromtimestamp(now, tz=UTC).date())


def months_used(held: Iterable[Span], *, now: int) -> int:
    """Whole months, rounded up, in which at least one grant was alive until now."""
    seconds, counted_until = 0, 0
    for span in sorted(held, key=lambda one: one.start):
        start, end = max(span.start, counted_until), min(span.end, now)
        seconds += max(0, end - start)
        counted_until = max(counted_until, end)
    return -(-seconds // SECONDS_PER_MONTH)
