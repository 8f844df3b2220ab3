"""The `refget` package of PyPI reads sequences and collections here, and its checks all pass."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from fastapi import FastAPI
from refget.clients import SequenceClient, SequenceCollectionClient
from refget.compliance import run_compliance

from gateway.http_errors import ErrorTable
from streams.refget import collection_routes, sequence_routes
from streams.refget.index import Index
from streams.refget.register import register
from tests.streams.refget.test_doors import FACTS
from tests.support.loopback import served
from tests.support.shared import shared_data

pytestmark = [pytest.mark.live, pytest.mark.anyio]


@pytest.fixture
def node(tmp_path: Path) -> FastAPI:
    index, app = Index(tmp_path), FastAPI()
    for path in sorted((shared_data("hts") / "refget" / "seqcol").glob("*.fa")):
        register(index, path)
    app.include_router(sequence_routes.build(index, FACTS))
    app.include_router(collection_routes.build(index, FACTS))
    ErrorTable(bodies={}, realm="test").install(app)
    return app


async def test_the_client_reads_collections_and_their_sequences(
    node: FastAPI, tmp_path: Path
) -> None:
    path = shared_data("hts") / "refget" / "seqcol" / "base.fa"
    letters = "".join(path.read_text().split(">")[1].split()[1:]).upper()
    digest = register(Index(tmp_path), path).collection  # as it is held already
    async with served(node) as url:
        collections = SequenceCollectionClient(urls=[f"{url}/seqcol"], raise_errors=True)
        listed: Any = await run_sync(collections.list_collections)
        assert len(listed["results"]) == 6
        held: Any = await run_sync(collections.get_collection, digest)
        same: Any = await run_sync(collections.compare, digest, digest)
        assert same["array_elements"]["a_and_b_same_order"]["sequences"]
        sequences = SequenceClient(urls=[f"{url}/refget"], raise_errors=True)
        first = held["sequences"][0]
        assert await run_sync(sequences.get_sequence, first) == letters
        part = partial(sequences.get_sequence, first, start=1, end=3)
        assert await run_sync(part) == letters[1:3]
        about: Any = await run_sync(sequences.get_metadata, first)
        assert about["metadata"]["length"] == len(letters)


async def test_its_checks_of_the_standard_all_pass(node: FastAPI) -> None:
    async with served(node) as url:
        report = await run_sync(run_compliance, f"{url}/seqcol")
    assert [one["name"] for one in report["results"] if not one["passed"]] == []
    assert report["total"] >= 60
