"""Who has asked reads how much is left; never how much of whom."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

import access.allowance_routes
from access.policies.own_tests import persona
from access.policies.policy import DatasetPolicy, Granularity, Level, PolicyBook, Profile
from access.privacy.allowance import Balances
from access.privacy.ledger import COUNT_DAYS, Entry, Ledger
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from tests.support.access_node import NOW, URL, AccessNode, at, policy

pytestmark = pytest.mark.anyio


def _policy(dataset: str, profile: Profile, level: Level = Level.PUBLIC) -> DatasetPolicy:
    ceilings = dict.fromkeys(Level, Granularity.COUNT)
    return replace(policy(dataset, "dora"), level=level, profile=profile, ceilings=ceilings)


BOOK = PolicyBook(
    (
        _policy("common", Profile.DEFAULT),
        _policy("rare", Profile.RARE_DISEASE),
        _policy("clear", Profile.OPEN),
        _policy("closed", Profile.CONTROLLED, Level.CONTROLLED),
    ),
    version="1",
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


async def _read(node: AccessNode, name: str | None) -> httpx.Response:
    async def who(_request: Request) -> Researcher | None:
        if name is None:
            return None
        return persona("bona_fide", "urn:none", now=node.clock.now, person=at(name))

    app = FastAPI()
    balances = Balances(node.store, record=node.record)
    app.include_router(
        access.allowance_routes.build(balances, book=BOOK, caller=who, clock=node.clock)
    )
    ErrorTable(bodies={}, realm="test").install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as browser:
        return await browser.get("/access/allowances")


def _entry(node: AccessNode, name: str, question: bytes) -> Entry:
    return Entry(node.record.pseudonym(at(name)), "common", question, "v1", 1_000, 1_000)


async def test_each_different_question_and_count_is_told_to_whom_it_was_answered(
    node: AccessNode,
) -> None:
    ledger = Ledger(node.store)
    for question in (b"q1", b"q2", b"q2"):
        ledger.presence(
            _entry(node, "rosa", question),
            frequency=0.01, allowance=math.log(2), carriers=lambda: [7], now=NOW,
        )  # fmt: skip
    ledger.may_count(_entry(node, "rosa", b"c1"), most=100, now=NOW)
    shown = (await _read(node, "rosa")).json()["allowances"]
    common = next(one for one in shown if one["dataset"] == "common")
    assert (common["answers"], common["counts"], common["counts_left"]) == (2, 1, 99)
    assert common["nats"] == pytest.approx(math.log(2))
    assert common["enforced"] is True
    others = (await _read(node, "grace")).json()["allowances"]
    assert [(one["answers"], one["counts"]) for one in others] == [(0, 0)] * len(others)


async def test_what_was_asked_of_whom_is_never_told(node: AccessNode) -> None:
    """Two people behind two answers, or one behind both: the same is told."""
    told = []
    for name, second in (("rosa", 7), ("grace", 8)):
        for question, person in ((b"q1", 7), (b"q2", second)):
            Ledger(node.store).presence(
                _entry(node, name, question),
                frequency=0.01, allowance=math.log(2), carriers=partial(list, (person,)), now=NOW,
            )  # fmt: skip
        told.append((await _read(node, name)).json())
    assert told[0] == told[1]


async def test_counts_come_back_after_their_time(node: AccessNode) -> None:
    Ledger(node.store).may_count(_entry(node, "rosa", b"c1"), most=100, now=NOW)
    node.clock.now = NOW + COUNT_DAYS * 86_400 + 1
    shown = (await _read(node, "rosa")).json()["allowances"]
    assert all(one["counts"] == 0 for one in shown)


async def test_datasets_without_an_allowance_are_not_listed(node: AccessNode) -> None:
    shown = (await _read(node, "rosa")).json()["allowances"]
    assert {one["dataset"]: one["enforced"] for one in shown} == {"common": True, "rare": False}


async def test_nobody_has_none(node: AccessNode) -> None:
    assert (await _read(node, None)).status_code == 401
