"""Beacon v2.2 envelopes: the request body as sent, and the shapes of what we answer.

The request is checked (pydantic), the response is ours and only typed. Filters and request
parameters stay untyped here because the standard's `anyOf` accepts almost anything: they are read
by `beacon.filters` and `beacon.query`.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr, StringConstraints

from schemas.wire import Wire

API_VERSION = "v2.2.0"
GranularityName = Literal["boolean", "count", "record"]
IncludeName = Literal["HIT", "MISS", "ALL", "NONE"]
ShortText = Annotated[str, StringConstraints(strict=True, max_length=200)]


class SchemaPerEntity(Wire):
    # The standard calls it a request for a schema; `schema` is also a pydantic method name.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    entity_type: Annotated[StrictStr | None, Field(alias="entityType", max_length=200)] = None
    schema_reference: Annotated[StrictStr | None, Field(alias="schema", max_length=500)] = None


class RequestMeta(Wire):
    model_config = ConfigDict(frozen=True, extra="ignore")

    api_version: Annotated[ShortText, Field(alias="apiVersion")] = API_VERSION
    requested_schemas: Annotated[
        tuple[SchemaPerEntity, ...], Field(alias="requestedSchemas", max_length=20)
    ] = ()


PageToken = Annotated[str | None, StringConstraints(strict=True, max_length=100)]


class RequestPagination(Wire):
    """Pages, not records; or the token of a page."""

    skip: Annotated[StrictInt, Field(ge=0)] = 0
    limit: Annotated[StrictInt, Field(ge=0)] = 10
    current_page: Annotated[PageToken, Field(alias="currentPage")] = None
    next_page: Annotated[PageToken, Field(alias="nextPage")] = None
    previous_page: Annotated[PageToken, Field(alias="previousPage")] = None


class RequestQuery(Wire):
    request_parameters: Annotated[dict[str, object] | None, Field(alias="requestParameters")] = None
    filters: list[object] | None = None
    include: Annotated[IncludeName | None, Field(alias="includeResultsetResponses")] = None
    pagination: RequestPagination | None = None
    granularity: Annotated[GranularityName | None, Field(alias="requestedGranularity")] = None
    test_mode: Annotated[StrictBool, Field(alias="testMode")] = False


class RequestBody(Wire):
    """`requestedGranularity` and `pagination` beside `query` are a known misplacement."""

    schema_uri: Annotated[ShortText | None, Field(alias="$schema")] = None
    meta: RequestMeta = RequestMeta()
    query: RequestQuery = RequestQuery()
    stray_granularity: Annotated[GranularityName | None, Field(alias="requestedGranularity")] = None
    stray_pagination: Annotated[RequestPagination | None, Field(alias="pagination")] = None


class Pagination(TypedDict):
    skip: int
    limit: int
    currentPage: NotRequired[str]
    nextPage: NotRequired[str]
    previousPage: NotRequired[str]


class ReturnedSchema(TypedDict):
    entityType: str
    schema: str


class RequestSummary(TypedDict):
    apiVersion: str
    requestedSchemas: list[ReturnedSchema]
    pagination: Pagination
    requestedGranularity: str
    filters: NotRequired[list[str]]
    requestParameters: NotRequired[dict[str, dict[str, object]]]
    includeResultsetResponses: NotRequired[str]
    testMode: NotRequired[bool]


class ResponseMeta(TypedDict):
    beaconId: str
    apiVersion: str
    returnedSchemas: list[ReturnedSchema]
    returnedGranularity: str
    receivedRequestSummary: RequestSummary
    testMode: NotRequired[bool]


class ResponseSummary(TypedDict):
    exists: bool
    numTotalResults: NotRequired[int]
    countPrecision: NotRequired[str]
    countAdjustedTo: NotRequired[list[int | str]]


class HandoverType(TypedDict):
    id: str
    label: str


class Handover(TypedDict):
    handoverType: HandoverType
    url: str
    note: NotRequired[str]


class ResultSet(TypedDict):
    id: str
    setType: str
    exists: bool
    resultsHandovers: NotRequired[list[Handover]]
    resultsCount: NotRequired[int]
    countPrecision: NotRequired[str]
    countAdjustedTo: NotRequired[list[int | str]]
    results: NotRequired[list[dict[str, object]]]
    info: NotRequired[dict[str, object]]


class BeaconError(TypedDict):
    errorCode: int
    errorMessage: str
