"""What can go wrong in the beacon room.

InvalidInput
├── UnsupportedFilter        a filter this dataset has no field, term or operator for
├── UnsupportedVariantType   a `variantType` outside the vocabulary of `beacon.variation.alleles`
├── BadQuestion              a request that is malformed or contradicts itself
├── UnsupportedQuestion      a well-formed request this node does not serve; says what it does
├── SourceRefused            files that may not be loaded; carries the problems found
├── UnknownVersion           a dataset version that is not in the catalog
└── VersionInUse             a dataset version that is served, so it cannot be removed
TooLarge
└── BodyTooLarge             a request body above the cap
NotFound
└── UnknownEntry             unknown, or not yours to know of: one answer
Suppressed
└── NothingMayBeSaid         every dataset asked is closed or suppressed for this caller
Unavailable
├── CatalogError             a segment or the manifest cannot be read; nothing was answered
└── ReferenceUnreadable      the bases of an assembly cannot be read
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.errors import InvalidInput, NotFound, Suppressed, TooLarge, Unavailable


class UnsupportedFilter(InvalidInput):
    """Dropping an unknown filter would widen the answer, so it is refused instead."""

    code = "unsupported_filter"


class UnsupportedVariantType(InvalidInput):
    code = "unsupported_variant_type"


class BadQuestion(InvalidInput):
    code = "bad_question"


class UnsupportedQuestion(InvalidInput):
    code = "unsupported"


class BodyTooLarge(TooLarge):
    code = "body_too_large"


class UnknownEntry(NotFound):
    """Unknown and not-yours share this class, its sentence and its body."""

    def __init__(self, *, detail: str = "") -> None:
        super().__init__("There is nothing of that name here that you may see.", detail=detail)


class NothingMayBeSaid(Suppressed):
    """Never `exists: false` and never 0: the sentence says what would help."""


class CatalogError(Unavailable):
    code = "catalog_unavailable"


class ReferenceUnreadable(Unavailable):
    code = "reference_unavailable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason not to load a file. It goes to the archive's own operator, never to a caller."""

    file: str
    where: str  # "record 12 (HG00096)", "line 40" or "header"; empty for the whole file
    field: str
    expected: str
    next_step: str = "correct the file and load again"

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, self.where, self.field) if part)
        return f"{place}: expected {self.expected}; {self.next_step}"


class UnknownVersion(InvalidInput):
    code = "unknown_version"


class VersionInUse(InvalidInput):
    code = "version_in_use"


class SourceRefused(InvalidInput):
    """Nothing of the source was loaded; the version served before still is."""

    code = "source_refused"

    def __init__(self, problems: Sequence[Problem], *, count: int | None = None) -> None:
        """`problems` may be the first few of `count`."""
        found = len(problems) if count is None else count
        super().__init__(f"the source was refused: {found} problem(s)")
        self.problems = tuple(problems)
