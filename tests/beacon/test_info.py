"""What a node says of itself, and that it says no more than it serves."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from access.policies.policy import Level, Profile
from beacon.catalog import FilteringTerm
from beacon.errors import UnsupportedQuestion
from beacon.info import ENDPOINT_SETS, beacon_map, configuration, filtering_terms, info
from beacon.query import MAX_LIMIT
from tests.support.beacon_node import NODE, PEOPLE, URL, BeaconNode, loaded, policy, source


def test_a_node_without_policies_says_the_strictest_level() -> None:
    found = json.loads(json.dumps(configuration(NODE, levels=[])))
    assert found["response"]["securityAttributes"]["securityLevels"] == ["CONTROLLED"]


def test_levels_are_named_once_and_in_order() -> None:
    levels = [Level.CONTROLLED, Level.PUBLIC, Level.CONTROLLED]
    found = json.loads(json.dumps(configuration(NODE, levels=levels)))
    assert found["response"]["securityAttributes"]["securityLevels"] == ["PUBLIC", "CONTROLLED"]


def test_the_production_status_follows_the_environment() -> None:
    prod = dataclasses.replace(NODE, environment="prod")
    found = json.loads(json.dumps(configuration(prod, levels=[])))
    assert found["response"]["maturityAttributes"] == {"productionStatus": "PROD"}


@pytest.mark.parametrize(
    ("schema", "member"),
    [
        (None, "apiVersion"),
        ("beacon-info-v2.0.0", "apiVersion"),
        ("ga4gh-service-info-v1.0", "type"),
        ("ga4gh-service-info-1-0-0-schema", "type"),
    ],
)
def test_info_comes_in_the_schema_that_is_asked(schema: str | None, member: str) -> None:
    response = info(NODE, requested_schema=schema)["response"]
    assert isinstance(response, dict)
    assert member in response


@pytest.mark.parametrize("schema", ["", "x", "ga4gh-beacon-individual-v2.0.0", "service-info"])
def test_info_in_another_schema_is_refused_naming_those_there_are(schema: str) -> None:
    with pytest.raises(UnsupportedQuestion, match=r"beacon-info.*service-info-v1\.0"):
        info(NODE, requested_schema=schema)


def test_what_is_empty_is_left_out_of_info() -> None:
    bare = dataclasses.replace(NODE, description="", version="")
    response = info(bare)["response"]
    assert isinstance(response, dict)
    assert not {"description", "version"} & response.keys()


def test_addresses_of_the_map_are_absolute_and_variants_have_their_own_placeholder() -> None:
    text = json.dumps(beacon_map(NODE))
    sets = json.loads(text)["response"]["endpointSets"]
    assert len(sets) == len(ENDPOINT_SETS)
    for one in sets.values():
        assert one["rootUrl"].startswith(f"{URL}/beacon/")
    assert "g_variants/{variantInternalId}/individuals" in text
    assert "g_variants/{id}" not in text


def test_terms_are_merged_over_datasets_and_never_carry_numbers() -> None:
    terms = [
        FilteringTerm(
            *("ICD10:G35", "MS", "ontologyTerm", "individual", 123457), parents=("ICD10:G35-G37",)
        ),
        FilteringTerm("ICD10:G35", "MS", "ontologyTerm", "run", 7, parents=("ICD10:VI",)),
        FilteringTerm("sex", "", "alphanumeric", "individual", 123457),
    ]
    found = filtering_terms(NODE, terms, skip=0, limit=10)
    assert "123457" not in json.dumps(found)
    assert found["response"] == {
        "filteringTerms": [
            {
                "type": "ontologyTerm",
                "id": "ICD10:G35",
                "scopes": ["individual", "run"],
                "label": "MS",
                "parents": ["ICD10:G35-G37", "ICD10:VI"],
            },
            {"type": "alphanumeric", "id": "sex", "scopes": ["individual"]},
        ],
        "resources": [{"id": "icd10", "name": "ICD10", "nameSpacePrefix": "ICD10"}],
    }


@pytest.mark.anyio
async def test_terms_of_a_closed_dataset_are_not_listed(tmp_path: Path) -> None:
    policies = [policy("A", level=Level.CONTROLLED, profile=Profile.DEFAULT)]
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "A", "A"))
    node = BeaconNode(tmp_path, catalog=catalog, policies=policies, grants={"grace": ["A"]})
    for name, any_terms in ((None, False), ("rosa", False), ("grace", True)):
        found = (await node.get("/filtering_terms", name=name)).json()
        assert bool(found["response"]["filteringTerms"]) is any_terms


@pytest.mark.anyio
async def test_terms_are_paged(tmp_path: Path) -> None:
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "A", "A"))
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("A")])
    whole = (await node.get("/filtering_terms")).json()["response"]["filteringTerms"]
    unlimited = (await node.get("/filtering_terms", limit="0")).json()["response"]
    assert unlimited["filteringTerms"] == whole
    second = (await node.get("/filtering_terms", skip="1", limit="2")).json()["response"]
    assert second["filteringTerms"] == whole[2:4]


@pytest.mark.anyio
async def test_all_terms_are_listed_where_no_page_is_asked(tmp_path: Path) -> None:
    """Portals ask once, with limit 0; a list cut short is taken for the whole."""
    many = [
        {"diseaseCode": {"id": f"ICD10:A{number}", "label": f"ill {number}"}}
        for number in range(MAX_LIMIT + 200)
    ]
    people = [*PEOPLE[1:], {**PEOPLE[0], "diseases": many}]
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "A", "A", people=people))
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("A")])
    for asked in ({}, {"limit": "0"}, {"limit": str(10**11)}):
        listed = (await node.get("/filtering_terms", **asked)).json()["response"]["filteringTerms"]
        assert {f"ICD10:A{MAX_LIMIT + 199}", "sex"} <= {term["id"] for term in listed}
