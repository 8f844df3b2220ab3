"""What a dataset is asked for when it comes in, so that a catalogue later needs no re-entry.

HealthDCAT-AP release 5, the properties that a dataset which is not public must have. What follows
from the node itself (theme, distribution) is not asked. Leaves writing RDF to such a catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import InvalidInput

MAX_CHARS = 2_000
_AUTHORITY = "http://publications.europa.eu/resource/authority"
ACCESS_RIGHTS = {
    f"{_AUTHORITY}/access-right/NON_PUBLIC": "Not public: personal data, access by permit",
    f"{_AUTHORITY}/access-right/RESTRICTED": "Restricted",
    f"{_AUTHORITY}/access-right/PUBLIC": "Public",
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
    Field("dct:identifier", "Identifier", "A lasting URI; left empty: its address at this node."),
    Field("dct:accessRights", "Access rights", "", next(iter(ACCESS_RIGHTS)), ACCESS_RIGHTS),
    Field("dcatap:applicableLegislation", "Applicable legislation", "A URI (ELI).", EHDS),
    Field("dct:publisher", "Publisher", "The data holder's name."),
    Field("dcat:contactPoint", "Contact", "Mail or web address for questions about the data."),
    Field("healthdcatap:hdab", "Health data access body", "Its name, and how it is reached."),
    Field(
        "healthdcatap:healthCategory",
        "Health category",
        "One of the categories of the EHDS regulation, such as human genetic data.",
        "Human genetic, epigenomic and genomic data",
    ),
    Field("dcat:keyword", "Keywords", "Separated by commas."),
    Field("dct:type", "Type of dataset", "", "Personal data"),
    Field("dct:provenance", "Provenance", "Where the data come from and how they were made."),
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
        raise InvalidInput(f"info.{MEMBER}: expected an object of properties.")
    for term, text in stated.items():
        if term not in {*fields, _THEME, _DISTRIBUTION}:
            raise InvalidInput(f"info.{MEMBER}: {str(term)[:60]} is not one of its properties.")
        if not isinstance(text, str):
            raise InvalidInput(f"info.{MEMBER}: {term} must be text.")
        _checked(fields.get(term) or Field(term, term, ""), text)
    return tuple(term for term in fields if term not in stated and term not in _OPTIONAL)


def _checked(field: Field, text: str) -> str:
    if not 0 < len(text) <= MAX_CHARS or "\x00" in text:
        raise InvalidInput(f"{field.label}: expected 1 to {MAX_CHARS} characters.")
    if field.choices is not None and text not in field.choices:
        raise InvalidInput(f"{field.label}: choose one of the list.")
    return text
