"""Questions that wait for another process: others go on, and whoever waits is told in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from beacon import waiting
from beacon.catalog import Segment
from beacon.clickhouse.engine import HttpEngine
from beacon.clickhouse.segment import ClickHouseSegment
from beacon.errors import CatalogError
from beacon.segments import SegmentCatalog
from beacon.waiting import WaitingRoom, seconds_left
from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
LONG, SHORT = 300.0, 0.05
ALLELE: dict[str, Any] = {
    "assemblyId": "GRCh38",
    "referenceName": "1",
    "start": 100,
    "referenceBases": "A",
    "alternateBases": "G",
}


class Hanging(httpx.BaseTransport):
    """An engine that takes a question and says nothing until it is released."""

    def __init__(self) -> None:
        self.asked, self.released = threading.Event(), threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.set()
        self.released.wait()
        return httpx.Response(500, text="no more")


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    engine = Hanging()
    yield engine
    engine.released.set()


@pytest.fixture
def node(tmp_path: Path, hanging: Hanging) -> BeaconNode:
    """Its variants are an engine's that hangs."""
    loaded(tmp_path / "catalog", source(tmp_path / "files", "A"))
    http = httpx.Client(transport=hanging, base_url="http://clickhouse.example")

    def form(segment: Segment) -> Segment:
        return ClickHouseSegment(segment, HttpEngine(http), "v0")

    catalog = SegmentCatalog(tmp_path / "catalog", form=form)
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("A")])


async def test_a_hanging_engine_is_a_503_in_time_that_says_what_is_wrong(node: BeaconNode) -> None:
    node.doors._waiting = WaitingRoom(seconds=SHORT)
    for path in ("/g_variants", "/individuals", "/datasets"):
        answer = await node.get(path, **ALLELE)
        assert answer.status_code == 503
        told = answer.json()["error"]
        assert "did not answer in time" in told["errorMessage"]
        assert "exists" not in answer.text
    assert [line["facts"]["outcome"] for line in node.entries()] == ["catalog_unavailable"] * 3


async def test_while_an_engine_hangs_other_questions_are_answered(
    node: BeaconNode, hanging: Hanging
) -> None:
    node.doors._waiting = WaitingRoom(threads=1, seconds=LONG)
    stuck = asyncio.create_task(node.get("/g_variants", **ALLELE))
    assert await asyncio.to_thread(hanging.asked.wait, LONG)
    in_line = asyncio.create_task(node.get("/individuals", **ALLELE))

    people = await node.get("/individuals", filters="ICD10:G35", requestedGranularity="count")
    assert people.json()["responseSummary"]["numTotalResults"] == 2
    tested = await node.get("/g_variants", testMode="true", requestedGranularity="record")
    assert tested.json()["responseSummary"]["exists"] is True
    assert (await node.get("/info")).status_code == 200
    assert not stuck.done()
    assert not in_line.done()

    hanging.released.set()
    assert [(await each).status_code for each in (stuck, in_line)] == [503, 503]


async def test_a_question_beyond_the_line_is_refused_at_once(
    node: BeaconNode, hanging: Hanging
) -> None:
    node.doors._waiting = WaitingRoom(threads=1, waiting=1, seconds=LONG)
    stuck = asyncio.create_task(node.get("/g_variants", **ALLELE))
    assert await asyncio.to_thread(hanging.asked.wait, LONG)
    refused = await node.get("/g_variants", **ALLELE)
    assert refused.status_code == 503
    assert "too many questions" in refused.json()["error"]["errorMessage"]
    hanging.released.set()
    await stuck
    assert (await node.get("/g_variants", **ALLELE)).status_code == 503
    assert node.doors._waiting._inside == 0


async def test_what_waited_in_line_past_its_deadline_is_not_asked_any_more() -> None:
    room, free = WaitingRoom(threads=1, seconds=SHORT), threading.Event()
    stuck = room._pool.submit(free.wait)
    begun: list[bool] = []
    with pytest.raises(CatalogError, match="in time"):
        await room.run(lambda: begun.append(True))
    free.set()
    stuck.result()
    room._pool.shutdown()  # whatever was in line has had its turn
    assert begun == []


async def test_what_a_thread_finds_is_returned_to_who_asked() -> None:
    assert await WaitingRoom().run(lambda: "an answer") == "an answer"


async def test_what_is_raised_in_a_thread_is_raised_to_who_asked() -> None:
    def fails() -> None:
        raise CatalogError("lost")

    with pytest.raises(CatalogError, match="lost"):
        await WaitingRoom().run(fails)


async def test_a_thread_knows_how_long_it_has_and_nobody_elses_time() -> None:
    assert seconds_left(7.0) == 7.0
    assert await WaitingRoom(seconds=LONG).run(lambda: seconds_left(5.0)) == 5.0
    assert await WaitingRoom(seconds=20.0).run(lambda: seconds_left(LONG)) <= 20.0
    assert seconds_left(7.0) == 7.0


class Clock:
    """Stands still but for what is added to it."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Trickling(httpx.SyncByteStream):
    clock: Clock

    def __iter__(self) -> Generator[bytes]:
        while True:
            self.clock.now += SHORT / 10
            yield b"1"


def test_an_answer_that_trickles_without_end_ends_with_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    for place in ("beacon.waiting.time", "beacon.clickhouse.engine.time"):
        monkeypatch.setattr(place, clock)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickling(clock)))
    engine = HttpEngine(httpx.Client(transport=transport, base_url="http://clickhouse.example"))
    token = waiting._UNTIL.set(clock.now + SHORT)
    try:
        with pytest.raises(CatalogError) as refused:
            engine.ask("SELECT 1")
        assert "too slow" in refused.value.detail
        with pytest.raises(CatalogError, match="in time"):
            engine.ask("SELECT 1")
    finally:
        waiting._UNTIL.reset(token)
