"""What a dataset is asked for when it comes in, so that a catalogue later needs no re-entry.

HealthDCAT-AP release 5, the properties that a dataset which is not public must have. What follows
from the node itself (theme, distribution) is not asked. Leaves writing RDF to such a catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import InvalidInput
from schemas.messages import Message

MAX_CHARS = 2_000
_AUTHORITY = "http://publications.europa.eu/resource/authority"
ACCESS_RIGHTS = {
    f"{_AUTHORITY}/access-right/NON_PUBLIC": Message("Not public: personal data, access by permit"),
    f"{_AUTHORITY}/access-right/RESTRICTED": Message("Restricted"),
    f"{_AUTHORITY}/access-right/PUBLIC": Message("Public"),
}
HEALTH = f"{_AUTHORITY}/data-theme/HEAL"
EHDS = "http://data.europa.eu/eli/reg/2025/327/oj"


@dataclass(frozen=True, slots=True)
class Field:
    """`term` is the property; `value` what the form begins with."""

    term: str
    label: str
    help: str
    value: str = ""
    choices: Mapping[str, str] | None = None


FIELDS = (
    Field(
        "dct:identifier",
        Message("Identifier"),
        Message("A lasting URI; left empty: its address at this node."),
    ),
    Field(
        "dct:accessRights", Message("Access rights"), "", next(iter(ACCESS_RIGHTS)), ACCESS_RIGHTS
    ),
    Field(
        "dcatap:applicableLegislation",
        Message("Applicable legislation"),
        Message("A URI (ELI)."),
        EHDS,
    ),
    Field("dct:publisher", Message("Publisher"), Message("The data holder's name.")),
    Field(
        "dcat:contactPoint",
        Message("Contact"),
        Message("Mail or web address for questions about the data."),
    ),
    Field(
        "healthdcatap:hdab",
        Message("Health data access body"),
        Message("Its name, and how it is reached."),
    ),
    Field(
        "healthdcatap:healthCategory",
        Message("Health category"),
        Message("One of the categories of the EHDS regulation, such as human genetic data."),
        "Human genetic, epigenomic and genomic data",
    ),
    Field("dcat:keyword", Message("Keywords"), Message("Separated by commas.")),
    Field("dct:type", Message("Type of dataset"), "", "Personal data"),
    Field(
        "dct:provenance",
        Message("Provenance"),
        Message("Where the data come from and how they were made."),
    ),
)
_OPTIONAL = frozenset({"dct:identifier"})
_THEME, _DISTRIBUTION = "dcat:theme", "dcat:distribution"
MEMBER = "healthDCATAP"  # of a dataset record's `info`, where the description is kept


def read(sent: Mapping[str, str], *, address: str, beacon: str) -> Mapping[str, str]:
    """The description, whole; `address` is the dataset's own. Raises `InvalidInput`."""
    said: dict[str, str] = {}
    for field in FIELDS:
        text = sent.get(field.term, "").strip()
        if not text and field.term in _OPTIONAL:
            text = address
        said[field.term] = _checked(field, text)
    return said | {_THEME: HEALTH, _DISTRIBUTION: beacon}


def lacking(stated: object) -> tuple[str, ...]:
    """The properties that a description brought in a dataset's record does not state. Raises
    `InvalidInput` for one that it may not hold, or not so."""
    fields = {field.term: field for field in FIELDS}
    if not isinstance(stated, Mapping):
        raise InvalidInput(
            Message("info.%(member)s: expected an object of properties.", member=MEMBER)
        )
    for term, text in stated.items():
        if term not in {*fields, _THEME, _DISTRIBUTION}:
            raise InvalidInput(
                Message(
                    "info.%(member)s: %(term)s is not one of its properties.",
                    member=MEMBER,
                    term=str(term)[:60],
                )
            )
        if not isinstance(text, str):
            raise InvalidInput(
                Message("info.%(member)s: %(term)s must be text.", member=MEMBER, term=term)
            )
        _checked(fields.get(term) or Field(term, term, ""), text)
    return tuple(term for term in fields if term not in stated and term not in _OPTIONAL)


def _checked(field: Field, text: str) -> str:
    if not 0 < len(text) <= MAX_CHARS or "\x00" in text:
        raise InvalidInput(
            Message(
                "%(label)s: expected 1 to %(most)s characters.", label=field.label, most=MAX_CHARS
            )
        )
    if field.choices is not None and text not in field.choices:
        raise InvalidInput(Message("%(label)s: choose one of the list.", label=field.label))
    return text
