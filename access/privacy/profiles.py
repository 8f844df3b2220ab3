"""What each disclosure profile lets callers without a grant learn, in numbers.

`default` and `controlled` keep the attack power of one caller near 0.10 at a false alarm rate of
0.05; `rare-disease` is for named researchers and a cohort that consented to exact presence: what it
gives away is noted, not refused. `open` protects nothing and has no terms. How the numbers were
found and what they do not cover: docs/privacy.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from access.decision import Profile

# The signal of many noisy answers adds up as the root of their number (measured): a total of this
# many nats of a person keeps the power of an attack at 0.10.
TOTAL_SIGNAL = 0.36
LEAST = 10  # smaller counts are told as none


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


_DEFAULT = Terms(everybody=True, allowance=math.log(2), enforced=True, scale=10, counts=100)
_TERMS = {
    Profile.DEFAULT: _DEFAULT,
    Profile.RARE_DISEASE: replace(_DEFAULT, everybody=False, enforced=False),
    Profile.CONTROLLED: _DEFAULT,
}


def terms(profile: Profile) -> Terms | None:
    """None where answers are exact for everybody."""
    return None if profile is Profile.OPEN else _TERMS[profile]


def margin_scale(margins: int) -> int:
    """Of the noise on each of so many one-way counts, all of which anybody may read."""
    return max(1, math.ceil(math.sqrt(max(margins, 1)) / TOTAL_SIGNAL))
