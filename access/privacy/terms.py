"""What callers without a grant may learn of a dataset, in numbers, and what that gives away.

A dataset's profile has such terms, or the policy file's own between the limits here. How the
numbers were found and what they do not cover: docs/privacy.md. The named profiles are `profiles`'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

ALPHA = 0.05  # false alarms of the attacks whose power is stated
# The signal of many noisy answers adds up as the root of their number (measured): a total of this
# many nats of a person keeps the power of an attack at 0.10.
TOTAL_SIGNAL = 0.36
LEAST = 10  # smaller counts are told as none
MIN_MARGINS = 64
OFF = 0.01  # the chance that one of all counts of a caller takes a group of one for a crowd

# Limits of profiles that a policy file makes: beyond them protection is only a word.
MIN_ALLOWANCE, MAX_ALLOWANCE = 0.01, math.log(5)
MIN_SCALE, MAX_SCALE = 5, 1_000
MAX_COUNTS = 1_000
MAX_SIGNAL = 2.0
MIN_LEAST, MAX_LEAST = 5, 100
MIN_PEOPLE, MAX_PEOPLE = 20, 1_000_000
MAX_FILTERS = 6
MAX_SPAN = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`allowance` in nats per caller and person, `enforced` unless only noted; `scale` of the noise
    on counts, of which a caller gets `counts` different ones of a dataset in 90 days."""

    everybody: bool
    allowance: float
    enforced: bool
    scale: int
    counts: int
    min_people: int = 20
    max_filters: int = 4
    least: int = LEAST
    max_span: int = 50_000  # bases that everybody may ask about at once

    @property
    def signal(self) -> float:
        """Of all the counts that one caller gets."""
        return math.sqrt(self.counts) / self.scale


def presence_power(terms: Terms) -> float | None:
    """The most that one account's questions about variants find out of one person; None where
    presence is exact, which finds everybody."""
    return min(1.0, ALPHA * math.exp(terms.allowance)) if terms.enforced else None


def counts_power(terms: Terms) -> float:
    """About what one account finds out of one person by all of its counts."""
    return power_of(terms.signal)


def power_of(signal: float) -> float:
    """Of many answers that each tell little: their sum is near a normal one."""
    normal = NormalDist()
    return normal.cdf(normal.inv_cdf(ALPHA) + signal)


def group_margin(rules: Terms) -> int:
    """By how much less than it is told a group may be: of all the counts of a caller, each perhaps
    of the same person found by another filter, hardly any is off by so much."""
    return math.ceil(rules.scale * math.log(max(rules.counts, 1) / (2 * OFF)))


def margin_scale(margins: int) -> int:
    """Of the noise on each of so many one-way counts, all of which anybody may read. Reckoned for
    the next power of two and for no fewer than `MIN_MARGINS`: the scale is told, and where it grew
    with each term it would tell that somebody has one that nobody else has."""
    reckoned = max(MIN_MARGINS, 1 << (margins - 1).bit_length())
    return math.ceil(math.sqrt(reckoned) / TOTAL_SIGNAL)
