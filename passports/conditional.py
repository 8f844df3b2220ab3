"""Until when a visa's conditions hold (GA4GH Passport 1.2.1 «conditions»).

One clause must be met by one unconditional visa of the same person. Patterns know `?` and `*` only
and take linear space and no recursion; one `Budget` per passport bounds all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passports.conditions import Clause, Conditions
from passports.errors import BadToken, Reason
from passports.visas import Visa

BUDGET_STEPS = 200_000


@dataclass(slots=True)
class Budget:
    """Character comparisons left for one passport."""

    steps: int = BUDGET_STEPS

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise BadToken(Reason.CONDITIONS_BUDGET)


def expiry(conditions: Conditions, helpers: Sequence[Visa], *, budget: Budget) -> int | None:
    """Until when the conditions hold, None when they don't. `helpers` are the same person's
    accepted visas that carry no conditions, which alone rules recursion out."""
    ends = (_group_expiry(group, helpers, budget) for group in conditions)
    return max((end for end in ends if end is not None), default=None)


def glob(pattern: str, subject: str, budget: Budget) -> bool:
    """Full match with `?` one character and `*` any run; nothing else is special."""
    at, here, star, resume = 0, 0, -1, 0
    left, length, end = budget.steps, len(subject), len(pattern)
    while here < length and left >= 0:
        left -= 1
        if at < end and pattern[at] == "*":
            star, resume, at = at, here, at + 1
        elif at < end and (pattern[at] == "?" or pattern[at] == subject[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            at = end
            break
    # What is left of the pattern is looked at too, and an empty part is not free: there may be
    # thousands.
    budget.spend(budget.steps - left + end - at + 1)
    return here == length and pattern[at:].strip("*") == ""


def _group_expiry(
    group: Iterable[Clause | None], helpers: Sequence[Visa], budget: Budget
) -> int | None:
    earliest: int | None = None
    for clause in group:
        end = _clause_expiry(clause, helpers, budget)
        if end is None:
            return None
        earliest = end if earliest is None else min(earliest, end)
    return earliest


def _clause_expiry(clause: Clause | None, helpers: Sequence[Visa], budget: Budget) -> int | None:
    """`helpers` come longest-lived first, so the first that meets the clause is the best."""
    if clause is None:
        return None
    for visa in helpers:
        budget.spend(1)
        if visa.type == clause.type and _met(clause, visa, budget):
            return visa.expires
    return None


def longest_first(visas: Iterable[Visa]) -> list[Visa]:
    """The order `expiry` expects its helpers in."""
    return sorted(visas, key=lambda visa: visa.expires, reverse=True)


def _met(clause: Clause, visa: Visa, budget: Budget) -> bool:
    held = {"value": visa.value, "source": visa.source, "by": visa.by}
    return all(
        (subject := held[field]) is not None and _matches(prefix, pattern, subject, budget)
        for field, prefix, pattern in clause.matchers
    )


def _matches(prefix: str, pattern: str, subject: str, budget: Budget) -> bool:
    match prefix:
        case "const":
            budget.spend(1 + min(len(pattern), len(subject)))
            return pattern == subject
        case "pattern":
            return glob(pattern, subject, budget)
        case "split_pattern":
            budget.spend(len(subject))
            return any(glob(pattern, part, budget) for part in subject.split(";"))
        case _:
            return False
