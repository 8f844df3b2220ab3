"""What a researcher intends, as a value the rules can judge. A field not stated is None or empty
and means unknown, never "no". Leaves the wire form to `schemas.data_use`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.data_use import DataUsePurpose
from schemas.data_use import Party as SentParty


class Use(StrEnum):
    """The purposes the coverage table knows; one request may state several."""

    GENERAL = "general"
    BIOMEDICAL = "biomedical"
    DISEASE = "disease"
    ANCESTRY = "ancestry"
    METHODS = "methods"
    POPULATION = "population"
    CONTROLS = "controls"
    DRUG_DEVELOPMENT = "drug_development"
    SOCIAL_SCIENCE = "social_science"
    CLINICAL_CARE = "clinical_care"


class Organisation(StrEnum):
    NOT_FOR_PROFIT = "not_for_profit"
    FOR_PROFIT = "for_profit"
    UNKNOWN = "unknown"


class Collaboration(StrEnum):
    AGREED = "agreed"
    REFUSED = "refused"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Party:
    identity: str | None = None
    ror: str | None = None
    organisation: Organisation = Organisation.UNKNOWN
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Ethics:
    reference: str
    valid_until: date | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """`parties` are the requester and every collaborator: each must pass alone."""

    uses: frozenset[Use] = frozenset()
    diseases: frozenset[str] = frozenset()
    research_types: frozenset[str] = frozenset()
    data_kinds: frozenset[str] = frozenset()
    parties: tuple[Party, ...] = (Party(),)
    commercial: bool | None = None
    processing_places: frozenset[str] = frozenset()
    project: str | None = None
    months: int | None = None
    ethics: Ethics | None = None
    will_publish: bool | None = None
    earliest_publication: date | None = None
    will_return_data: bool | None = None
    collaboration: Collaboration | None = None
    sensitive: frozenset[str] = frozenset()

    @property
    def all_uses(self) -> frozenset[Use]:
        """Who names diseases means disease research, whether or not it was ticked."""
        return self.uses | {Use.DISEASE} if self.diseases else self.uses


def read_purpose(sent: DataUsePurpose) -> Purpose:
    return Purpose(
        uses=frozenset(Use(code) for code in sent.codes),
        diseases=frozenset(sent.diseases),
        research_types=frozenset(sent.research_types),
        data_kinds=frozenset(sent.data_kinds),
        parties=tuple(_party(party) for party in (sent.requester, *sent.collaborators)),
        commercial=sent.commercial,
        processing_places=frozenset(sent.processing_places),
        project=sent.project,
        months=sent.months,
        ethics=_ethics(sent),
        will_publish=sent.will_publish,
        earliest_publication=sent.earliest_publication,
        will_return_data=sent.will_return_data,
        collaboration=Collaboration(sent.collaboration) if sent.collaboration else None,
        sensitive=frozenset(sent.sensitive),
    )


def _party(sent: SentParty) -> Party:
    organisation = Organisation(sent.organisation_type)
    return Party(sent.identity, sent.ror, organisation=organisation, country=sent.country)


def _ethics(sent: DataUsePurpose) -> Ethics | None:
    if sent.ethics is None:
        return None
    ethics = sent.ethics
    return Ethics(ethics.reference, valid_until=ethics.valid_until, refused=ethics.refused)
