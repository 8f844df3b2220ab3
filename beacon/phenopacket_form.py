"""Individuals as phenopackets: the alternative schema of their records.

GA4GH Phenopacket Schema 2.0 in its JSON form, the other way round than it is read by
`beacon.loading.phenopackets`. What a phenopacket has no place for (ethnicity, geographic origin,
exposures, pedigrees, a measurement's value in words) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

SCHEMA: Final = "ga4gh-phenopacket-v2.0.0"
SCHEMA_URL: Final = "https://phenopacket-schema.readthedocs.io/en/2.0.0/phenopacket.html"
MAX_DEPTH = 20
_SEX = {"NCIT:C16576": "FEMALE", "NCIT:C20197": "MALE", "NCIT:C17998": "UNKNOWN_SEX"}
_KARYOTYPES = frozenset(
    {"UNKNOWN_KARYOTYPE", "XX", "XY", "XO", "XXY", "XXX", "XXYY", "XXXY", "XXXX", "XYY"}
    | {"OTHER_KARYOTYPE"}
)
_FEATURE = {
    "type": "featureType", "excluded": "excluded", "severity": "severity",
    "modifiers": "modifiers", "description": "notes",
}  # fmt: skip


def packet(record: Mapping[str, Any], *, beacon_id: str, now: int) -> dict[str, object]:
    """`now` (epoch seconds) is when it is made, `beacon_id` by whom."""
    name = record["id"]
    sex = _SEX.get(_id(record.get("sex")), "OTHER_SEX" if record.get("sex") else None)
    karyotype = record.get("karyotypicSex")
    made: dict[str, object] = _said(
        id=name,
        subject=_said(
            id=name,
            sex=sex,
            karyotypicSex=karyotype if karyotype in _KARYOTYPES else None,
            timeAtLastEncounter=_time(record.get("age")),
        ),
        phenotypicFeatures=[_feature(each) for each in record.get("phenotypicFeatures") or ()],
        measurements=[
            found
            for each in record.get("measurements") or ()
            if (found := _measurement(each)) is not None
        ],
        diseases=[_disease(each) for each in record.get("diseases") or ()],
        medicalActions=[
            *({"procedure": _procedure(p)} for p in record.get("interventionsOrProcedures") or ()),
            *({"treatment": _treatment(each)} for each in record.get("treatments") or ()),
        ],
    )
    prefixes = sorted(set(_prefixes(made, 0)))
    return made | {
        "metaData": {
            "created": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "createdBy": beacon_id,
            "phenopacketSchemaVersion": "2.0",
            "resources": [
                {"id": each.lower(), "name": each, "namespacePrefix": each} for each in prefixes
            ],
        }
    }


def _feature(said: Mapping[str, Any]) -> dict[str, object]:
    evidence = said.get("evidence")
    return _said(
        **{name: said.get(ours) for name, ours in _FEATURE.items()},
        onset=_time(said.get("onset")),
        resolution=_time(said.get("resolution")),
        evidence=[evidence] if isinstance(evidence, Mapping) else None,
    )


def _disease(said: Mapping[str, Any]) -> dict[str, object]:
    stage = said.get("stage")
    return _said(
        term=said.get("diseaseCode"),
        excluded=said.get("excluded"),
        onset=_time(said.get("ageOfOnset")),
        diseaseStage=[stage] if stage else None,
    )


def _measurement(said: Mapping[str, Any]) -> dict[str, object] | None:
    """None for a value in words, for which a phenopacket has no place."""
    value = said.get("measurementValue") or {}
    stated: dict[str, object]
    if "typedQuantities" in value:
        typed = [
            {"type": each["quantityType"], "quantity": each["quantity"]}
            for each in value["typedQuantities"]
        ]
        stated = {"complexValue": {"typedQuantities": typed}}
    elif "value" in value or "quantity" in value:
        stated = {"value": {"quantity": value.get("quantity", value)}}
    elif _id(value):
        stated = {"value": {"ontologyClass": value}}
    else:
        return None
    procedure = said.get("procedure")
    return _said(
        assay=said.get("assayCode"),
        **stated,
        timeObserved=_time(said.get("observationMoment")),
        description=said.get("notes"),
        procedure=_procedure(procedure) if procedure else None,
    )


def _procedure(said: Mapping[str, Any]) -> dict[str, object]:
    date = said.get("dateOfProcedure")
    performed = _time(said.get("ageAtProcedure")) or ({"timestamp": date} if date else None)
    return _said(code=said.get("procedureCode"), bodySite=said.get("bodySite"), performed=performed)


def _treatment(said: Mapping[str, Any]) -> dict[str, object]:
    return _said(
        agent=said.get("treatmentCode"),
        routeOfAdministration=said.get("routeOfAdministration"),
        cumulativeDose=said.get("cumulativeDose"),
    )


def _time(said: object) -> dict[str, object] | None:
    """Wrapped by its kind, which Beacon's own is not."""
    match said:
        case str():
            return {"timestamp": said}
        case {"iso8601duration": _}:
            return {"age": said}
        case {"weeks": _}:
            return {"gestationalAge": said}
        case {"start": str(), "end": str()}:
            return {"interval": said}
        case {"start": _, "end": _}:
            return {"ageRange": said}
        case {"id": _}:
            return {"ontologyClass": said}
        case _:
            return None


def _prefixes(value: object, depth: int) -> Iterator[str]:
    """Of every ontology term, as `metaData.resources` has to name them."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        prefix, colon, _ = _id(value).partition(":")
        if colon and "label" in value:
            yield prefix
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _prefixes(each, depth + 1)


def _id(value: object) -> str:
    found = value.get("id") if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def _said(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value not in (None, [], {}, "")}
