"""The doors: nothing leaves unrecorded, nothing hostile is a 500, errors are Beacon errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from access.policies.policy import Level, Profile
from access.record.audit import verify
from tests.support.beacon_node import URL, BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
EXACT = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
MAX_BODY = 64 * 1024


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    sources = (source(tmp_path / name, name) for name in ("open", "closed", "secret"))
    return BeaconNode(
        tmp_path,
        catalog=loaded(tmp_path / "catalog", *sources),
        policies=[
            policy("open"),
            policy("closed", level=Level.CONTROLLED, profile=Profile.CONTROLLED),
            policy("secret", level=Level.CONTROLLED, listed=False),
        ],
        grants={"grace": ["closed"]},
    )


async def send(node: BeaconNode, content: bytes, path: str = "/g_variants") -> httpx.Response:
    async with node.client() as client:
        return await client.post(path, content=content)


async def test_get_and_post_answer_the_same(node: BeaconNode) -> None:
    got = (await node.get("/g_variants", **EXACT, requestedGranularity="record")).json()
    posted = await node.post(
        "/g_variants",
        {
            "requestParameters": {"g_variant": {**EXACT, "start": [100]}},
            "requestedGranularity": "record",
        },
    )
    assert posted.json() == got


async def test_what_a_caller_may_not_know_of_is_nowhere(node: BeaconNode) -> None:
    for name in (None, "rosa", "grace"):
        for path in ("/datasets", "/g_variants", "/individuals", "/map", "/configuration"):
            assert "secret" not in (await node.get(path, name=name)).text


async def test_unknown_and_forbidden_ids_answer_byte_for_byte_alike(node: BeaconNode) -> None:
    for path in ("/datasets/{}", "/datasets/{}/individuals", "/datasets/{}/g_variants"):
        hidden = await node.get(path.format("secret"))
        unknown = await node.get(path.format("nothing"))
        assert hidden.status_code == unknown.status_code == 404
        assert hidden.content == unknown.content
        assert hidden.headers == unknown.headers


async def test_an_answer_is_recorded_without_the_question_or_the_name(node: BeaconNode) -> None:
    found = await node.get("/g_variants", name="grace", **EXACT)
    assert found.status_code == 200
    (entry,) = node.entries()
    assert entry["facts"] == {
        "caller": node.record.pseudonym("grace@https://broker.example"),
        "question": entry["facts"]["question"],
        "entry_type": "genomicVariant",
        "datasets": ["closed", "open"],
        "datasets_count": 2,
        "granularity": "boolean",
        "outcome": "answered",
        "policy_version": "policies-1",
    }
    assert "grace" not in json.dumps(entry)
    node.record.close()
    assert verify(node.record_path, node.signing_key.public_key()).ok


async def test_the_same_question_has_the_same_digest_and_another_has_another(
    node: BeaconNode,
) -> None:
    for alternate in ("G", "G", "T"):
        await node.get("/g_variants", **{**EXACT, "alternateBases": alternate})
    first, second, third = (entry["facts"]["question"] for entry in node.entries())
    assert first == second != third


@pytest.mark.parametrize(
    ("path", "params", "status", "outcome"),
    [
        ("/datasets/closed/individuals", {}, 403, "suppressed"),
        ("/individuals/nobody", {}, 404, "not_found"),
        ("/individuals", {"filters": "X:11"}, 400, "unsupported"),
    ],
)
async def test_a_refusal_after_the_policy_ran_is_recorded(
    node: BeaconNode, path: str, params: dict[str, str], status: int, outcome: str
) -> None:
    assert (await node.get(path, **params)).status_code == status
    assert [entry["facts"]["outcome"] for entry in node.entries()] == [outcome]


@pytest.mark.parametrize("path", ["/g_variants", "/individuals/P1", "/datasets", "/cohorts"])
async def test_nothing_leaves_when_the_record_cannot_be_written(
    node: BeaconNode, path: str
) -> None:
    node.record.close()
    found = await node.get(path, requestedGranularity="record")
    assert found.status_code == 503
    assert found.json()["info"] == {"code": "record_unavailable"}
    assert "responseSummary" not in found.json()


async def test_a_suppressed_answer_says_so_and_never_says_no(node: BeaconNode) -> None:
    found = await node.get("/g_variants", **EXACT, datasetIds="closed")
    assert found.status_code == 403
    assert found.json()["info"] == {"code": "suppressed"}
    assert "exists" not in found.text


async def test_answers_are_kept_out_of_shared_caches(node: BeaconNode) -> None:
    found = await node.get("/g_variants")
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["vary"] == "Authorization"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 60_000,
        b'{"query":' * 6_000 + b"1" + b"}" * 6_000,
        b'{"meta":{"apiVersion":"2"},"query":{"pagination":{"skip":' + b"9" * 4200 + b"}}}",
        b'{"query":{"pagination":{"skip":1e400}}}',
        b'{"query":{"pagination":{"limit":NaN}}}',
        b'{"query":{"filters":["\\ud83d"]}}',
        b'{"query":{"filters":["\\u0000"]}}',
        b'{"query":{"filters":[{"id":"LOINC:35925-4","operator":">","value":"1e999"}]}}',
        b'{"query":{"filters":[{"id":"LOINC:35925-4","operator":">","value":"nan"}]}}',
        b'{"query":{"filters":[{"id":"sex","operator":"=","value":"%%%%%%%%%%%%%%%%%%%%%"}]}}',
        b'{"query":{"requestParameters":{"g_variant":{"start":[1e300],"referenceName":"1"}}}}',
        b'{"query":{"requestParameters":{"datasets":{"datasetIds":["../../etc","\\u0000"]}}}}',
        b"\x00\x01\x02",
        b'"text"',
    ],
)
async def test_hostile_bodies_never_break_the_server(node: BeaconNode, content: bytes) -> None:
    for path in ("/g_variants", "/individuals", "/datasets", "/individuals/P1"):
        found = await send(node, content, path)
        assert found.status_code in (200, 400, 404), found.text
        assert "meta" in found.json()


async def test_a_body_above_the_cap_is_refused_unread(node: BeaconNode) -> None:
    for size in (MAX_BODY + 1, 4 * MAX_BODY):
        found = await send(node, b" " * size)
        assert found.status_code == 413
        assert found.json()["info"] == {"code": "body_too_large"}
    assert (await send(node, b" " * MAX_BODY)).status_code == 200


async def test_of_a_body_that_says_it_is_too_large_nothing_is_waited_for(node: BeaconNode) -> None:
    async def unending() -> AsyncIterator[bytes]:
        raise AssertionError("waited for")
        yield b""

    async with node.client() as client:
        found = await client.post(
            "/g_variants", content=unending(), headers={"Content-Length": str(MAX_BODY + 1)}
        )
    assert found.status_code == 413
    assert found.json()["info"] == {"code": "body_too_large"}


async def test_a_post_may_not_also_ask_in_its_address(node: BeaconNode) -> None:
    async with node.client() as client:
        found = await client.post("/g_variants", params={"filters": "X:11"}, json={})
    assert found.status_code == 400


async def test_a_query_string_above_the_cap_is_refused(node: BeaconNode) -> None:
    assert (await node.get("/g_variants", filters="A" * 20_000)).status_code == 400


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/info", {"colour": "red"}),
        ("/service-info", {"requestedSchema": "x"}),
        ("/configuration", {"skip": "1"}),
        ("/entry_types", {"a": "b"}),
        ("/filtering_terms", {"filters": "a"}),
        ("/filtering_terms", {"skip": "-1"}),
        ("/g_variants", {"colour": "red"}),
    ],
)
async def test_unknown_parameters_are_refused_by_name(
    node: BeaconNode, path: str, params: dict[str, str]
) -> None:
    found = await node.get(path, **params)
    assert found.status_code == 400
    assert next(iter(params)) in found.json()["error"]["errorMessage"]


@pytest.mark.parametrize(
    "path", ["/query", "/individuals/P1/individuals", "/g_variants/x/y", "/runs//"]
)
async def test_what_the_map_does_not_name_is_not_there(node: BeaconNode, path: str) -> None:
    assert (await node.get(path)).status_code == 404


@pytest.mark.parametrize("hostile", ["%00", "%FF", "..%2F..%2Fetc", "'%20OR%201=1", "a" * 3000])
async def test_hostile_ids_are_unknown_ids(node: BeaconNode, hostile: str) -> None:
    for path in ("/individuals/", "/g_variants/", "/datasets/", "/cohorts/"):
        assert (await node.get(path + hostile)).status_code == 404


async def test_a_listed_name_of_every_operation_is_in_the_open_api_once(node: BeaconNode) -> None:
    operations: list[Any] = [
        operation["operationId"]
        for path in node.app.openapi()["paths"].values()
        for operation in path.values()
    ]
    assert len(operations) == len(set(operations)) > 30


async def test_the_open_api_describes_what_the_readers_take(node: BeaconNode) -> None:
    paths = node.app.openapi()["paths"]
    get, post = (paths["/beacon/g_variants"][method] for method in ("get", "post"))
    named = {parameter["name"] for parameter in get["parameters"]}
    assert {"referenceName", "start", "filters", "datasetIds", "testMode", "skip"} <= named
    for name in named:
        found = await node.get("/g_variants", **{name: "\x00"})
        assert "Unknown parameters" not in found.text, name
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["query"]["properties"]["testMode"]["type"] == "boolean"
    assert "$ref" not in json.dumps(schema)
    assert paths["/beacon/individuals/{id}"]["get"]["parameters"][0]["in"] == "path"
    assert "parameters" not in paths["/beacon/map"]["get"]


async def test_map_configuration_entry_types_and_addresses_agree(node: BeaconNode) -> None:
    described = set(node.app.openapi()["paths"])
    sets = (await node.get("/map")).json()["response"]["endpointSets"].values()
    configured = (await node.get("/configuration")).json()["response"]["entryTypes"]
    listed = (await node.get("/entry_types")).json()["response"]["entryTypes"]
    assert configured == listed
    assert {one["entryType"] for one in sets} == set(listed)
    urls = [u for one in sets for u in (one["rootUrl"], one["singleEntryUrl"],
            *(e["url"] for e in one["endpoints"].values()))]  # fmt: skip
    mapped = {u.removeprefix(URL).replace("{variantInternalId}", "{id}") for u in urls}
    framework = ("", "/", "/info", "/service-info", "/configuration", "/entry_types", "/map")
    others = {f"/beacon{path}" for path in framework}
    terms = {path for path in described if path.endswith("/filtering_terms")}
    assert described - others - terms == mapped
