"""The errors of the data-use room. "No" is a `Verdict`, not an error.

SkerryError
└── InvalidInput
    └── HierarchyInvalid   a disease hierarchy file that can't be used
"""

from __future__ import annotations

from schemas.errors import InvalidInput


class HierarchyInvalid(InvalidInput):
    code = "hierarchy_invalid"
