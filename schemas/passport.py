"""Passport and visa claims as they travel (GA4GH Passport 1.2.1, AAI 1.2.1), for what we send.

What arrives is read by `passports` from strict JSON and verified there; these are never trusted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from schemas.wire import OpenWire, Wire

MAX_VISAS = 200

UrlClaim = Annotated[str, StringConstraints(min_length=1, max_length=255)]
CompactJws = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$", max_length=16_384)
]


class VisaType(StrEnum):
    """The standard visa types; a custom type is a URL and is ignored unless configured."""

    AFFILIATION_AND_ROLE = "AffiliationAndRole"
    ACCEPTED_TERMS = "AcceptedTermsAndPolicies"
    RESEARCHER_STATUS = "ResearcherStatus"
    CONTROLLED_ACCESS = "ControlledAccessGrants"
    LINKED_IDENTITIES = "LinkedIdentities"


class VisaClaim(Wire):
    """`ga4gh_visa_v1`: one assertion about a person."""

    type: UrlClaim
    asserted: Annotated[int, Field(ge=0)]
    value: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    source: UrlClaim
    by: Literal["self", "peer", "system", "so", "dac"]


class PassportClaim(OpenWire):
    """What userinfo answers and `GET /access/permissions/{sub}` lists: visas, still signed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ga4gh_passport_v1: Annotated[tuple[CompactJws, ...], Field(max_length=MAX_VISAS)]


class PassportAnswer(Wire):
    """The answer of a token exchange (RFC 8693 2.2.1) whose token is a Passport."""

    access_token: str
    issued_token_type: Literal["urn:ga4gh:params:oauth:token-type:passport"]
    token_type: Literal["Bearer"]
    expires_in: int
