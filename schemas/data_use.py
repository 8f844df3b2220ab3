"""Consent and purpose as sent: DUO terms with their parameters, and what a request must carry.

The shape follows `dataUseConditions.duoDataUse` of Beacon v2 with typed parameters beside each
term, which DUO leaves open. Leaves meaning to `duo.consent` and `duo.purpose`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.wire import Curie, Wire

MAX_TERMS = 64
MAX_VALUES = 200

Short = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Long = Annotated[str, StringConstraints(max_length=4_000)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Values = Annotated[tuple[Short, ...], Field(max_length=MAX_VALUES)]
Countries = Annotated[tuple[Country, ...], Field(max_length=MAX_VALUES)]


class DataUseTerm(Wire):
    """`values` are diseases (DS), countries (GS), ROR ids (IS), identities (US), projects (PS) or
    research types (RS); `months` belongs to TS and `until` to MOR."""

    id: Short
    label: Short | None = None
    version: Short | None = None
    values: Values = ()
    months: Annotated[int, Field(ge=0, le=1_200)] | None = None
    until: date | None = None
    modifiers: Annotated[tuple[DataUseTerm, ...], Field(max_length=MAX_TERMS)] = ()


PurposeCode = Literal[
    "general",
    "biomedical",
    "disease",
    "ancestry",
    "methods",
    "population",
    "controls",
    "drug_development",
    "social_science",
    "clinical_care",
]
Sensitive = Literal[
    "vulnerable_population",
    "stigmatizing_illness",
    "psychological_traits",
    "illegal_behaviour",
    "sexual_health",
    "not_health",
    "minors",
]


class Party(Wire):
    """A requester or collaborator, and the organisation they act for."""

    identity: Short | None = None  # sub@iss
    ror: Short | None = None
    organisation_type: Literal["not_for_profit", "for_profit", "unknown"] = "unknown"
    country: Country | None = None


class Ethics(Wire):
    reference: Short
    valid_until: date | None = None
    refused: bool = False


class DataUsePurpose(Wire):
    """What a researcher intends. A member left out is unknown, never "no"."""

    codes: Annotated[tuple[PurposeCode, ...], Field(max_length=MAX_TERMS)] = ()
    diseases: Annotated[tuple[Curie, ...], Field(max_length=MAX_VALUES)] = ()
    research_types: Values = ()
    summary: Long = ""
    data_kinds: tuple[Literal["genotype", "phenotype", "derived"], ...] = ()
    requester: Party = Party()
    collaborators: Annotated[tuple[Party, ...], Field(max_length=MAX_VALUES)] = ()
    commercial: bool | None = None
    processing_places: Countries = ()
    project: Short | None = None
    months: Annotated[int, Field(ge=1, le=1_200)] | None = None
    ethics: Ethics | None = None
    will_publish: bool | None = None
    earliest_publication: date | None = None
    will_return_data: bool | None = None
    collaboration: Literal["agreed", "refused", "asked"] | None = None
    sensitive: tuple[Sensitive, ...] = ()
