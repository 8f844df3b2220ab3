"""An access request on a page without scripts: from a form's fields to what is stated, and back.

Pure. The page asks what the matcher of data use most often needs; what a request states besides
(made by API) is kept where it is edited here. Empty means unknown, never no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from portal.requests import extent_form
from schemas.data_use import DataUseRequest
from schemas.errors import InvalidInput
from schemas.grants import NewRequest
from schemas.messages import Message, following

PURPOSES = {
    "disease": Message("A disease"),
    "biomedical": Message("Health, medicine or biology"),
    "general": Message("Research in general"),
    "methods": Message("Methods or software"),
    "population": Message("Populations"),
    "ancestry": Message("Ancestry or origin"),
    "controls": Message("Use as controls"),
    "drug_development": Message("Drug development"),
    "social_science": Message("Social science"),
    "clinical_care": Message("Care of patients"),
    "age_category": Message("One age group"),
    "gender_category": Message("One gender"),
}
ORGANISATIONS = {
    "not_for_profit": Message("Not for profit"),
    "for_profit": Message("For profit"),
    "mixed": Message("Both"),
}
ANSWERS = {"yes": True, "no": False}
MAX_FIELDS = 120  # a basket of 20 datasets has three fields for each
MAX_MONTHS_DIGITS = 4
_SEPARATORS = re.compile(r"[\s,;]+")

Fields = Mapping[str, Sequence[str]]
"""Each field with all its values, as a browser sends them."""

# Where a field of one value lies in a request.
_TEXTS = {
    "organisation_type": ("requester", "organisation", "type"),
    "organisation_ror": ("requester", "organisation", "ror"),
    "organisation_country": ("requester", "organisation", "country"),
    "ethics_ref": ("ethics", "ref"),
    "ethics_until": ("ethics", "valid_until"),
}
_ANSWERED = {
    "commercial": ("use", "commercial"),
    "publish": ("commitments", "publish"),
    "return_data": ("commitments", "return_data"),
}
_LISTS = {
    "diseases": ("purpose", "diseases"),
    "processing": ("places", "processing"),
}
_AGREED = "agreed:"
_WORDS = PURPOSES | ORGANISATIONS
# As the form asks; what it does not ask is named as the API does.
_LABELS = {
    "purpose, codes": Message("Research about"),
    "purpose, diseases": Message("Diseases"),
    "requester, organisation, type": Message("Organisation"),
    "requester, organisation, ror": Message("Its ROR id"),
    "requester, organisation, country": Message("Its country"),
    "places, processing": Message("Processed in"),
    "use, commercial": Message("Commercial use"),
    "ethics, ref": Message("Ethics approval"),
    "ethics, valid_until": Message("Approval valid until"),
    "commitments, publish": Message("Will publish"),
    "commitments, return_data": Message("Will return derived data"),
    "commitments, collaborate": Message("Collaboration"),
}


def new_request(fields: Fields, *, before: DataUseRequest | None = None) -> NewRequest:
    """Raises InvalidInput naming the field. `before` is what the request stated until now."""
    named: dict[str, object] = {
        name: _one(fields, name) for name in ("dataset", "project", "purpose", "workspace")
    }
    months = _one(fields, "months")
    # Python refuses to read endless digits with an error of its own; two are plenty.
    whole = len(months) <= MAX_MONTHS_DIGITS and months.isdecimal()
    stated = data_use(fields, before=before)
    named |= {"months": int(months) if whole else months, "data_use": stated}
    return _checked(named | {"extent": extent_form.asked_extent(fields)})


def data_use(fields: Fields, *, before: DataUseRequest | None = None) -> dict[str, Any]:
    """What the form states, over what was stated before, unchecked."""
    stated: dict[str, Any] = {} if before is None else _said(before)
    _put(stated, ("purpose", "codes"), [one for one in fields.get("codes", ()) if one in PURPOSES])
    for name, place in _TEXTS.items():
        _put(stated, place, _one(fields, name) or None)
    for name, place in _ANSWERED.items():
        _put(stated, place, ANSWERS.get(_one(fields, name)))
    for name, place in _LISTS.items():
        _put(stated, place, _many(fields, name))
    agreed = _one(fields, "collaborate")
    _put(stated, ("commitments", "collaborate"), f"{_AGREED}{agreed}" if agreed else None)
    people = _many(fields, "members")
    kept = stated.get("collaborators", [])
    known = {one.get("identity"): one for one in kept}
    home = {"organisation": stated["requester"]["organisation"]}
    stated["collaborators"] = [one for one in kept if one.get("identity") is None] + [
        known.get(person, {"identity": person} | home) for person in people
    ]
    return stated


def filled(form: NewRequest) -> dict[str, object]:
    """What the page shows in its fields: a text, or the list of codes that are ticked."""
    said = _said(form.data_use)
    fields: dict[str, object] = {
        "project": form.project,
        "purpose": form.purpose,
        "workspace": form.workspace,
        "months": str(form.months),
        "codes": _at(said, ("purpose", "codes")) or [],
    }
    fields |= {name: str(_at(said, place) or "") for name, place in _TEXTS.items()}
    words = {answer: word for word, answer in ANSWERS.items()}
    fields |= {name: words.get(_at(said, place), "") for name, place in _ANSWERED.items()}
    fields |= {name: ", ".join(_at(said, place) or ()) for name, place in _LISTS.items()}
    agreed = _at(said, ("commitments", "collaborate"))
    fields["collaborate"] = str(agreed).removeprefix(_AGREED) if isinstance(agreed, str) else ""
    named = (one.get("identity") for one in said.get("collaborators", []))
    fields["members"] = "\n".join(one for one in named if one is not None)
    return fields | extent_form.filled(form.extent)


def sent_back(fields: Fields) -> dict[str, object]:
    """What the page shows again after a form that was not taken."""
    return {name: _one(fields, name) for name in fields} | {"codes": list(fields.get("codes", ()))}


def in_words(stated: DataUseRequest) -> Iterator[tuple[str, str]]:
    """Everything that a request states, for who decides on it: a label and a value each."""
    yield from _rows(_said(stated), "")


def _rows(said: Any, label: str) -> Iterator[tuple[str, str]]:  # JSON values
    if isinstance(said, dict):
        for name, value in said.items():
            yield from _rows(value, f"{label}, {name}" if label else name)
    elif isinstance(said, list) and said and isinstance(said[0], dict):
        for number, one in enumerate(said, 1):
            yield from _rows(one, f"{label} {number}")
    elif isinstance(said, list):
        yield _label(label), following(*(_WORDS.get(str(one), str(one)) for one in said), by=", ")
    elif isinstance(said, bool):
        yield _label(label), Message("yes") if said else Message("no")
    else:
        yield _label(label), _WORDS.get(str(said), str(said))


def _label(place: str) -> str:
    return _LABELS.get(place) or place[:1].upper() + place[1:]


def _said(stated: DataUseRequest) -> dict[str, Any]:
    said: dict[str, Any] = stated.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return said


def _put(stated: dict[str, Any], place: Sequence[str], value: object) -> None:
    *parts, last = place
    for part in parts:
        stated = stated.setdefault(part, {})
    if value is None:
        stated.pop(last, None)
    else:
        stated[last] = value


def _at(said: Any, place: Sequence[str]) -> Any:  # JSON values
    for part in place:
        said = said.get(part) if isinstance(said, dict) else None
    return said


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name, ())
    return values[0].strip() if values else ""


def _many(fields: Fields, name: str) -> list[str]:
    return [one for one in _SEPARATORS.split(_one(fields, name)) if one]


def _checked(sent: Mapping[str, object]) -> NewRequest:
    try:
        return NewRequest.model_validate(sent)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            Message("Please look at “%(field)s”: %(problem)s.", field=field, problem=first["msg"])
        ) from error
