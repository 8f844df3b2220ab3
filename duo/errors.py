"""The errors of the data-use room. "No" is a `Verdict`, not an error.

SkerryError
└── InvalidInput
    ├── ConsentUnreadable   dataset terms beyond a cap
    ├── HierarchyInvalid    a disease hierarchy file that can't be used
    └── PurposeUnreadable   a request member that means nothing we know
"""

from __future__ import annotations

from schemas.errors import InvalidInput


class ConsentUnreadable(InvalidInput):
    code = "consent_unreadable"


class HierarchyInvalid(InvalidInput):
    code = "hierarchy_invalid"


class PurposeUnreadable(InvalidInput):
    code = "purpose_unreadable"
