"""Sends a question to a node by GET or POST, in one of the forms in which it may be written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.support.naive.answers import Question

# What the standard has where nothing is said, which only one of the forms says all the same.
_DEFAULTS = (
    *(("requestedGranularity", "boolean"), ("includeResultsetResponses", "HIT")),
    *(("skip", "0"), ("limit", "10")),
)
_PACKETS = "ga4gh-phenopacket-v2"


async def send(
    http: httpx.AsyncClient, question: Question, *, page: str | None = None
) -> httpx.Response:
    """`page` is the token of one, which only a POST can name."""
    filters = _as_text(question)
    path = f"/beacon/{question.path}"
    if question.by_get and filters is not None and page is None:
        return await http.get(path, params=_address(question, filters))
    asked = body(question)
    if page is not None:
        asked["query"]["pagination"] = {"nextPage": page}
    return await http.post(path, json=asked)


def body(question: Question) -> dict[str, Any]:
    """Nested as the standard has it, or flat as many clients write; a single position may be one
    number, and filters the strings of an address."""
    frame = {
        "requestedGranularity": question.granularity,
        "includeResultsetResponses": question.show,
    }
    said = {k: v for k, v in frame.items() if _is_said(question) or (k, v) not in _DEFAULTS}
    page = {"skip": question.skip, "limit": question.limit}
    query: dict[str, Any] = {**said, "pagination": page}
    if not _is_said(question) and page == {"skip": 0, "limit": 10}:
        del query["pagination"]
    genomic = {} if _by_id(question) else dict(question.asked)
    if parameters := _parameters(question, genomic):
        query["requestParameters"] = parameters
    texts = [] if question.form != 2 else [_filter_text(each) for each in question.filters]
    if question.filters:
        whole = bool(texts) and None not in texts
        query["filters"] = texts if whole else question.filters
    meta: dict[str, Any] = {"apiVersion": "v2.2.0"}
    if question.packets:
        meta["requestedSchemas"] = [{"entityType": "individual", "schema": _PACKETS}]
    return {"meta": meta, "query": query}


def _is_said(question: Question) -> bool:
    """Datasets are described, not only counted, where nothing is said."""
    return question.form == 0 or question.returned == "dataset"


def _parameters(question: Question, genomic: Mapping[str, Any]) -> dict[str, Any]:
    if question.form == 0:
        nested: dict[str, Any] = {"g_variant": genomic} if genomic else {}
        named = {"datasets": {"datasetIds": question.datasets}} if question.datasets else {}
        return nested | named
    flat = {_otherwise(name): _single(value) for name, value in genomic.items()}
    if question.datasets:
        flat["datasetIds"] = question.datasets
    return flat


def _otherwise(name: str) -> str:
    """As the OpenAPI files misspell it."""
    return {"geneId": "geneid", "genomicAlleleShortForm": "allele"}.get(name, name)


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _address(question: Question, filters: Sequence[str]) -> httpx.QueryParams:
    """Lists are one value with commas, or a key several times."""
    frame = [
        ("requestedGranularity", question.granularity),
        ("includeResultsetResponses", question.show),
        ("skip", str(question.skip)),
        ("limit", str(question.limit)),
    ]
    params = [each for each in frame if _is_said(question) or each not in _DEFAULTS]
    if question.packets:
        params.append(("requestedSchema", _PACKETS))
    if not _by_id(question):
        for name, value in question.asked.items():
            said = _otherwise(name) if question.form == 1 else name
            params += _listed(said, value if isinstance(value, list) else [value], question.form)
    params += _listed("datasetIds", question.datasets, question.form)
    return httpx.QueryParams([*params, *_listed("filters", filters, question.form)])


def _listed(name: str, values: Sequence[Any], form: int) -> list[tuple[str, str]]:
    if form == 2:
        return [(name, str(value)) for value in values]
    return [(name, ",".join(map(str, values)))] if values else []


def _by_id(question: Question) -> bool:
    return question.path.startswith("g_variants/")


def _as_text(question: Question) -> list[str] | None:
    """The filters as an address writes them; None where it cannot."""
    written = []
    for each in question.filters:
        text = _filter_text(each)
        if text is None or "," in text:
            return None
        written.append(text)
    return written


def _filter_text(each: Any) -> str | None:
    denied = isinstance(each, dict) and "not" in each
    asked = each["not"] if denied else each
    if isinstance(asked, list) or {"not", "scope", "includeDescendantTerms"} & set(asked):
        return None
    text = str(asked["id"])
    if "operator" in asked:
        if re.fullmatch("[A-Z]+:[0-9-]+", text):
            text = text.replace(":", "_")  # in front of an operator a colon may be written so
        text = f"{text}:{asked['operator']}{asked['value']}"
    return f"-{text}" if denied else text
