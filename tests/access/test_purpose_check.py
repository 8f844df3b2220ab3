"""A dataset's consent is asked before a request is sent, when it is sent and when it is decided."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.errors import DataUseDenied, StepNotPossible
from access.purpose_check import PurposeCheck, Span, months_used
from access.requests.lifecycle import SECONDS_PER_MONTH, State, Step
from access.tables import RequestRow
from duo.consent import Condition, Consent
from duo.disease import Hierarchy
from duo.terms import Term
from duo.verdict import Outcome
from schemas.data_use import DataUseRequest
from schemas.errors import InvalidInput
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import NOW, AccessNode, at
from tests.support.data_use import requests, some

DAY = 24 * 3600
MONTH = SECONDS_PER_MONTH
months = st.integers(-1, 30)
TABLES = Hierarchy("2026-01-06+abc", {"MONDO:1": (), "MONDO:2": ("MONDO:1",)})
GRU = Condition(Term.GRU)


def gru(*modifiers: Condition) -> Consent:
    return Consent(frozenset({GRU}), frozenset(modifiers))


CONSENTS = {
    "npu": gru(Condition(Term.NPU), Condition(Term.PUB)),
    "timed": gru(Condition(Term.TS, months=2)),
    "ethics": gru(Condition(Term.IRB)),
    "mine": gru(Condition(Term.US, values=frozenset({at("grace")}))),
    "cancer": Consent(frozenset({Condition(Term.DS, values=frozenset({"MONDO:1"}))})),
}
GENERAL = {"purpose": {"codes": ["general"]}}
COMPANY = GENERAL | {"requester": {"organisation": {"type": "for_profit"}}}
ACADEMY = GENERAL | {"requester": {"organisation": {"type": "not_for_profit"}}}


def stated(sent: object) -> DataUseRequest:
    return DataUseRequest.model_validate(sent)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path, check=PurposeCheck(TABLES), consents=CONSENTS)
    yield made
    made.close()


def draft(node: AccessNode, dataset: str, sent: object, *, months: int = 6) -> str:
    new = NewRequest(
        dataset=dataset,
        project="Sight",
        purpose="Eyes.",
        workspace=node.workspace(),
        months=months,
        data_use=stated(sent),
    )
    return node.desk.create(new, requester=at("grace"), now=node.clock()).request_id


def facts(node: AccessNode) -> dict[str, object]:
    found: dict[str, object] = json.loads(node.kinds()[-1])["facts"]
    return found


def test_what_is_denied_is_not_submitted_until_it_states_otherwise(node: AccessNode) -> None:
    request_id = draft(node, "npu", COMPANY)
    with pytest.raises(DataUseDenied, match="not for profit"):
        node.take(request_id, Step.SUBMIT, by="grace")
    assert facts(node)["step"] == "refused submit"
    assert facts(node)["data_use"] == "deny"
    node.take(request_id, Step.SUBMIT, by="grace", body=StepBody(data_use=stated(ACADEMY)))
    seen = node.desk.see(request_id, viewer=at("dora"))
    assert (seen.request.state, seen.request.data_use) == (State.SUBMITTED, stated(ACADEMY))


def test_what_is_denied_when_it_is_decided_is_approved_by_nobody(node: AccessNode) -> None:
    approval = {"ethics": {"ref": "E1", "valid_until": "2027-02-01"}}
    request_id = draft(node, "ethics", GENERAL | approval)
    node.take(request_id, Step.SUBMIT, by="grace")
    node.clock.now += 60 * DAY
    with pytest.raises(DataUseDenied, match="ethics approval"):
        node.take(request_id, Step.APPROVE, by="dora")
    assert node.desk.see(request_id, viewer=at("dora")).request.state is State.SUBMITTED
    assert facts(node)["step"] == "refused approve"
    assert node.store.active_grants(at("grace"), now=node.clock()) == ()
    node.take(request_id, Step.REJECT, by="dora")


def test_what_is_open_is_the_committees_to_judge(node: AccessNode) -> None:
    request_id = draft(node, "npu", GENERAL)
    node.take(request_id, Step.SUBMIT, by="grace")
    node.take(request_id, Step.APPROVE, by="dora")
    (grant,) = node.store.grants_of(request_id)
    assert grant is not None
    assert [owed.code for owed in grant.obligations] == ["PUB"]


def test_a_grant_ends_where_its_conditions_end(node: AccessNode) -> None:
    approval = {"ethics": {"ref": "E1", "valid_until": "2027-02-01"}}
    request_id = draft(node, "ethics", GENERAL | approval)
    node.take(request_id, Step.SUBMIT, by="grace")
    node.take(request_id, Step.APPROVE, by="dora")
    (grant,) = node.store.grants_of(request_id)
    assert grant is not None
    assert grant.expires == int(datetime(2027, 2, 2, tzinfo=UTC).timestamp())
    assert [owed.until for owed in grant.obligations] == [date(2027, 2, 1)]


def test_a_committee_may_end_a_grant_sooner(node: AccessNode) -> None:
    request_id = draft(node, "timed", GENERAL)
    node.take(request_id, Step.SUBMIT, by="grace")
    node.take(request_id, Step.APPROVE, by="dora", body=StepBody(months=1))
    (grant,) = node.store.grants_of(request_id)
    assert grant is not None
    assert grant.expires == NOW + MONTH


def test_months_of_earlier_grants_are_used_up(node: AccessNode) -> None:
    first = draft(node, "timed", GENERAL, months=1)
    node.take(first, Step.SUBMIT, by="grace")
    node.take(first, Step.APPROVE, by="dora")
    node.clock.now += 2 * MONTH
    second = draft(node, "timed", GENERAL, months=6)
    node.take(second, Step.SUBMIT, by="grace")
    node.take(second, Step.APPROVE, by="dora")
    (grant,) = node.store.grants_of(second)
    assert grant is not None
    assert grant.expires <= node.clock() + 32 * DAY
    node.clock.now += 2 * MONTH
    with pytest.raises(DataUseDenied, match="used up"):
        node.take(draft(node, "timed", GENERAL), Step.SUBMIT, by="grace")


def test_who_asks_is_what_the_node_knows_and_not_what_is_stated(node: AccessNode) -> None:
    claimed = GENERAL | {"requester": {"identity": at("grace")}}
    for person, outcome in (("grace", Outcome.PERMIT), ("mallory", Outcome.DENY)):
        verdict = node.check.ask(
            CONSENTS["mine"], stated(claimed), requester=at(person), months=1, held=(), now=NOW
        )
        assert verdict.outcome is outcome


def test_a_decision_on_record_names_the_releases_it_rests_on(node: AccessNode) -> None:
    request_id = draft(node, "cancer", {"purpose": {"diseases": ["MONDO:2"]}})
    node.take(request_id, Step.SUBMIT, by="grace")
    node.take(request_id, Step.APPROVE, by="dora")
    named = {name: facts(node)[name] for name in ("data_use", "duo", "mondo", "policy")}
    assert named == {
        "data_use": "permit",
        "duo": "2021-02-23",
        "mondo": "2026-01-06+abc",
        "policy": "1",
    }
    assert not any("MONDO:2" in line for line in node.kinds())


def test_a_purpose_that_means_nothing_is_not_kept(node: AccessNode) -> None:
    with pytest.raises(InvalidInput, match=r"purpose\.codes\.0"):
        draft(node, "npu", {"purpose": {"codes": ["evil"]}})
    assert node.store.requests_of(at("grace")) == ()


def test_data_use_is_restated_at_submission_only(node: AccessNode) -> None:
    request_id = draft(node, "npu", ACADEMY)
    node.take(request_id, Step.SUBMIT, by="grace")
    with pytest.raises(InvalidInput, match="data_use"):
        node.take(request_id, Step.RETURN, by="dora", body=StepBody(data_use=stated(COMPANY)))
    with pytest.raises(StepNotPossible):
        node.take(request_id, Step.SUBMIT, by="grace", body=StepBody(data_use=stated(COMPANY)))
    assert node.desk.see(request_id, viewer=at("dora")).request.data_use == stated(ACADEMY)


@pytest.mark.parametrize(
    ("held", "months"),
    [
        ((), 0),
        ((Span(0, MONTH),), 1),
        ((Span(0, MONTH + 1),), 2),
        ((Span(0, MONTH), Span(0, MONTH)), 1),
        ((Span(MONTH // 2, 2 * MONTH), Span(0, MONTH)), 2),
        ((Span(0, MONTH), Span(4 * MONTH, 5 * MONTH)), 2),
        ((Span(9 * MONTH, 99 * MONTH),), 1),
        ((Span(11 * MONTH, 12 * MONTH),), 0),
    ],
)
def test_months_used_are_counted_once_and_until_now(held: tuple[Span, ...], months: int) -> None:
    assert months_used(held, now=10 * MONTH) == months


def by(name: str) -> dict[str, str]:
    return {"x-test-person": name}


@pytest.fixture
def app(node: AccessNode) -> FastAPI:
    return node.app()


@pytest.fixture
def http(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node")


@pytest.mark.anyio
async def test_a_pre_check_answers_before_anything_is_made(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    for sent, decision in ((ACADEMY, "permit"), (GENERAL, "needs-review"), (COMPANY, "deny")):
        asked = {"dataset": "npu", "months": 6, "data_use": sent}
        answer = await http.post("/access/requests/check", json=asked, headers=by("grace"))
        assert answer.status_code == 200
        assert answer.json()["decision"] == decision
    assert node.store.requests_of(at("grace")) == ()


@pytest.mark.anyio
@pytest.mark.parametrize("dataset", ["nowhere", "hidden"])
async def test_a_pre_check_tells_nothing_of_hidden_datasets(
    http: httpx.AsyncClient, dataset: str
) -> None:
    asked = {"dataset": dataset, "months": 6}
    answer = await http.post("/access/requests/check", json=asked, headers=by("grace"))
    unknown = await http.get("/access/requests/req-unknown", headers=by("grace"))
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert (await http.post("/access/requests/check", json=asked)).status_code == 401


@pytest.mark.anyio
async def test_the_verdict_goes_with_the_request_while_it_waits(
    node: AccessNode, http: httpx.AsyncClient
) -> None:
    form = {
        "dataset": "npu",
        "project": "Sight",
        "purpose": "Eyes.",
        "workspace": node.workspace(),
        "months": 6,
        "data_use": COMPANY,
    }
    made = await http.post("/access/requests", json=form, headers=by("grace"))
    assert made.status_code == 201
    assert made.json()["verdict"]["decision"] == "deny"
    path = f"/access/requests/{made.json()['id']}"
    refused = await http.post(f"{path}/submit", headers=by("grace"))
    assert refused.status_code == 403
    assert refused.json()["error"] == "data_use_denied"
    again = {"data_use": ACADEMY}
    assert (await http.post(f"{path}/submit", json=again, headers=by("grace"))).status_code == 200
    checked = await http.get(f"{path}/check", headers=by("dora"))
    assert checked.json()["decision"] == "permit"
    assert (await http.get(f"{path}/check", headers=by("rosa"))).status_code == 404
    approved = await http.post(f"{path}/approve", headers=by("dora"))
    assert approved.json()["verdict"] is None
    assert [owed["code"] for owed in approved.json()["grant"]["obligations"]] == ["PUB"]
    assert (await http.get(f"{path}/check", headers=by("grace"))).status_code == 409


@pytest.mark.anyio
async def test_a_statement_has_a_cap(node: AccessNode, http: httpx.AsyncClient) -> None:
    long = {"purpose": {"diseases": ["x" * 299] * 200}}
    asked = {"dataset": "npu", "months": 6, "data_use": long}
    answer = await http.post("/access/requests/check", json=asked, headers=by("grace"))
    assert answer.status_code == 400


def test_a_request_of_before_has_stated_nothing(node: AccessNode) -> None:
    request_id = node.submitted(node.workspace())
    with node.store.writing() as session:
        row = session.get(RequestRow, request_id)
        assert row is not None
        row.data_use = None
    kept = node.store.request(request_id)
    assert kept is not None
    assert kept.data_use == DataUseRequest()
    assert replace(kept, data_use=DataUseRequest()) == kept


@given(some(dataset=st.sampled_from([*CONSENTS, "nowhere"]), months=months, data_use=requests))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_that_is_stated_makes_a_pre_check_fail(app: FastAPI, body: object) -> None:
    """A verdict, a refusal that names the fault, or nothing of that name."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as http:
            sent = json.dumps(body).encode()
            headers = by("grace") | {"content-type": "application/json"}
            return await http.post("/access/requests/check", content=sent, headers=headers)

    assert asyncio.run(send()).status_code in {200, 400, 404}
