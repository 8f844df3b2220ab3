"""Turns verified claims into a `Visa` with its conditions and expiry (GA4GH Passport 1.2.1).

Leaves signatures and keys to `tokens`, and who may issue what to `trust`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class VisaType(StrEnum):
    """The standard visa types; a custom type is a URL and is ignored unless configured."""

    AFFILIATION_AND_ROLE = "AffiliationAndRole"
    ACCEPTED_TERMS = "AcceptedTermsAndPolicies"
    RESEARCHER_STATUS = "ResearcherStatus"
    CONTROLLED_ACCESS = "ControlledAccessGrants"
    LINKED_IDENTITIES = "LinkedIdentities"


@dataclass(frozen=True, slots=True)
class Visa:
    """A visa whose signature, times, issuer, type and source were all accepted.

    `asserted` and `expires` are epoch seconds.
    """

    issuer: str
    subject: str
    type: VisaType
    value: str
    source: str
    by: str | None
    asserted: int
    expires: int
    jti: str | None
