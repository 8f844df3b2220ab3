"""A running node follows its catalog whatever happened to it in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from beacon import withdrawals
from beacon.segments import SegmentCatalog
from gateway.app import create_app
from gateway.errors import Exit
from gateway.holding import withdrawing
from gateway.home import NodeHome
from tests.support.command import skerry
from tests.support.node_folder import URL, node_folder, open_counts
from tests.support.sources import write_records

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeHome:
    monkeypatch.setattr("gateway.app._REFRESH_SECONDS", 0.01)
    made = node_folder(tmp_path / "node", policies=[open_counts("isle"), open_counts("holm")])
    for dataset in ("isle", "holm"):
        load(made, tmp_path, dataset, people=3)
    return made


def load(home: NodeHome, folder: Path, dataset: str, *, people: int) -> None:
    file = write_records(
        folder / f"{people}.json",
        [
            {"id": f"P{number}", "sex": {"id": "NCIT:C16576", "label": "female"}}
            for number in range(people)
        ],
    )
    ran = skerry("load", home.root, "--dataset", dataset, "--individuals", file)
    assert ran.code == 0, ran.err


@asynccontextmanager
async def serving(home: NodeHome) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(home)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as http,
    ):
        yield http


async def comes_to(http: httpx.AsyncClient, dataset: str, people: int) -> None:
    """Raises `TimeoutError`."""
    path = f"/beacon/datasets/{dataset}/individuals?requestedGranularity=count"
    async with asyncio.timeout(600):
        while True:
            answered = (await http.get(path)).json()
            if answered["responseSummary"]["numTotalResults"] == people:
                return
            await asyncio.sleep(0.01)


def _broken_once(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> Callable[[], bool]:
    plain, broken = getattr(owner, name), list[str]()

    def breaks(*given: object) -> object:
        if not broken:
            broken.append(name)
            raise RuntimeError("whatever nobody expected")
        return plain(*given)

    monkeypatch.setattr(owner, name, breaks)
    return lambda: bool(broken)


@pytest.mark.parametrize(("owner", "name"), [(SegmentCatalog, "refresh"), (withdrawing, "record")])
async def test_it_is_followed_again_where_following_broke(
    home: NodeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    async with serving(home) as http:
        await comes_to(http, "isle", 3)
        broke = _broken_once(monkeypatch, owner, name)
        load(home, tmp_path, "isle", people=5)
        async with asyncio.timeout(600):
            while not broke():  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.01)
        await comes_to(http, "isle", 5)


async def test_a_withdrawal_that_cannot_be_recorded_now_is_in_force_and_recorded_later(
    home: NodeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(home) as http:
        full = pytest.MonkeyPatch()

        def no_room(*_given: object) -> int:
            raise OSError(28, "No space left on device")

        full.setattr(withdrawing, "record", no_room)
        withdrawals.add(home.catalog, "isle", "P1")
        await comes_to(http, "isle", 2)
        load(home, tmp_path, "holm", people=4)
        await comes_to(http, "holm", 4)
        assert b"people.withdraw" not in home.record.read_bytes()
        full.undo()
        async with asyncio.timeout(600):
            while b"people.withdraw" not in home.record.read_bytes():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)


async def test_one_damaged_dataset_holds_up_neither_loads_nor_withdrawals_of_others(
    home: NodeHome, tmp_path: Path
) -> None:
    async with serving(home) as http:
        await comes_to(http, "isle", 3)
        (segment,) = home.catalog.glob("isle.*.segment")
        whole = segment.read_bytes()
        segment.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        load(home, tmp_path, "holm", people=6)
        await comes_to(http, "holm", 6)
        withdrawals.add(home.catalog, "holm", "P1")
        await comes_to(http, "holm", 5)
        new = "/beacon/datasets/isle/individuals?filters=NCIT:C16576"  # nothing of it was read
        assert (await http.get(new)).status_code == 503
        load(home, tmp_path, "isle", people=3)  # the very same, built again
        await comes_to(http, "isle", 3)


def test_a_node_that_cannot_open_a_dataset_does_not_start_and_says_which_file(
    home: NodeHome,
) -> None:
    (segment,) = home.catalog.glob("isle.*.segment")
    segment.write_bytes(segment.read_bytes()[:-1])
    ran = skerry("serve", home.root)
    assert ran.code == Exit.UNREACHABLE
    assert str(segment) in ran.err


def test_who_withdraws_of_one_dataset_is_held_up_by_no_other(home: NodeHome) -> None:
    (segment,) = home.catalog.glob("holm.*.segment")
    segment.write_bytes(b"")
    ran = skerry("people", "withdraw", home.root, "isle", "P1")
    assert ran.code == 0, ran.err
    assert withdrawals.read(home.catalog) == {"isle": {"P1"}}
