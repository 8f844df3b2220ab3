"""What a researcher intends, as a value the rules can judge. A field not stated is None or empty
and means unknown, never "no". Leaves the wire form to `schemas.data_use`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from duo.errors import PurposeUnreadable
from duo.terms import Term, spelled
from schemas.data_use import (
    CollaborationAsked,
    CommitmentsAsked,
    DataUseRequest,
    EthicsAsked,
    PartyAsked,
)
from schemas.messages import Message


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
    AGE_CATEGORY = "age_category"
    GENDER_CATEGORY = "gender_category"

    @property
    def words(self) -> Message:
        return _USES[self]


_USES = {
    Use.GENERAL: Message("general"),
    Use.BIOMEDICAL: Message("biomedical"),
    Use.DISEASE: Message("disease"),
    Use.ANCESTRY: Message("ancestry"),
    Use.METHODS: Message("methods"),
    Use.POPULATION: Message("population"),
    Use.CONTROLS: Message("controls"),
    Use.DRUG_DEVELOPMENT: Message("drug development"),
    Use.SOCIAL_SCIENCE: Message("social science"),
    Use.CLINICAL_CARE: Message("clinical care"),
    Use.AGE_CATEGORY: Message("age category"),
    Use.GENDER_CATEGORY: Message("gender category"),
}
# What a person judges wherever a request says so.
SENSITIVE: Mapping[str, Message] = MappingProxyType(
    {
        "vulnerable_population": Message("vulnerable population"),
        "stigmatizing_illness": Message("stigmatizing illness"),
        "psychological_traits": Message("psychological traits"),
        "illegal_behaviour": Message("illegal behaviour"),
        "sexual_health": Message("sexual health"),
        "not_health": Message("not health"),
        "minors": Message("minors"),
    }
)


# DUO's investigation terms; genetic research is below biomedical and judged as that.
_INVESTIGATIONS: Mapping[Term, Use] = MappingProxyType(
    {
        Term.METHOD_DEVELOPMENT: Use.METHODS,
        Term.POPULATION_RESEARCH: Use.POPULATION,
        Term.ANCESTRY_RESEARCH: Use.ANCESTRY,
        Term.AGE_CATEGORY: Use.AGE_CATEGORY,
        Term.GENDER_CATEGORY: Use.GENDER_CATEGORY,
        Term.RESEARCH_CONTROL: Use.CONTROLS,
        Term.BIOMEDICAL: Use.BIOMEDICAL,
        Term.GENETIC: Use.BIOMEDICAL,
        Term.DRUG_DEVELOPMENT: Use.DRUG_DEVELOPMENT,
        Term.DISEASE_CATEGORY: Use.DISEASE,
    }
)


class Organisation(StrEnum):
    NOT_FOR_PROFIT = "not_for_profit"
    FOR_PROFIT = "for_profit"
    MIXED = "mixed"
    UNKNOWN = "unknown"


class Collaboration(StrEnum):
    AGREED = "agreed"
    REFUSED = "refused"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far collaboration is settled; an agreement counts from its day or with its evidence."""

    status: Collaboration
    since: date | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    identity: str | None = None
    ror: str | None = None
    organisation: Organisation = Organisation.UNKNOWN
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Ethics:
    reference: str | None = None
    valid_until: date | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """`parties` are the requester and every collaborator: each must pass alone. `permit_until` is
    the last day of the data permit (EHDS) that the request rests on, if any."""

    uses: frozenset[Use] = frozenset()
    diseases: frozenset[str] = frozenset()
    research_types: frozenset[str] = frozenset()
    data_kinds: frozenset[str] = frozenset()
    parties: tuple[Party, ...] = (Party(),)
    commercial: bool | None = None
    processing_places: frozenset[str] = frozenset()
    project: str | None = None
    months: int | None = None
    months_used: int = 0
    ethics: Ethics = Ethics()
    will_publish: bool | None = None
    earliest_publication: date | None = None
    will_return_data: bool | None = None
    collaboration: Agreement | None = None
    permit_until: date | None = None
    sensitive: frozenset[str] = frozenset()

    @property
    def all_uses(self) -> frozenset[Use]:
        """Who names diseases means disease research, whether or not it was ticked."""
        return self.uses | {Use.DISEASE} if self.diseases else self.uses


def read_purpose(sent: DataUseRequest) -> Purpose:
    """Raises `PurposeUnreadable` naming the field."""
    return Purpose(
        uses=frozenset(_uses(sent.purpose.codes)),
        diseases=frozenset(sent.purpose.diseases),
        research_types=frozenset(sent.purpose.research_types),
        data_kinds=frozenset(sent.data_kinds),
        parties=tuple(_party(party) for party in (sent.requester, *sent.collaborators)),
        commercial=sent.use.commercial,
        processing_places=frozenset(sent.places.processing),
        project=sent.project.id,
        months=sent.project.months,
        months_used=sent.project.months_used or 0,
        ethics=_ethics(sent.ethics),
        will_publish=sent.commitments.publish,
        earliest_publication=sent.commitments.earliest_publication,
        will_return_data=sent.commitments.return_data,
        collaboration=_agreement(sent.commitments),
        permit_until=sent.permit.valid_until,
        sensitive=frozenset(sent.sensitive),
    )


def _uses(codes: Iterable[str]) -> Iterable[Use]:
    words = {use.value: use for use in Use}
    for number, code in enumerate(codes):
        if (word := words.get(code.strip().lower())) is not None:
            yield word
            continue
        for meant in spelled(code):
            use = _INVESTIGATIONS.get(meant.term) if meant.term is not None else None
            if use is None:
                raise PurposeUnreadable(
                    Message(
                        "request.purpose.codes.%(number)s: expected a DUO investigation term or "
                        "one of %(uses)s",
                        number=number,
                        uses=", ".join(Use),
                    )
                )
            yield use


def _party(sent: PartyAsked) -> Party:
    home = sent.organisation
    return Party(
        sent.identity, home.ror, organisation=Organisation(home.type), country=home.country
    )


def _ethics(sent: EthicsAsked) -> Ethics:
    return Ethics(sent.ref, valid_until=sent.valid_until, refused=sent.refused)


def _agreement(sent: CommitmentsAsked) -> Agreement | None:
    said = sent.collaborate
    if said is None:
        return None
    if isinstance(said, CollaborationAsked):
        return Agreement(Collaboration(said.status), evidence=said.evidence)
    status, _, since = said.partition(":")
    try:
        return Agreement(Collaboration(status), since=date.fromisoformat(since) if since else None)
    except ValueError as error:
        raise PurposeUnreadable(
            Message("request.commitments.collaborate: expected agreed:YYYY-MM-DD or refused")
        ) from error
