"""Upstream's own examples of Beacon v2.2.0 (commit c6558bf), by path: the valid ones hold against
their schemas as we load them, the invalid ones fail, so that our validation is known to bite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon.query import Target, from_body
from schemas.errors import InvalidInput
from tests.support.beacon_schemas import Schemas
from tests.support.shared import shared_data

_COMMON = "framework/json/common/"
_CONFIGURATION = "framework/json/configuration/"
_REQUESTS = "framework/json/requests/"
_RESPONSES = "framework/json/responses/"
_MODEL = "models/json/beacon-v2-default-model/"

# Each breaks the standard it illustrates: members missing or misnamed, dates for date-times,
# strings for objects, time elements wrapped.
INVALID = frozenset(
    {
        f"{_REQUESTS}examples-sections/filteringTerms-example.json",
        f"{_RESPONSES}examples-fullDocuments/beaconBooleanResponse-example.json",
        f"{_RESPONSES}examples-fullDocuments/beaconCollectionsResponse-MID-example.json",
        f"{_RESPONSES}examples-fullDocuments/beaconCollectionsResponse-MIN-example.json",
        f"{_RESPONSES}examples-fullDocuments/beaconCountResponse-example.json",
        f"{_RESPONSES}examples-fullDocuments/beaconErrorResponse_example.json",
        f"{_RESPONSES}examples-fullDocuments/beaconResultsetResponse-MIN-example.json",
        f"{_RESPONSES}examples-sections/beaconResultsetEmpty-example.json",
        f"{_RESPONSES}examples-sections/beaconResultsets-MAX-example.json",
        f"{_RESPONSES}examples-sections/beaconResultsets-MID-example.json",
        f"{_MODEL}cohorts/examples/cohorts-MAX-example.json",
        f"{_MODEL}genomicVariations/examples/genomicVariant-MID-example.json",
        f"{_MODEL}individuals/examples/individual-MID-example.json",
        f"{_MODEL}individuals/examples/individual-with-pedigree-MID-example.json",
    }
)
_NAMED = {
    "beaconInfo": "beaconInfoResponse",
    "beaconResultsetResponse": "beaconResultsetsResponse",
    "beaconResultsetEmpty": "beaconResultsets",
    "beaconConfiguration": "beaconConfigurationSchema",
    "beaconMap": "beaconMapSchema",
    "entriesCollectionDefinition": "entryTypeDefinition",
}


def test_the_valid_examples_are_valid_and_the_invalid_ones_are_not() -> None:
    root, schemas = shared_data("../specs/beacon-v2"), Schemas()
    found = {
        str(path.relative_to(root)): schemas.problems(
            json.loads(path.read_text(encoding="utf-8")), _schema(str(path.relative_to(root)))
        )
        for path in root.rglob("*.json")
        if "examples" in str(path)
    }
    assert {path for path, problems in found.items() if problems} == INVALID
    assert len(found) - len(INVALID) == 44


@pytest.mark.parametrize("entry", ["genomicVariant", "individual", "biosample"])
def test_the_smallest_request_asks_with_every_default(entry: str) -> None:
    query = from_body(Target(entry), _request("beaconRequestBody-MIN-example"))  # type: ignore[arg-type]  # ids above
    assert (query.skip, query.limit, query.include, query.asked) == (0, 10, "HIT", None)


def test_the_largest_request_is_refused_by_what_it_asks_and_not_by_its_form() -> None:
    """It asks for the schema of an «EntryTypeA»; without that it is a question."""
    raw = _request("beaconRequestBody-MAX-example")
    with pytest.raises(InvalidInput, match="schema"):
        from_body(Target("genomicVariant"), raw)
    asked = json.loads(raw)
    del asked["meta"]["requestedSchemas"]
    query = from_body(Target("genomicVariant"), json.dumps(asked).encode())
    assert query.datasets == ("DatasetXYZ", "Dataset123")


def _request(name: str) -> bytes:
    folder = shared_data("../specs/beacon-v2") / _REQUESTS / "examples-fullDocuments"
    return (folder / f"{name}.json").read_bytes()


def _schema(path: str) -> str:
    stem = Path(path).stem.split("-")[0].split("_")[0]
    name = _NAMED.get(stem, stem)
    if path.startswith(_MODEL):
        entity = path.removeprefix(_MODEL).split("/")[0]
        return (
            f"{_MODEL}{'common/pedigree' if stem == 'pedigree' else f'{entity}/defaultSchema'}.json"
        )
    if path.startswith(_RESPONSES):
        return f"{_RESPONSES}{'sections/' if 'sections' in path else ''}{name}.json"
    home = next(one for one in (_REQUESTS, _CONFIGURATION, _COMMON) if path.startswith(one))
    return f"{home}{name}.json"
