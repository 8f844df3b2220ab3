"""Validates documents against the official Beacon v2.2 schemas beside the checkout, offline."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT202012

_SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs" / "beacon-v2"
_MAIN = "https://raw.githubusercontent.com/ga4gh-beacon/beacon-v2/main/"
_VRS = "https://w3id.org/ga4gh/schema/vrs/1.3/vrs.json"
_RESPONSES = "framework/json/responses/"
_MODEL = "models/json/beacon-v2-default-model/"


_FORMATS = FormatChecker()


@_FORMATS.checks("date-time")  # type: ignore[untyped-decorator]  # the library's
def _is_date_time(value: object) -> bool:
    """RFC 3339; the library checks it only where another package is installed."""
    if not isinstance(value, str):
        return True
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return False
    return found.tzinfo is not None and "T" in value.upper()


def _retrieve(uri: str) -> Resource[Any]:
    if uri == _VRS:
        path = _SPECS / "vrs/1.3/vrs.json"
    elif uri.startswith(_MAIN):
        path = _SPECS / uri.removeprefix(_MAIN)
    else:
        raise NoSuchResource(ref=uri)  # type: ignore[call-arg]  # attrs class, read without its plugin
    contents = json.loads(path.read_text(encoding="utf-8"))
    return Resource.from_contents(contents, default_specification=DRAFT202012)


_FRAMEWORK = {
    "": "beaconInfoResponse",
    "info": "beaconInfoResponse",
    "service-info": "ga4gh-service-info-1-0-0-schema",
    "configuration": "beaconConfigurationResponse",
    "entry_types": "beaconEntryTypesResponse",
    "map": "beaconMapResponse",
    "filtering_terms": "beaconFilteringTermsResponse",
}


class Conformance:
    """Holds every answer of a node under test to the official schemas, where they are present.

    An answer that was seen before is not looked at again."""

    def __init__(self) -> None:
        self._schemas = Schemas() if _SPECS.is_dir() else None
        self._seen: set[bytes] = set()

    async def check(self, answer: httpx.Response) -> None:
        content = await answer.aread()
        if self._schemas is None or not content or content in self._seen:
            return
        self._seen.add(content)
        body = json.loads(content)
        last = answer.url.path.rstrip("/").rpartition("/")[2].removeprefix("beacon")
        if "requestedSchema" in answer.url.params and last in ("", "info"):
            self._schemas.response(body["response"], _FRAMEWORK["service-info"])
        elif "error" not in body and last in _FRAMEWORK:
            self._schemas.response(body, _FRAMEWORK[last])
        else:
            self._schemas.answer(body)


class Schemas:
    """Skips the test where the schemas are not there."""

    def __init__(self) -> None:
        if not _SPECS.is_dir():
            pytest.skip("shared data is absent: ../shared/specs/beacon-v2")
        self._registry: Registry[Any] = Registry(
            retrieve=_retrieve  # type: ignore[call-arg]  # attrs class, read without its plugin
        )

    def problems(self, document: object, schema: str) -> list[str]:
        validator = Draft202012Validator(
            {"$ref": _MAIN + schema},
            registry=self._registry,
            format_checker=_FORMATS,
        )
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]

    def response(self, document: object, name: str) -> None:
        """Against a response schema, such as `beaconInfoResponse`."""
        assert self.problems(document, f"{_RESPONSES}{name}.json") == []

    def request(self, document: object) -> None:
        assert self.problems(document, "framework/json/requests/beaconRequestBody.json") == []

    def entry(self, document: object, folder: str) -> None:
        """Against an entry type's default schema, such as `individuals`."""
        assert self.problems(document, f"{_MODEL}{folder}/defaultSchema.json") == []

    def answer(self, document: dict[str, Any]) -> None:
        """Against the envelope its `returnedGranularity` names: the OpenAPI `oneOf` can't hold."""
        if "error" in document:
            self.response(document, "beaconErrorResponse")
            return
        match document["meta"]["returnedGranularity"]:
            case "boolean":
                self.response(document, "beaconBooleanResponse")
            case "count":
                self.response(document, "beaconCountResponse")
            case _ if "collections" in document["response"]:
                self.response(document, "beaconCollectionsResponse")
            case _:
                self.response(document, "beaconResultsetsResponse")
        if "resultSets" in document.get("response", {}):
            self.response(document, "beaconResultsetsResponse")
