"""The disclosure profiles that have a name of ours, and the terms each gives.

`default` and `controlled` keep the attack power of one caller near 0.10 at a false alarm rate of
0.05; `rare-disease` is for named researchers and a cohort that consented to exact presence: what it
gives away is noted, not refused. `open` protects nothing and has no terms.
"""

from __future__ import annotations

import math
from dataclasses import replace

from access.policies.decision import Profile
from access.privacy.terms import Terms

_DEFAULT = Terms(everybody=True, allowance=math.log(2), enforced=True, scale=10, counts=100)
_TERMS = {
    Profile.DEFAULT: _DEFAULT,
    Profile.RARE_DISEASE: replace(_DEFAULT, everybody=False, enforced=False),
    Profile.CONTROLLED: _DEFAULT,
}


def terms(profile: Profile) -> Terms | None:
    """None where answers are exact for everybody."""
    return None if profile is Profile.OPEN else _TERMS[profile]
