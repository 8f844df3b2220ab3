"""POST /access/duo/check answers a verdict or names the fault, whatever is sent."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from access import data_use
from access.policies.policy import PolicyBook
from access.purpose_check import PurposeCheck
from duo.disease import Hierarchy
from gateway.http_errors import ErrorTable
from tests.support.data_use import requests, some, terms, values

NOW = 1_780_300_800  # 2026-06-01
TABLES = Hierarchy("test", {"MONDO:1": (), "MONDO:2": ("MONDO:1",)})


def door(check: PurposeCheck | None = None) -> FastAPI:
    app = FastAPI()
    book = PolicyBook((), version="7+abc")
    check = check or PurposeCheck(TABLES)
    app.include_router(data_use.build(check=check, book=book, clock=lambda: NOW))
    ErrorTable(bodies={}, realm="test").install(app)
    return app


APP = door()


def post(body: bytes, app: FastAPI = APP) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
            headers = {"content-type": "application/json"}
            return await http.post("/access/duo/check", content=body, headers=headers)

    return asyncio.run(send())


def asked(app: FastAPI = APP, **members: object) -> httpx.Response:
    return post(json.dumps(members).encode(), app)


LUNG = {"purpose": {"codes": ["DUO:0000040"], "diseases": ["MONDO:2"]}}
CANCER = [{"id": "DUO:0000007", "params": {"diseases": ["MONDO:1"]}}]


def test_a_verdict_has_every_member() -> None:
    dataset = [*CANCER, {"id": "DUO:0000025", "params": {"months": 12}}]
    answer = asked(dataset=dataset, request=LUNG, today="2026-06-01")
    assert answer.status_code == 200
    verdict = answer.json()
    assert set(verdict) == {
        "decision",
        "findings",
        "obligations",
        "missing",
        "expires_at",
        "versions",
        "warnings",
        "explain_user",
        "explain_admin",
    }
    assert verdict["decision"] == "permit"
    assert verdict["expires_at"] == "2027-06-01"
    assert verdict["versions"] == {"duo": "2021-02-23", "mondo": "test", "policy": "7+abc"}


def test_the_servers_day_holds_where_none_is_sent() -> None:
    dataset = [{"id": "DUO:0000042"}, {"id": "DUO:0000025", "params": {"months": 1}}]
    answer = asked(dataset=dataset, request={"purpose": {"codes": ["general"]}})
    assert answer.json()["expires_at"] == "2026-07-01"


def test_a_beacon_dataset_is_taken_as_it_is() -> None:
    terms = [{"id": "DUO:0000007", "version": "2021-02-23", "modifiers": [{"id": "MONDO:1"}]}]
    answer = asked(dataset={"duoDataUse": terms}, request=LUNG)
    assert answer.json()["decision"] == "permit"


@pytest.mark.parametrize("dataset", [[], None, {"duoDataUse": []}])
def test_no_terms_are_a_review(dataset: object) -> None:
    answer = asked(dataset=dataset, request=LUNG)
    assert answer.json()["findings"][0]["code"] == "no_data_use"
    assert answer.json()["decision"] == "needs-review"


def test_without_tables_a_disease_is_never_permitted() -> None:
    for request in (LUNG, {"purpose": {"diseases": ["MONDO:1"]}}):
        verdict = asked(door(PurposeCheck()), dataset=CANCER, request=request).json()
        assert verdict["decision"] == "needs-review"
        assert "no disease tables" in verdict["explain_user"]


def test_a_strict_node_reviews_what_duos_abstains_on() -> None:
    strict = door(PurposeCheck(TABLES, strict_duos=True))
    controls = {"purpose": {"codes": ["DUO:0000036"]}}
    verdict = asked(strict, dataset=[{"id": "DUO:0000042"}], request=controls).json()
    assert verdict["decision"] == "needs-review"


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"request": {}}, "dataset"),
        ({"dataset": []}, "request"),
        ({"dataset": [], "request": {}, "day": 1}, "day"),
        ({"dataset": [], "request": {}, "today": 5}, "today"),
        ({"dataset": [], "request": {}, "today": "2026-02-30"}, "today"),
        ({"dataset": "DUO:0000042", "request": {}}, "dataset"),
        ({"dataset": {"terms": []}, "request": {}}, "dataset"),
        ({"dataset": [{}], "request": {}}, "dataset.0.id"),
        ({"dataset": [{"id": "x", "values": []}], "request": {}}, "dataset.0.values"),
        ({"dataset": [{"id": "x", "params": {"month": 1}}], "request": {}}, "params.month"),
        ({"dataset": [{"id": "x", "params": {"months": True}}], "request": {}}, "params.months"),
        ({"dataset": [{"id": "x"}] * 65, "request": {}}, "dataset"),
        ({"dataset": [], "request": {"purpose": {"codes": ["x"]}}}, "purpose.codes.0"),
        ({"dataset": [], "request": {"use": {"commercial": 1}}}, "use.commercial"),
        ({"dataset": [], "request": {"surprise": 1}}, "surprise"),
    ],
)
def test_a_fault_is_named(members: dict[str, object], named: str) -> None:
    answer = post(json.dumps(members).encode())
    assert answer.status_code == 400
    assert named in answer.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"dataset":' + b'[{"id":"x","modifiers":' * 20_000,
        b'{"dataset":' + b'[{"id":"x","modifiers":' * 900 + b"[]" + b"}]" * 900 + b',"request":{}}',
        b'{"dataset": [], "request": {"project": {"months": ' + b"9" * 6_000 + b"}}}",
        b'{"dataset": [], "request": {"project": {"months": NaN}}}',
        b'{"dataset": [], "request": {"project": {"months": 1e999}}}',
        b'{"dataset": [{"id": "\\ud800"}], "request": {}}',
        b'{"dataset": [], "request": {"\\ud800": 1}}',
    ],
)
def test_hostile_bodies_are_refused(body: bytes) -> None:
    assert post(body).status_code == 400


@given(some(dataset=terms, request=requests, today=st.dates().map(str)) | values)
@settings(max_examples=200, deadline=None)
def test_nothing_that_is_sent_makes_the_door_fail(body: object) -> None:
    """A verdict or the name of a fault, never a failure of ours."""
    answer = post(json.dumps(body).encode())
    assert answer.status_code in {200, 400}
    assert "decision" in answer.json() or "message" in answer.json()
