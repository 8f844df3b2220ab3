"""Consent and purpose as sent: DUO terms with their parameters, what a request must carry, and the
verdict that comes back.

Terms follow `dataUseConditions.duoDataUse` of Beacon v2 with typed `params` beside each, which DUO
leaves open. A null or absent member of a request is unknown, never "no". Leaves meaning to
`duo.consent` and `duo.purpose`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)

from schemas.messages import Said
from schemas.wire import OpenWire, Wire

MAX_TERMS = 64
MAX_DEPTH = 4
MAX_VALUES = 200
MAX_MONTHS = 1_200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _one_or_many(value: object) -> object:
    """Real profiles write a lone value without its list."""
    return [value] if isinstance(value, str) else [] if value is None else value


def _written_date(value: object) -> object:
    # Numbers would be read as seconds since 1970, times as days.
    if type(value) is date or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value
    raise ValueError("expected a date as YYYY-MM-DD")


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a whole number")  # noqa: TRY004  (pydantic reads ValueError)
    return value


Short = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Long = Annotated[str, StringConstraints(max_length=4_000)]
Values = Annotated[tuple[Short, ...], Field(max_length=MAX_VALUES), BeforeValidator(_one_or_many)]
Months = Annotated[int, Field(ge=0, le=MAX_MONTHS), BeforeValidator(_number)]
Day = Annotated[date, BeforeValidator(_written_date)]
DayAsWritten = Annotated[
    Short, BeforeValidator(lambda v: v.isoformat() if isinstance(v, date) else v)
]


class DataUseParams(Wire):
    """Each belongs to one term: DS, GS, TS, MOR, IS, US, PS, RS and COL in this order. A `date`
    that is none (durations occur) is kept as written and leads to a review."""

    diseases: Values = ()
    regions: Values = ()
    months: Months | None = None
    date: DayAsWritten | None = None
    institutions: Values = ()
    users: Values = ()
    projects: Values = ()
    research_types: Values = ()
    investigators: Values = ()


class DataUseTerm(Wire):
    """Modifiers may be nested or stand beside their permission."""

    id: Short
    label: Annotated[str, StringConstraints(max_length=300)] | None = None
    version: Annotated[str, StringConstraints(max_length=300)] | None = None
    params: Annotated[DataUseParams, BeforeValidator(lambda v: {} if v is None else v)] = (
        DataUseParams()
    )
    modifiers: Annotated[tuple[DataUseTerm, ...], Field(max_length=MAX_TERMS)] = ()


def _terms(value: object) -> object:
    """The list itself, or the Beacon object that holds it."""
    for name in ("dataUseConditions", "duoDataUse"):
        if isinstance(value, dict) and name in value:
            value = value[name]
    return [] if value is None else value


DataUseTerms = Annotated[
    tuple[DataUseTerm, ...], Field(max_length=MAX_TERMS), BeforeValidator(_terms)
]


class Stated(Wire):
    """A part of a request: null says no more than silence."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_silence(cls, sent: object) -> object:
        if isinstance(sent, dict):
            return {name: value for name, value in sent.items() if value is not None}
        return sent


Sensitive = Literal[
    "vulnerable_population",
    "stigmatizing_illness",
    "psychological_traits",
    "illegal_behaviour",
    "sexual_health",
    "not_health",
    "minors",
]
OrganisationType = Literal["not_for_profit", "for_profit", "mixed", "unknown"]


class PurposeAsked(Stated):
    """`codes` are DUO investigation terms or the words of `duo.purpose.Use`."""

    codes: Values = ()
    diseases: Values = ()
    populations: Values = ()
    age: Short | None = None
    sex: Short | None = None
    research_types: Values = ()
    summary: Long = ""


class OrganisationAsked(Stated):
    ror: Short | None = None
    type: OrganisationType = "unknown"
    country: Short | None = None


class PartyAsked(Stated):
    """A requester or collaborator, and the organisation they act for."""

    identity: Short | None = None  # sub@iss
    organisation: OrganisationAsked = OrganisationAsked()
    role_visa_refs: Values = ()


class UseAsked(Stated):
    commercial: StrictBool | None = None
    sponsors: Values = ()
    training_models: StrictBool | None = None
    will_share_derived: StrictBool | None = None


class PlacesAsked(Stated):
    processing: Values = ()
    environment_id: Short | None = None


class ProjectAsked(Stated):
    """`months_used` of a time limit are spent already."""

    id: Short | None = None
    funder: Short | None = None
    start: Day | None = None
    months: Annotated[int, Field(ge=1, le=MAX_MONTHS), BeforeValidator(_number)] | None = None
    months_used: Months | None = None


class EthicsAsked(Stated):
    ref: Short | None = None
    body: Short | None = None
    valid_until: Day | None = None
    document: Short | None = None
    refused: StrictBool = False


class CollaborationAsked(Stated):
    status: Literal["agreed", "asked", "refused"]
    evidence: Short | None = None


class CommitmentsAsked(Stated):
    """`collaborate` is `refused`, `agreed:DATE`, or an object of status and evidence."""

    publish: StrictBool | None = None
    earliest_publication: Day | None = None
    return_data: StrictBool | None = None
    collaborate: (
        Annotated[str, StringConstraints(pattern=r"^(refused|agreed:\d{4}-\d{2}-\d{2})$")]
        | CollaborationAsked
        | None
    ) = None


class PermitAsked(Stated):
    ehds_permit_id: Short | None = None
    issuer: Short | None = None
    valid_until: Day | None = None


class DataUseRequest(Stated):
    """What a researcher intends, in the words a matcher can judge."""

    purpose: PurposeAsked = PurposeAsked()
    data_kinds: Annotated[
        tuple[Literal["genotype", "phenotype", "derived"], ...], Field(max_length=MAX_TERMS)
    ] = ()
    requester: PartyAsked = PartyAsked()
    collaborators: Annotated[tuple[PartyAsked, ...], Field(max_length=MAX_VALUES)] = ()
    use: UseAsked = UseAsked()
    places: PlacesAsked = PlacesAsked()
    project: ProjectAsked = ProjectAsked()
    ethics: EthicsAsked = EthicsAsked()
    commitments: CommitmentsAsked = CommitmentsAsked()
    sensitive: Annotated[tuple[Sensitive, ...], Field(max_length=MAX_TERMS)] = ()
    permit: PermitAsked = PermitAsked()


class DataUseCheck(Wire):
    """May data under these terms be used so? `today` is the server's day where left out."""

    dataset: DataUseTerms
    request: DataUseRequest
    today: Day | None = None


Decision = Literal["permit", "needs-review", "deny"]


class ObligationView(OpenWire):
    """What is owed while the grant lives; `evidence_required` where somebody must show it."""

    code: str
    text: Said
    until: date | None = None
    evidence_required: bool = False


class FindingView(OpenWire):
    term: str | None
    verdict: Decision
    code: str
    reason: Said
    missing: tuple[str, ...] = ()
    obligation: ObligationView | None = None


class VersionsView(OpenWire):
    duo: str
    mondo: str
    policy: str | None = None


class VerdictView(OpenWire):
    """`expires_at` is the last day of a grant given now. `warnings` say what was understood in
    spite of its form."""

    decision: Decision
    findings: tuple[FindingView, ...]
    obligations: tuple[ObligationView, ...]
    missing: tuple[str, ...]
    expires_at: date | None
    versions: VersionsView
    warnings: tuple[Said, ...]
    explain_user: Said
    explain_admin: str
