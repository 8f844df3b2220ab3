"""Describes the Beacon's operations for OpenAPI, from what reads the requests.

The doors take the request whole, so that unknown parameters are seen; FastAPI can infer nothing
from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from beacon import framing, variants
from beacon.query import NARROWING
from schemas.beacon import RequestBody

_ANSWER = {"200": {"description": "A Beacon v2.2 answer"}}
_ERROR = {"default": {"description": "A Beacon v2.2 error"}}


def operation(method: str, path: str, *, asks: bool) -> dict[str, Any]:
    """What is particular to one operation; `asks` where it takes a question."""
    made: dict[str, Any] = {"responses": _ANSWER | _ERROR}
    parameters = [_parameter(name, "path") for name in ("id",) if "{id}" in path]
    if method == "GET" and asks:
        names = sorted(framing.PARAMETERS | NARROWING | variants.PARAMETERS)
        parameters += [_parameter(name, "query") for name in names]
    if method == "POST":
        body = {"application/json": {"schema": _whole(_question())}}
        made["requestBody"] = {"required": False, "content": body}
    return made | ({"parameters": parameters} if parameters else {})


def _parameter(name: str, where: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}


@cache
def _question() -> Mapping[str, Any]:
    """Made once: every POST takes it, and pydantic is slow to make it."""
    return RequestBody.model_json_schema()


def _whole(schema: Mapping[str, Any]) -> Any:
    """The schema with its definitions in place, so that it can stand anywhere in a document."""
    definitions = schema.get("$defs", {})

    def placed(value: Any) -> Any:
        if isinstance(value, list):
            return [placed(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return placed(definitions[value["$ref"].rsplit("/", 1)[1]])
        return {name: placed(inner) for name, inner in value.items() if name != "$defs"}

    return placed(schema)
