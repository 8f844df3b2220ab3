"""Describes the network's Beacon for OpenAPI 3.1, so that programs can be generated from it.

The doors read requests whole and answer with plain documents; these models say what those are, and
a test holds real answers to them. Beacon v2.2, with `beaconId` in each result set and the network's
own `info`.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from schemas.beacon import RequestBody

Adjusted = list[int | str]
_SCHEMAS = "#/components/schemas/"


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReturnedSchema(_Described):
    entity_type: str = Field(alias="entityType")
    schema_: str = Field(alias="schema")


class NetworkPagination(_Described):
    skip: int
    limit: int


class ReceivedRequest(_Described):
    api_version: str = Field(alias="apiVersion")
    requested_schemas: list[ReturnedSchema] = Field(alias="requestedSchemas")
    pagination: NetworkPagination
    requested_granularity: str = Field(alias="requestedGranularity")
    filters: list[str] | None = None
    include_resultset_responses: str | None = Field(None, alias="includeResultsetResponses")


class NetworkMeta(_Described):
    beacon_id: str = Field(alias="beaconId")
    api_version: str = Field(alias="apiVersion")
    returned_schemas: list[ReturnedSchema] = Field(alias="returnedSchemas")
    returned_granularity: Literal["boolean", "count"] = Field(alias="returnedGranularity")
    received_request_summary: ReceivedRequest = Field(alias="receivedRequestSummary")


class NetworkSummary(_Described):
    """A number is there only where every node that answered gave one; a range is in
    `countAdjustedTo`, and then `numTotalResults` is its lower end."""

    exists: bool
    num_total_results: int | None = Field(None, alias="numTotalResults")
    count_precision: str | None = Field(None, alias="countPrecision")
    count_adjusted_to: Adjusted | None = Field(None, alias="countAdjustedTo")


class AskedNode(_Described):
    """How asking went."""

    status: str
    latency_ms: int = Field(alias="latencyMs")
    asked_as: str = Field(alias="askedAs")
    age_seconds: int = Field(alias="ageSeconds")


class NetworkResultSet(_Described):
    """One dataset of one node, by `beaconId`."""

    id: str
    set_type: Literal["dataset", "beacon"] = Field(alias="setType")
    exists: bool
    beacon_id: str = Field(alias="beaconId")
    info: AskedNode
    results_count: int | None = Field(None, alias="resultsCount")
    count_precision: str | None = Field(None, alias="countPrecision")
    count_adjusted_to: Adjusted | None = Field(None, alias="countAdjustedTo")


class NetworkResults(_Described):
    result_sets: list[NetworkResultSet] = Field(alias="resultSets")


class NodesAsked(_Described):
    asked: int
    answered: int
    late: int
    failed: int
    refused: int


class MissingNode(_Described):
    beacon_id: str = Field(alias="beaconId")
    name: str
    status: str
    reason: str


class SuppressedDataset(_Described):
    """It may not answer at this level: neither yes nor no."""

    beacon_id: str = Field(alias="beaconId")
    id: str
    text: str


class NetworkInfo(_Described):
    nodes: NodesAsked
    missing: list[MissingNode]
    sentence: str
    suppressed: list[SuppressedDataset] | None = None


class NetworkAnswer(_Described):
    meta: NetworkMeta
    response_summary: NetworkSummary = Field(alias="responseSummary")
    info: NetworkInfo
    response: NetworkResults | None = None


class ErrorSaid(_Described):
    error_code: int = Field(alias="errorCode")
    error_message: str = Field(alias="errorMessage")


class ErrorInfo(_Described):
    code: str


class NetworkError(_Described):
    """`info.code` is `suppressed` where an answer exists and may not be given."""

    meta: NetworkMeta
    error: ErrorSaid
    info: ErrorInfo


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": NetworkAnswer, "description": "The nodes' answers, merged"},
    "default": {"model": NetworkError, "description": "A Beacon v2.2 error"},
}


def asked_by_get(words: frozenset[str], wholes: frozenset[str]) -> dict[str, Any]:
    """The parameters of a question in the address."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": {"type": kind}}
            for names, kind in ((words, "string"), (wholes, "integer"))
            for name in sorted(names)
        ]
    }


ASKED_BY_POST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}RequestBody"}}},
    }
}


class DescribedApi(FastAPI):
    """An application whose document also holds the question that its Beacon reads."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            question = RequestBody.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
            schemas = question.pop("$defs") | {"RequestBody": question}
            made = super().openapi()
            made["components"]["schemas"] |= schemas
        return super().openapi()
