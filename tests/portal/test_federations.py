"""Federations at the portal, over the coordinator's real door; only the engine behind it is not.

Who is told, what a coordinator's failures look like, and that its words are escaped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from portal import coordinators
from portal.coordinators import Coordinators
from portal.errors import NodeFailed, SettingsError
from portal.settings import CoordinatorSettings, Limits, PortalSettings
from schemas.errors import NotFound, SkerryError, TooMany
from tests.support.access_node import AccessNode
from tests.support.federation import keys, raw
from tests.support.loopback import served, unused_address
from tests.support.signed_in_portal import Signed, SmallNode, signed_in
from workspaces.engine import coordinator_api, federation
from workspaces.engine.environment import Environment
from workspaces.engine.federation import Described, Federation, Role
from workspaces.engine.kept_runs import KeptRuns
from workspaces.engine.port import RunState
from workspaces.engine.superlink import Superlink

pytestmark = [pytest.mark.live, pytest.mark.anyio]

ROUNDS = [{"about": "which variants", "sites": 3}, {"about": "a round <b>", "sites": 2}]


class Link(Superlink):
    """An engine that knows no nodes, and of each run what the test says."""

    said: str = "running"

    async def _asked(self, name: str, *given: str) -> Any:
        if name == "nodes":
            return []
        return {"status": self.said, "sub_status": "stopped", "details": ""}


@dataclass
class Place:
    """A federation's folder and the token of a portal that looks on."""

    of: Federation
    link: Link
    token: Path

    @property
    def runs(self) -> KeptRuns:
        return KeptRuns(self.of.folder / "runs")

    def begun(self, number: str, **shown: object) -> None:
        self.runs.begin(number, application="gwas 1.0", now=1_000)
        (self.of.folder / "runs" / number / "status.json").write_text(json.dumps(shown))

    def app(self) -> ASGIApp:
        return coordinator_api.build(self.link, self.of)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    described = Described(name="nordic", host="localhost", port=1)
    of = federation.create(tmp_path / "fed", described, raw(keys(["oslo", "turku", "aarhus"])))
    token = tmp_path / "token"
    token.write_text(federation.new_token(of, "portal", role=Role.VIEW) + "\n")
    return Place(of, Link(of, Environment(Path("/nowhere"), "0" * 64)), token)


@asynccontextmanager
async def visited(
    place: Place, folder: Path, *names: str, url: str | None = None
) -> AsyncGenerator[tuple[Signed, ...], None]:
    async with served(place.app()) as address:
        one = {"name": "north", "url": url or address, "token_file": place.token}
        node = SmallNode(AccessNode(folder))
        async with signed_in(node, *(names or ("grace",)), more={"coordinators": (one,)}) as people:
            yield people


async def test_sites_runs_and_what_may_run_are_told_to_who_signed_in(
    place: Place, tmp_path: Path
) -> None:
    place.begun("7", present=["oslo", "turku"], missing={"aarhus": "not connected <i>"})
    place.runs.end("7", RunState.FAILED, reason="one site is left", now=1_060)
    async with visited(place, tmp_path) as (grace,):
        listed = (await grace.browser.get("/federations")).text
        one = (await grace.browser.get("/federations/north")).text
    assert 'href="/federations/north"' in listed
    assert "0 of 3" in listed
    assert "not connected" in one
    assert "without aarhus" in one
    assert 'href="/federations/north/runs/7"' in one
    assert "gwas 1.0" in one


async def test_a_run_says_its_rounds_its_sites_and_their_budgets(
    place: Place, tmp_path: Path
) -> None:
    budget = {"oslo": {"bytes": 2 * 1024 * 1024, "until": 1_900_000_000, "used": 1024}}
    place.begun("7", round="a round", present=["oslo"], missing={"turku": "lost <i>"}, sums=30,
                rounds=ROUNDS, budgets=budget)  # fmt: skip
    place.runs.end("7", RunState.STOPPED, reason="stopped by hand", now=1_060)
    async with visited(place, tmp_path) as (grace,):
        page = (await grace.browser.get("/federations/north/runs/7")).text
    assert "stopped by hand" in page
    assert "1.0 KiB of 2.0 MiB" in page
    assert "lost &lt;i&gt;" in page
    assert "a round &lt;b&gt;" in page
    assert page.index("a round &lt;b&gt;") < page.index("which variants"), "the latest first"
    assert "sse-connect" not in page, "it is over"


async def test_news_of_a_run_come_as_events_until_it_ends(place: Place, tmp_path: Path) -> None:
    place.begun("7", round="first", present=["oslo"], missing={}, sums=0, rounds=[], budgets={})
    async with visited(place, tmp_path) as (grace,):
        page = (await grace.browser.get("/federations/north/runs/7")).text
        place.runs.end("7", RunState.DONE, reason="", now=1_060)
        told = (await grace.browser.get("/federations/north/runs/7/events")).text
    assert 'sse-connect="/federations/north/runs/7/events"' in page
    assert "event: state" in told
    assert "for the airlocks to judge" in told
    assert told.strip().endswith("data: <!-- nothing more to follow -->")


@pytest.mark.parametrize(
    "path", ["/federations/north", "/federations/north/runs/7", "/federations/north/runs/7/events"]
)
async def test_nobody_else_is_told_anything(place: Place, tmp_path: Path, path: str) -> None:
    place.begun("7", present=["oslo"], missing={})
    async with (
        visited(place, tmp_path) as (grace,),
        httpx.AsyncClient(
            transport=grace.browser._transport, base_url=grace.browser.base_url
        ) as anyone,
    ):
        refused = await anyone.get(path)
        listed = await anyone.get("/federations")
    assert refused.status_code == 401
    assert "oslo" not in refused.text
    assert "nordic" not in listed.text
    assert "signed in" in listed.text


@pytest.mark.parametrize(
    "path",
    ["/federations/south", "/federations/north/runs/8", "/federations/north/runs/x",
     "/federations/north/runs/8/events", "/federations/north/runs/..%2F..%2Fsites",
     f"/federations/north/runs/{'9' * 30}"],
)  # fmt: skip
async def test_what_is_not_there_is_404(place: Place, tmp_path: Path, path: str) -> None:
    async with visited(place, tmp_path) as (grace,):
        answer = await grace.browser.get(path)
    assert answer.status_code == (200 if path.endswith("8/events") else 404)
    if path.endswith("8/events"):
        assert "There is no run of that number." in answer.text


async def test_a_token_that_ended_is_said_and_shows_nothing(place: Place, tmp_path: Path) -> None:
    place.begun("7", present=["oslo"], missing={})
    federation.revoke(place.of, "portal")
    async with visited(place, tmp_path) as (grace,):
        listed = (await grace.browser.get("/federations")).text
        run = await grace.browser.get("/federations/north/runs/7")
    assert "does not take this portal’s token" in listed
    assert run.status_code == 502
    assert "oslo" not in run.text
    assert place.token.read_text().strip() not in listed + run.text


async def test_a_coordinator_that_is_away_is_named(place: Place, tmp_path: Path) -> None:
    async with visited(place, tmp_path, url=unused_address()) as (grace,):
        listed = await grace.browser.get("/federations")
        one = await grace.browser.get("/federations/north")
    assert (listed.status_code, one.status_code) == (200, 200)
    assert "north: The coordinator gave no answer" in listed.text
    assert "The coordinator gave no answer" in one.text


async def _says(answer: Response, path: str = "/runs/7", *, bytes_: int = 100_000) -> SkerryError:
    """What is raised where a coordinator answers so."""

    async def said(_request: Request) -> Response:
        return answer

    app = Starlette(routes=[Route("/{rest:path}", said)])
    async with served(app) as url:
        token = Path(__file__)  # any file with text is no token
        with pytest.raises(SettingsError):
            Coordinators([_settings(url, token)], limits=Limits())
        return await _raised(url, path, bytes_)


def _settings(url: str, token: Path) -> CoordinatorSettings:
    return CoordinatorSettings(name="north", url=url, token_file=token)


async def _raised(url: str, path: str, bytes_: int) -> SkerryError:
    made = Coordinators([], limits=Limits(deadline_seconds=60, answer_bytes=bytes_))
    made._clients["north"] = httpx.AsyncClient(base_url=url, timeout=60)
    try:
        with pytest.raises(SkerryError) as raised:
            await made.run("north", path.rpartition("/")[2])
    finally:
        await made.close()
    return raised.value


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response("not json"), "is not what one tells"),
        (JSONResponse({"run": "7"}), "is not what one tells"),
        (JSONResponse({"run": "7", "state": "done", "ended": 10**15}), "is not what one tells"),
        (JSONResponse({"run": "7", "state": "x" * 400}), "is not what one tells"),
        (JSONResponse({"run": "7", "state": "done", "reason": "x" * 200_000}), "too large"),
        (RedirectResponse("https://elsewhere.example/"), "HTTP 307"),
        (Response("[" * 5_000, status_code=500), "HTTP 500"),
        (JSONResponse({"message": "The engine is not running."}, status_code=502), "not running"),
        (JSONResponse({"message": 7}, status_code=403), "HTTP 403"),
    ],
)
async def test_a_coordinator_that_answers_badly_is_a_plain_sentence(
    answer: Response, words: str
) -> None:
    raised = await _says(answer)
    assert isinstance(raised, NodeFailed)
    assert words in raised.public


async def test_only_so_many_follow_at_a_time(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinators, "MAX_FOLLOWING", 0)
    async with visited(place, tmp_path) as (grace,):
        told = (await grace.browser.get("/federations/north/runs/7/events")).text
    assert "Too many follow a run" in told


async def test_one_viewer_follows_a_few_and_leaves_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordinators, "MAX_OF_ONE", 2)
    monkeypatch.setattr(coordinators, "MAX_FOLLOWING", 3)
    told = b'data: {"run": "7", "state": "running"}\n\n'

    async def running(_request: Request) -> Response:
        async def parts() -> AsyncGenerator[bytes, None]:
            yield told
            await asyncio.Event().wait()

        return StreamingResponse(parts(), media_type="text/event-stream")

    async with served(Starlette(routes=[Route("/{rest:path}", running)])) as url:
        made = Coordinators([], limits=Limits())
        made._clients["north"] = httpx.AsyncClient(base_url=url, timeout=60)
        following = [
            made.news("north", "7", viewer=viewer) for viewer in ("grace", "grace", "rosa")
        ]
        for one in following:
            assert (await anext(one)).run == "7"
        for viewer, words in (("grace", "You follow a run in too many"), ("adam", "Too many")):
            with pytest.raises(TooMany, match=words):
                await anext(made.news("north", "7", viewer=viewer))
        await following[0].aclose()
        again = made.news("north", "7", viewer="grace")
        assert (await anext(again)).run == "7"
        for one in (*following, again):
            await one.aclose()
        assert not made._following
        await made.close()


async def test_a_line_without_end_of_events_is_cut_off() -> None:
    async def unending(_request: Request) -> Response:
        async def parts() -> AsyncGenerator[bytes, None]:
            for _ in range(100):
                yield b"data: " + b"x" * 10_000

        return StreamingResponse(parts(), media_type="text/event-stream")

    async with served(Starlette(routes=[Route("/{rest:path}", unending)])) as url:
        made = Coordinators([], limits=Limits(answer_bytes=50_000))
        made._clients["north"] = httpx.AsyncClient(base_url=url, timeout=60)
        with pytest.raises(NodeFailed, match="too large"):
            async for _ in made.news("north", "7", viewer="grace"):
                pass
        await made.close()


@pytest.mark.parametrize("token", ["", "\n", "a\nb", "\x00"])
async def test_a_token_file_without_one_token_stops_the_start(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    with pytest.raises(SettingsError, match="token_file"):
        Coordinators([_settings("https://c.example", file)], limits=Limits())


async def test_files_that_are_missing_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="north"):
        Coordinators([_settings("https://c.example", tmp_path / "none")], limits=Limits())


async def test_an_unknown_name_is_not_there() -> None:
    made = Coordinators([], limits=Limits())
    with pytest.raises(NotFound):
        await made.runs("north")


@pytest.mark.parametrize(
    "given",
    [
        {"name": "a/b", "url": "https://c.example", "token_file": "t"},
        {"name": "a", "url": "http://c.example", "token_file": "t"},
        {"name": "a", "url": "https://c.example"},
        {"name": "a", "url": "https://c.example", "token_file": "t", "token": "secret"},
    ],
)
async def test_settings_of_a_coordinator_are_checked(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CoordinatorSettings.model_validate(given)


async def test_two_coordinators_have_two_names() -> None:
    one = {"name": "a", "url": "https://c.example", "token_file": "t"}
    with pytest.raises(ValidationError, match="same name"):
        PortalSettings.model_validate(
            {"public_url": "https://p.example", "nodes": [], "coordinators": [one, one]}
        )
