"""A node whose variants are in ClickHouse answers what a naive reading of the raw files answers.

The oracle's own questions (`test_oracle`), every kind of them, of the archive it makes first; the
engine is asked as a server is, by HTTP.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import httpx
import pytest

from beacon.clickhouse.engine import ChdbEngine, HttpEngine, Value
from beacon.clickhouse.segment import ClickHouseSegment
from beacon.waiting import WaitingRoom
from gateway.holding import clickhouse
from tests.conformance.test_oracle import SEED, agree, made_archive
from tests.support.clickhouse_server import Server

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 600.0
QUESTIONS = int(os.environ.get("SKERRY_CLICKHOUSE_QUESTIONS", "600"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[HttpEngine]:
    held = ChdbEngine(tmp_path / "tables")
    server = Server(held, tmp_path)
    yield HttpEngine(httpx.Client(transport=server, base_url="http://clickhouse.example"))
    held.close()


async def test_a_node_over_clickhouse_answers_as_a_naive_reading_of_its_files(
    tmp_path: Path, engine: HttpEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_there: list[str] = []
    plain = ClickHouseSegment._ask

    def counted(self: ClickHouseSegment, sql: str, values: Mapping[str, Value]) -> object:
        asked_there.append(sql)
        return plain(self, sql, values)

    monkeypatch.setattr(ClickHouseSegment, "_ask", counted)
    monkeypatch.setattr(clickhouse, "engine", lambda _home, _settings: engine)
    # A busy machine is no answer either, but it is not what is asked here.
    monkeypatch.setattr("beacon.clickhouse.engine._SECONDS", PATIENCE_SECONDS)
    patient = partial(WaitingRoom, seconds=PATIENCE_SECONDS)
    monkeypatch.setattr("beacon.doors.WaitingRoom", patient)
    asked = made_archive(tmp_path / "archive", seed=SEED)
    await agree(asked, questions=QUESTIONS, seed=SEED)
    assert len(asked_there) > QUESTIONS / 2, "or it was not ClickHouse that answered"
