"""Sends a question to a node by GET or POST, and holds the answer against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.support.naive.answers import NaiveDataset, Question, Truth, zygosity
from tests.support.naive.changes import Change
from tests.support.naive.reading import NaiveVariant

MAX_CALLS = 20_000  # that an answer tells; it says of each variant how many it leaves out


async def send(http: httpx.AsyncClient, question: Question) -> httpx.Response:
    filters = _as_text(question.filters)
    path = f"/beacon/{question.path}"
    if question.by_get and filters is not None:
        return await http.get(path, params=_address(question, filters))
    return await http.post(path, json=body(question))


def body(question: Question) -> dict[str, Any]:
    query: dict[str, Any] = {
        "requestedGranularity": question.granularity,
        "includeResultsetResponses": question.show,
        "pagination": {"skip": question.skip, "limit": question.limit},
    }
    parameters: dict[str, Any] = {}
    if question.asked and not _by_id(question):
        parameters["g_variant"] = question.asked
    if question.datasets:
        parameters["datasets"] = {"datasetIds": question.datasets}
    if parameters:
        query["requestParameters"] = parameters
    if question.filters:
        query["filters"] = question.filters
    return {"meta": {"apiVersion": "v2.2.0"}, "query": query}


def _address(question: Question, filters: str) -> dict[str, str]:
    params = {
        "requestedGranularity": question.granularity,
        "includeResultsetResponses": question.show,
        "skip": str(question.skip),
        "limit": str(question.limit),
    }
    if not _by_id(question):
        for name, value in question.asked.items():
            params[name] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if question.datasets:
        params["datasetIds"] = ",".join(question.datasets)
    if filters:
        params["filters"] = filters
    return params


def _by_id(question: Question) -> bool:
    return question.path.startswith("g_variants/")


def _as_text(filters: Sequence[Any]) -> str | None:
    """The filters as an address writes them; None where it cannot."""
    written = []
    for each in filters:
        denied = not isinstance(each, list) and "not" in each
        asked = each["not"] if denied else each
        if isinstance(asked, list) or {"scope", "includeDescendantTerms"} & set(asked):
            return None
        text = asked["id"]
        if "operator" in asked:
            text = f"{text}:{asked['operator']}{asked['value']}"
        if "," in text:
            return None
        written.append(f"-{text}" if denied else text)
    return ",".join(written)


def check(
    response: httpx.Response,
    question: Question,
    truth: Truth,
    datasets: Mapping[str, NaiveDataset],
) -> None:
    if not truth.found:
        assert response.status_code == 400, response.text
        return
    if _by_id(question) and not truth.exists and response.status_code == 404:
        return
    assert response.status_code == 200, response.text
    answered = response.json()
    assert answered["responseSummary"]["exists"] is truth.exists
    unsupported = {each["id"] for each in answered.get("info", {}).get("unsupported", ())}
    assert not unsupported & set(truth.found)
    _check_totals(answered["responseSummary"], question, truth)
    sets = answered.get("response", {}).get("resultSets", [])
    if question.granularity != "boolean" or sets:
        assert [each["id"] for each in sets] == truth.shown(question.show)
    for each in sets:
        assert each["exists"] is bool(truth.found[each["id"]])
        if question.granularity != "boolean":
            assert each["resultsCount"] == len(truth.found[each["id"]])
        if question.granularity == "record":
            _check_records(each["results"], question, truth, datasets[each["id"]])


def _check_totals(summary: Mapping[str, Any], question: Question, truth: Truth) -> None:
    counts = [len(found) for found in truth.found.values() if found]
    if question.granularity == "boolean":
        assert "numTotalResults" not in summary
    elif question.returned != "genomicVariant" or len(counts) < 2:
        assert summary["numTotalResults"] == sum(counts)
        assert summary["countPrecision"] == "exact"
    elif summary["countPrecision"] == "imprecise":
        assert summary["countAdjustedTo"] == [max(counts), sum(counts)]
    else:
        # Distinct, because every record is here.
        assert max(counts) <= summary["numTotalResults"] <= sum(counts)


def _check_records(
    records: Sequence[Mapping[str, Any]], question: Question, truth: Truth, data: NaiveDataset
) -> None:
    page = truth.page(data.id, question)
    if question.returned != "genomicVariant":
        raw = {each["id"]: each for each in data.archive.records[question.returned]}
        assert [each["id"] for each in records] == list(page)
        for each in records:
            assert each == raw[each["id"]]
        return
    found = [each for each in truth.found[data.id] if isinstance(each, NaiveVariant)]
    assert len(records) == len(page)
    assert len({each["variantInternalId"] for each in records}) == len(records)
    places = [(data.variants.rank(_chrom(each, data)), _start0(each)) for each in records]
    assert places == sorted(places)
    calls = sum(_check_variant(record, _taken(record, found, data)) for record in records)
    left_out = sum("info" in record for record in records)
    assert not left_out or calls > MAX_CALLS


def _taken(record: Mapping[str, Any], left: list[NaiveVariant], data: NaiveDataset) -> NaiveVariant:
    """The variant a record is of, which no other record may be of; of several of one change in a
    file, the one written so and as often."""
    same = [each for each in left if _same(record, each, data)]
    assert same, record["variantInternalId"]
    said = record["variation"]
    written = (_start0(record), said.get("referenceBases"), said.get("alternateBases"))
    copies = record["frequencyInPopulations"][0]["frequencies"][0]["alleleCount"]

    def unlike(one: NaiveVariant) -> tuple[bool, bool]:
        bases = (one.change.start0, one.change.ref, one.change.alt)
        return bases != written, one.allele_count != copies

    taken = min(same, key=unlike)
    left.remove(taken)
    return taken


def _chrom(record: Mapping[str, Any], data: NaiveDataset) -> str:
    return data.variants.chrom_of(record["variation"]["location"]["sequence_id"])


def _start0(record: Mapping[str, Any]) -> int:
    return int(record["variation"]["location"]["interval"]["start"]["value"])


def _same(record: Mapping[str, Any], each: NaiveVariant, data: NaiveDataset) -> bool:
    said = record["variation"]
    chrom = _chrom(record, data)
    if chrom != each.change.chrom:
        return False
    if each.symbolic:
        span = said["location"]["interval"]
        place = (span["start"]["value"], span["end"]["value"])
        return said["variantType"] == each.kind and place == (each.start0, each.end0)
    if "referenceBases" not in said:
        return False
    change = Change(chrom, _start0(record), said["referenceBases"], said["alternateBases"])
    return change.identity(data.reference) == each.identity


def _check_variant(record: Mapping[str, Any], each: NaiveVariant) -> int:
    """How many calls the variant has."""
    frequencies = record["frequencyInPopulations"][0]["frequencies"][0]
    assert frequencies["alleleCount"] == each.allele_count
    assert frequencies["alleleNumber"] == each.allele_number
    told = {
        called["biosampleId"]: called.get("zygosity", {}).get("id")
        for called in record["caseLevelData"]
    }
    assert told.items() <= {sample: zygosity(call) for sample, call in each.calls.items()}.items()
    left_out = record.get("info", {}).get("caseLevelDataLeftOut", 0)
    assert len(told) + left_out == len(each.calls)
    names = record.get("identifiers", {})
    said = {other["id"].removeprefix("dbSNP:") for other in names.get("variantAlternativeIds", ())}
    said.add(names.get("clinvarVariantId", ""))
    assert each.names <= said
    return len(each.calls)
