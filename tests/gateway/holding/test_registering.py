"""Registering over HTTP: for admins, from named places, into datasets that are open; on record."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from access.record.audit import RecordFile
from beacon import withdrawals
from gateway.holding import registering
from gateway.holding.registering import allowed
from gateway.home import NodeHome
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from schemas.errors import Forbidden, InvalidInput
from streams.remote import RemoteFile
from streams.shelf import Shelf
from streams.sources import Kind
from tests.support import slice_files
from tests.support.access_node import at, researcher
from tests.support.node_folder import node_folder, open_counts

pytestmark = pytest.mark.anyio
CLEAR = {
    "id": "isle", "level": "public", "insecure_clear_streams": True,
    "data_use": [{"id": "DUO:0000004"}],
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[CLEAR, open_counts("other")])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return slice_files.write(tmp_path / "data", "BAM", records=50)


@pytest.fixture
async def client(home: NodeHome, data: Path) -> AsyncIterator[httpx.AsyncClient]:
    async def who(request: Request) -> Researcher | None:
        name = request.headers.get("x-test-person")
        return None if name is None else researcher(name)

    record = RecordFile(home.record, pseudonym_key=b"k" * 32, signing_key=home.signing_key())
    app = FastAPI()
    app.include_router(
        registering.build(
            home=home, sources=(str(data.parent),), caller=who, admins=(at("adam"),), record=record
        )
    )
    ErrorTable(bodies={}, realm="test").install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        yield client
    record.close()


async def post(
    client: httpx.AsyncClient, place: object, *, by: str | None = "adam", dataset: str = "isle"
) -> httpx.Response:
    headers = {} if by is None else {"x-test-person": by}
    sent = {"dataset": dataset, "place": str(place)}
    return await client.post("/streams/objects", json=sent, headers=headers)


async def test_what_an_admin_registers_is_on_the_shelf_and_on_record(
    client: httpx.AsyncClient, home: NodeHome, data: Path
) -> None:
    answer = await post(client, data)
    assert answer.status_code == 201, answer.text
    assert answer.json()["object_id"] == "isle/made"
    assert "BAM" in Shelf(home.clear).forms(Kind.READS, "isle/made")
    kinds = [json.loads(line) for line in home.record.read_text().splitlines()]
    (entry,) = [one["facts"] for one in kinds if one["kind"] == "release.registered"]
    assert (entry["dataset"], entry["object"]) == ("isle", "isle/made")


@pytest.mark.parametrize("gone", [False, True])
async def test_an_object_that_may_hold_somebody_who_withdrew_is_told_as_withheld(
    client: httpx.AsyncClient, home: NodeHome, data: Path, *, gone: bool
) -> None:
    if gone:
        withdrawals.add(home.catalog, "isle", "P1")
    assert (await post(client, data)).json()["withheld"] is gone


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(("by", "status"), [(None, 401), ("grace", 403)])
async def test_nobody_else_registers(
    client: httpx.AsyncClient, home: NodeHome, data: Path, by: str | None, status: int
) -> None:
    assert (await post(client, data, by=by)).status_code == status
    assert not home.clear.exists()


@pytest.mark.parametrize("place", ["/etc/passwd", "made.bam", "s3://bucket/x.bam", "", "x" * 3000])
async def test_no_other_place_is_read(
    client: httpx.AsyncClient, home: NodeHome, place: str
) -> None:
    answer = await post(client, place)
    assert 400 <= answer.status_code < 500
    assert not home.clear.exists()


async def test_other_datasets_and_broken_files_are_refused(
    client: httpx.AsyncClient, home: NodeHome, data: Path
) -> None:
    assert (await post(client, data, dataset="other")).status_code == 400
    assert (await post(client, data, dataset="unheard-of")).status_code == 400
    assert (await post(client, data.with_name("absent.bam"))).status_code == 400
    cut(data)
    assert (await post(client, data)).status_code == 400
    assert Shelf(home.clear).forms(Kind.READS, "isle/made") == {}


def test_a_link_out_of_the_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.bam").write_bytes(b"x")
    (tmp_path / "in" / "link.bam").symlink_to(tmp_path / "secret.bam")
    sources = [str(tmp_path / "in"), "s3://open/data"]
    for place in (f"{tmp_path}/in/link.bam", f"{tmp_path}/in/../secret.bam", f"{tmp_path}/in2/x",
                  "s3://open/database/x", "s3://other/data/x"):  # fmt: skip
        with pytest.raises(Forbidden):
            allowed(place, sources)
    for place in ("in/x", "s3://open/data/../x", f"{tmp_path}/in/\0"):
        with pytest.raises(InvalidInput):
            allowed(place, sources)
    assert allowed("s3://open/data/x.bam", sources) == RemoteFile("s3://open/data/x.bam")
    assert allowed(f"{tmp_path}/in/x", sources) == (tmp_path / "in" / "x").resolve()
    with pytest.raises(Forbidden):
        allowed("/anything", [])
