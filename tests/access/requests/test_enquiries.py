"""Enquiries reach the dataset's committee and nobody else; who asks learns of no individual."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from access.requests.enquiries import KEEP_DAYS, MAX_UNANSWERED
from access.requests.notices import Addressees, Channel, Notice, mail, webhook
from access.tables import NoticeRow
from tests.support.access_node import NOW, URL, AccessNode, at

pytestmark = pytest.mark.anyio

TO = Addressees(
    {"ds1": ("dac@example.org",), at("rosa"): ("rosa@example.org",)}, ("https://hook.example.org",)
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path, addressees=TO)
    yield made
    made.close()


def _as(node: AccessNode, name: str | None) -> httpx.AsyncClient:
    headers = {} if name is None else {"x-test-person": name}
    transport = httpx.ASGITransport(app=node.app())
    return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)


async def _asked(node: AccessNode, *, by: str = "rosa", text: str = "Is consent broad?") -> str:
    async with _as(node, by) as browser:
        made = await browser.post("/access/enquiries", json={"dataset": "ds1", "text": text})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def _told(node: AccessNode) -> list[tuple[str, str, str]]:
    with node.store.reading() as session:
        rows = session.exec(select(NoticeRow)).all()
        return sorted((row.kind, row.channel, row.target) for row in rows)


async def test_the_committee_reads_it_answers_once_and_the_asker_reads_the_answer(
    node: AccessNode,
) -> None:
    name = await _asked(node)
    async with _as(node, "dora") as dora, _as(node, "rosa") as rosa:
        waiting = (await dora.get("/access/enquiries")).json()["waiting"]
        assert [(one["by"], one["text"]) for one in waiting] == [(at("rosa"), "Is consent broad?")]
        place = f"/access/enquiries/{name}/answer"
        assert (await dora.post(place, json={"text": "Yes."})).status_code == 200
        again = await dora.post(place, json={"text": "No."})
        assert (again.status_code, again.json()["error"]) == (409, "step_not_possible")
        own = (await rosa.get("/access/enquiries")).json()
    assert own["waiting"] == []
    assert [(one["answer"], one["answered"], one["by"]) for one in own["own"]] == [
        ("Yes.", NOW, None)
    ]
    assert "dora" not in json.dumps(own)


async def test_committee_and_asker_are_told_that_something_waits_and_no_more(
    node: AccessNode,
) -> None:
    name = await _asked(node)
    assert _told(node) == [
        ("enquiry", "mail", "dac@example.org"),
        ("enquiry", "webhook", "https://hook.example.org"),
    ]
    node.enquiries.answer(name, "Yes.", member=at("dora"), now=NOW)
    assert ("answered", "mail", "rosa@example.org") in _told(node)
    for kind in ("enquiry", "answered"):
        notice = Notice("msg-1", "", kind, NOW, Channel.MAIL, "dac@example.org")
        written = mail(notice, node="Isle", sender="node@example.org", public_url=URL).as_string()
        hook = json.loads(webhook(notice, public_url=URL))
        assert f"{URL}/requests" in written
        assert hook["type"] == f"enquiry.{kind}"
        assert hook["data"] == {"address": f"{URL}/requests"}
        assert all(word not in written for word in ("rosa", "dora", "ds1", "consent"))


@pytest.mark.parametrize("name", ["rosa", "emil", "adam"])
async def test_only_the_datasets_committee_answers_and_others_learn_nothing(
    node: AccessNode, name: str
) -> None:
    asked = await _asked(node)
    async with _as(node, name) as browser:
        known = await browser.post(f"/access/enquiries/{asked}/answer", json={"text": "Yes."})
        unknown = await browser.post("/access/enquiries/enq-1/answer", json={"text": "Yes."})
        waiting = (await browser.get("/access/enquiries")).json()["waiting"]
    assert known.status_code == unknown.status_code == 404
    assert known.json() == unknown.json()
    assert waiting == []


async def test_a_dataset_one_may_not_know_of_is_as_one_that_is_not_there(
    node: AccessNode,
) -> None:
    async with _as(node, "rosa") as browser:
        answers = [
            await browser.post("/access/enquiries", json={"dataset": name, "text": "Hello?"})
            for name in ("hidden", "nothing")
        ]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


async def test_nobody_asks_without_a_passport(node: AccessNode) -> None:
    async with _as(node, None) as browser:
        body = {"dataset": "ds1", "text": "Hello?"}
        assert (await browser.post("/access/enquiries", json=body)).status_code == 401
        assert (await browser.get("/access/enquiries")).status_code == 401


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b"])
async def test_an_enquiry_says_something_and_not_too_much(node: AccessNode, text: str) -> None:
    async with _as(node, "rosa") as browser:
        answer = await browser.post("/access/enquiries", json={"dataset": "ds1", "text": text})
    assert answer.status_code in (400, 422)
    assert _told(node) == []


async def test_unanswered_enquiries_of_one_person_are_bounded_and_old_ones_go(
    node: AccessNode,
) -> None:
    for _ in range(MAX_UNANSWERED):
        await _asked(node)
    async with _as(node, "rosa") as browser:
        body = {"dataset": "ds1", "text": "One more?"}
        refused = await browser.post("/access/enquiries", json=body)
        assert refused.status_code == 429
        node.clock.now += KEEP_DAYS * 86_400 + 1
        assert (await browser.post("/access/enquiries", json=body)).status_code == 201
        assert len((await browser.get("/access/enquiries")).json()["own"]) == 1


async def test_the_record_names_nobody_and_quotes_nothing(node: AccessNode) -> None:
    await _asked(node)
    kept = (node.folder / "record.jsonl").read_text("utf-8")
    assert "enquiry.asked" in kept
    assert "rosa" not in kept
    assert "consent" not in kept
