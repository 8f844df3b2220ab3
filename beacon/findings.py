"""What a record says that a filter can ask: ontology terms, amounts and words of its fields.

Beacon v2.2 default model: individuals, biosamples, runs, analyses, cohorts and datasets. What is
excluded (`excluded: true`, a cohort's exclusion criteria) says nothing; nor do relatives
(`pedigrees`), reference ranges, references to other records, notes and free `info`. How the
findings are kept is left to `beacon.segment.bitmaps`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from beacon import quantities
from beacon.quantities import Kind

MAX_DEPTH = 20
MAX_TEXT = 200
# Fields of the default model that a record holds at most one value of.
SINGLE_VALUED = frozenset(
    {"sex", "ethnicity", "geographicOrigin", "karyotypicSex", "age"}
    | {"biosampleStatus", "sampleOriginType", "sampleOriginDetail", "histologicalDiagnosis"}
    | {"tumorProgression", "tumorGrade", "pathologicalStage", "collectionDate", "collectionMoment"}
    | {"sampleProcessing", "sampleStorage", "libraryStrategy", "librarySource", "librarySelection"}
    | {"libraryLayout", "platform", "platformModel", "runDate"}
    | {"aligner", "variantCaller", "pipelineName", "analysisDate", "cohortType", "cohortDesign"}
)
_SILENT = frozenset(
    {"id", "ids", "info", "notes", "pedigrees", "referenceRange", "unit", "excluded"}
    | {"exclusionCriteria", "collectionEvents", "individualId", "biosampleId", "runId"}
    | {"datasetId", "pipelineRef", "externalUrl", "description", "name"}
)


@dataclass(frozen=True, slots=True)
class Term:
    """An ontology term and the dotted field that holds it."""

    id: str
    label: str
    field: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, duration or date as an interval; a measurement stands under its assay's id."""

    field: str
    kind: Kind
    low: float
    high: float
    label: str = ""
    unit: str = ""
    unit_label: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A word or label; compared without regard to case."""

    field: str
    value: str


Finding = Term | Amount | Text


def findings(record: Mapping[str, object]) -> Iterator[Finding]:
    """Everything a filter may match in one record."""
    for name, value in record.items():
        if name not in _SILENT:
            yield from _walk(value, name, 1)


def _walk(value: object, path: str, depth: int) -> Iterator[Finding]:
    if depth > MAX_DEPTH:
        return
    match value:
        case list():
            for item in value:
                yield from _walk(item, path, depth + 1)
        case dict():
            yield from _object(value, path, depth)
        case bool():
            yield Text(path, str(value).lower())
        case int() | float():
            yield Amount(path, "number", float(value), float(value))
        case str():
            yield _word(value, path)


def _object(value: Mapping[str, object], path: str, depth: int) -> Iterator[Finding]:
    if value.get("excluded") not in (None, False):
        return
    if (time := quantities.of_time_element(value)) is not None:
        kind, (low, high) = time
        yield Amount(path, kind, low, high)
        return
    term, label = _named(value)
    if term:
        yield Term(term, label, path)
        if label:
            yield Text(path, label[:MAX_TEXT])
    measured = value.get("measurementValue")
    if isinstance(measured, dict):
        yield from _measured(value.get("assayCode"), measured)
    for name, inner in value.items():
        if name in _SILENT or name == "label":
            continue
        if name == "measurementValue" and not _named(inner)[0]:
            continue  # an amount says something only under its assay and in its unit
        yield from _walk(inner, f"{path}.{name}", depth + 1)


def _measured(assay: object, measured: Mapping[str, object]) -> Iterator[Finding]:
    field, label = _named(assay)
    if field:
        quantity = measured.get("quantity", measured)
        yield from _quantity(field, label, quantity)
        if (said := _named(measured))[0]:
            yield Text(field, (said[1] or said[0])[:MAX_TEXT])
    several = measured.get("typedQuantities")
    for each in several if isinstance(several, list) else ():
        if isinstance(each, dict):
            yield from _quantity(*_named(each.get("quantityType")), each.get("quantity"))


def _quantity(field: str, label: str, quantity: object) -> Iterator[Finding]:
    if not field or not isinstance(quantity, dict):
        return
    amount = quantity.get("value")
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        yield Amount(
            field, "number", float(amount), float(amount), label, *_named(quantity.get("unit"))
        )


def _named(value: object) -> tuple[str, str]:
    """The id and label of an ontology term; empty where it is none."""
    if not isinstance(value, dict):
        return "", ""
    term = value.get("id")
    if not isinstance(term, str) or ":" not in term:
        return "", ""
    label = value.get("label")
    return term, label if isinstance(label, str) else ""


def _word(value: str, path: str) -> Finding:
    if (days := quantities.duration_days(value)) is not None:
        return Amount(path, "duration", days, days)
    name = path.rpartition(".")[2].lower()
    if "date" in name and (seconds := quantities.date_seconds(value)) is not None:
        return Amount(path, "date", *seconds)
    return Text(path, value[:MAX_TEXT])
