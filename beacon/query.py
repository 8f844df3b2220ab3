"""Makes one `Query` of a GET or a POST (Beacon v2.2 requests).

Reads leniently (flat or nested parameters, comma lists or repeated keys, known misspellings) and
refuses by name whatever it does not know, since a dropped parameter widens an answer. Genomic
parameters are read by `variants`, filters by `filters`; nothing here looks at data or rights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from access.policy import Granularity
from beacon import filters as filter_rules
from beacon import request_body, variants
from beacon.catalog import ById
from beacon.errors import BadQuestion, UnsupportedQuestion
from schemas.beacon import IncludeName, RequestBody, RequestPagination, RequestSummary
from schemas.entries import ENTRY_TYPES, EntryTypeId, entry_type_named

MAX_QUERY_BYTES = 16 * 1024
MAX_LIMIT = 1000
MAX_SKIPPED_RECORDS = 2**31 - 1
MAX_DATASETS = 100

_COMMON = frozenset(
    {"requestedSchema", "requestedSchemas", "requestedGranularity", "skip", "limit", "testMode"}
    | {"includeResultsetResponses", "apiVersion"}
)
_NARROWING = frozenset({"filters", "datasetIds"})
_REPEATABLE = _NARROWING | variants.LISTS
_WHOLE = re.compile(r"^\d{1,12}$")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names: a list, one entry (`entry_id`), or the list under a parent."""

    entry: EntryTypeId
    entry_id: str | None = None
    parent: EntryTypeId | None = None
    parent_id: str | None = None

    @property
    def takes_variant(self) -> bool:
        """Only variants and the people who carry them are asked by genomic parameters."""
        by_path = self.entry_id is not None or self.parent == "genomicVariant"
        return self.entry in ("genomicVariant", "individual") and not by_path

    @property
    def takes_filters(self) -> bool:
        return self.entry not in ("dataset", "cohort") and self.entry_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question, whole and checked. `datasets` is empty for all; `skip` counts pages."""

    target: Target
    asked: variants.Asked | None
    datasets: tuple[str, ...]
    filters: tuple[filter_rules.Filter, ...]
    granularity: Granularity
    include: IncludeName
    skip: int
    limit: int
    echo: RequestSummary
    warnings: tuple[str, ...] = ()

    @property
    def by_id(self) -> ById | None:
        """The variant that the address names."""
        if self.target.entry == "genomicVariant" and self.target.entry_id is not None:
            return ById(self.target.entry_id)
        if self.target.parent == "genomicVariant" and self.target.parent_id is not None:
            return ById(self.target.parent_id)
        return None


def from_get(target: Target, pairs: Sequence[tuple[str, str]]) -> Query:
    """A query of decoded query-string pairs."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(variants.ALIASES.get(name, name), []).append(value)
    refuse_unknown(values, _COMMON | _NARROWING | variants.PARAMETERS)
    for name, given in values.items():
        if len(given) > 1 and name not in _REPEATABLE:
            raise BadQuestion(f"{name} is given more than once.")
    genomic = {name: _typed(name, values[name]) for name in values if name in variants.PARAMETERS}
    body = _get_body(values, target)
    read = filter_rules.read_get(values.get("filters", []))
    named = [part for value in values.get("datasetIds", []) for part in value.split(",")]
    datasets = _dataset_ids(named if "datasetIds" in values else None)
    return _query(target, request_body.validated(body), genomic, datasets=datasets, read=read)


def _get_body(values: Mapping[str, list[str]], target: Target) -> dict[str, object]:
    """The POST body that says what the framework parameters of a GET say."""
    meta: dict[str, object] = {"requestedSchemas": _get_schemas(values, target)}
    if "apiVersion" in values:
        meta["apiVersion"] = values["apiVersion"][0]
    asked: dict[str, object] = {
        name: values[name][0]
        for name in ("requestedGranularity", "includeResultsetResponses")
        if name in values
    }
    asked["pagination"] = {n: _whole(n, values[n][0]) for n in ("skip", "limit") if n in values}
    asked["testMode"] = _boolean(values.get("testMode", ["false"])[0])
    return {"meta": meta, "query": asked}


def from_body(target: Target, raw: bytes) -> Query:
    """A query of a POST body; an empty body asks with every default."""
    body = request_body.read(raw)
    genomic, datasets = _parameters(body.query.request_parameters or {})
    read = filter_rules.read(body.query.filters or [])
    return _query(target, body, genomic, datasets=datasets, read=read)


def refuse_unknown(given: Mapping[str, object], known: frozenset[str]) -> None:
    """A parameter that is read past could have narrowed the answer, so it is refused."""
    if unknown := sorted(name[:40] for name in given if name not in known):
        raise BadQuestion(f"Unknown parameters: {', '.join(unknown[:5])}.")


def _query(
    target: Target,
    body: RequestBody,
    genomic: Mapping[str, object],
    *,
    datasets: tuple[str, ...],
    read: tuple[filter_rules.Filter, ...],
) -> Query:
    query = body.query
    if query.test_mode:
        raise UnsupportedQuestion("testMode is not supported by this beacon.")
    _check_fits(target, genomic, read=read)
    if len(datasets) > MAX_DATASETS or any(len(name) > 200 for name in datasets):
        raise BadQuestion(f"datasetIds names at most {MAX_DATASETS} datasets.")
    _check_schemas(target, body)
    pagination = query.pagination or RequestPagination()
    limit = min(pagination.limit or MAX_LIMIT, MAX_LIMIT)
    if pagination.skip * limit > MAX_SKIPPED_RECORDS:
        raise BadQuestion("skip is too large.")
    granularity, warnings = _granularity(target, body)
    include: IncludeName = query.include or "HIT"
    echo: RequestSummary = {
        "apiVersion": body.meta.api_version,
        "requestedSchemas": [
            {"entityType": s.entity_type or target.entry, "schema": s.schema_reference or ""}
            for s in body.meta.requested_schemas
        ],
        "pagination": {"skip": pagination.skip, "limit": limit},
        "requestedGranularity": granularity.wire,
        "includeResultsetResponses": include,
        "testMode": False,
        "filters": [f.text for f in read],
        "requestParameters": {
            **({"g_variant": dict(genomic)} if genomic else {}),
            **({"datasets": {"datasetIds": list(datasets)}} if datasets else {}),
        },
    }
    return Query(
        target=target,
        asked=variants.recognise(genomic),
        datasets=datasets,
        filters=read,
        granularity=granularity,
        include=include,
        skip=pagination.skip,
        limit=limit,
        echo=echo,
        warnings=warnings,
    )


def _check_fits(
    target: Target, genomic: Mapping[str, object], *, read: tuple[filter_rules.Filter, ...]
) -> None:
    if genomic and not target.takes_variant:
        raise UnsupportedQuestion(
            "Genomic parameters are not supported at this address; they are at /g_variants, "
            "/individuals and the lists under a dataset or an individual."
        )
    if read and not target.takes_filters:
        raise UnsupportedQuestion("Filters are not supported at this address.")


def _granularity(target: Target, body: RequestBody) -> tuple[Granularity, tuple[str, ...]]:
    """A granularity beside `query` is heeded only where it asks for less (digest of v2.2, 4)."""
    default = "record" if target.entry == "dataset" else "boolean"
    asked = Granularity[(body.query.granularity or default).upper()]
    warnings = []
    if body.stray_granularity is not None:
        stray = Granularity[body.stray_granularity.upper()]
        if stray > asked:
            warnings.append("requestedGranularity belongs inside query; it was not heeded.")
        asked = min(asked, stray)
    if body.stray_pagination is not None:
        warnings.append("pagination belongs inside query; it was not heeded.")
    return asked, tuple(warnings)


def _check_schemas(target: Target, body: RequestBody) -> None:
    """Only the default schema of each entry type is served, under any of its names."""
    for asked in body.meta.requested_schemas:
        entry = entry_type_named(asked.entity_type or target.entry)
        served = ENTRY_TYPES[entry] if entry is not None else None
        name = (asked.schema_reference or "").removeprefix("./")
        stem = served.schema_id.rsplit("-v", 1)[0] if served else ""
        if served is None or not (name in ("", served.schema_url) or name.startswith(stem)):
            raise UnsupportedQuestion(
                "A requested schema is not supported; the default schemas of /entry_types are."
            )


def _parameters(given: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Genomic parameters and dataset ids of `requestParameters`, nested (standard) or flat."""
    genomic: dict[str, object] = {}
    nested: object = None
    flat: object = None
    for name, value in given.items():
        if name == "$schema":
            continue
        if isinstance(value, dict):
            if name == "datasets":
                refuse_unknown(value, frozenset({"datasetIds"}))
                nested = value.get("datasetIds")
            elif entry_type_named(name) == "genomicVariant":
                genomic.update(value)
            else:
                raise BadQuestion(f"Unknown parameters: {name[:40]}.")
        elif name == "datasetIds":
            flat = value
        else:
            genomic[name] = value
    named = {variants.ALIASES.get(n, n): v for n, v in genomic.items() if v is not None}
    refuse_unknown(named, variants.PARAMETERS)
    if nested is not None and flat is not None:
        raise BadQuestion("datasetIds is given more than once.")
    return named, _dataset_ids(flat if nested is None else nested)


def _dataset_ids(value: object) -> tuple[str, ...]:
    """None asks every dataset. An empty name is refused: dropping it could ask every dataset."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadQuestion("datasetIds must be a list of strings.")
    if not value or not all(item.strip() for item in value):
        raise BadQuestion("datasetIds is empty or has an empty name; leave it out to ask of all.")
    return tuple(value)


def _get_schemas(values: Mapping[str, list[str]], target: Target) -> list[dict[str, str]]:
    named = [*values.get("requestedSchema", []), *values.get("requestedSchemas", [])]
    return [{"entityType": target.entry, "schema": name} for name in named if name]


def _typed(name: str, given: Sequence[str]) -> object:
    if name in variants.LISTS:
        return [_whole(name, part) for value in given for part in value.split(",")]
    return _whole(name, given[0]) if name in variants.INTEGERS else given[0]


def _whole(name: str, text: str) -> int:
    if not _WHOLE.match(text) or not text.isascii():
        raise BadQuestion(f"{name} must be a whole number.")
    return int(text)


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise BadQuestion("testMode is true or false.")
    return _BOOLEANS[text.lower()]
