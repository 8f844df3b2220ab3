"""Every kind of page in German, over real answers: on none is a sentence left in English.

Looked for are the messages of the catalogue, those of templates and those that Python makes; what
nodes and people wrote is theirs. Programs read English whatever their reader's language is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from access.policies.policy import PolicyBook
from access.requests.desk import RequestDesk
from access.requests.lifecycle import Step
from portal.app import create_app
from portal.settings import PortalSettings
from schemas.grants import StepBody
from tests.support.access_node import ISSUER, AccessNode, policy
from tests.support.catalogue import left_in_english
from tests.support.loopback import served, unused_address
from tests.support.signed_in_portal import Signed, SmallNode, signed_in

pytestmark = [pytest.mark.live, pytest.mark.anyio]

GERMAN = {"accept-language": "de"}
TERMS = [
    {"id": "MONDO:1", "type": "ontologyTerm", "label": "MONDO:1", "scopes": ["individual"]},
    {"id": "NCIT:C16576", "type": "ontologyTerm", "label": "f", "scopes": ["individual"]},
    {"id": "diseases.ageOfOnset", "type": "alphanumeric", "scopes": ["individual"]},
]


@dataclass
class Reader:
    """A browser that wants German, and what it was shown in English."""

    browser: httpx.AsyncClient
    csrf: str = ""
    left: list[tuple[str, list[str]]] = field(default_factory=list)

    async def get(self, path: str, *, status: int = 200, **params: str) -> str:
        return self._read(path, await self.browser.get(path, params=params or None), status)

    async def post(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        status: int = 200,
        part: bool = False,
        **more: str,
    ) -> str:
        headers = {"hx-request": "true"} if part else {}
        data = {**(form or {}), **more} | ({"csrf": self.csrf} if self.csrf else {})
        return self._read(path, await self.browser.post(path, data=data, headers=headers), status)

    def _read(self, path: str, answer: httpx.Response, status: int) -> str:
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        found = left_in_english(answer.text, "de")
        if found:
            self.left.append((path, found))
        return answer.text


def _answer(status: int, document: object) -> Response:
    return JSONResponse(document, status_code=status)


def _counted(count: int | None, precision: str = "exact", **info: object) -> Response:
    one: dict[str, object] = {"id": "x", "exists": count != 0}
    if count is not None:
        one |= {"resultsCount": count, "countPrecision": precision}
    return _answer(
        200,
        {
            "responseSummary": {"exists": count != 0},
            "response": {"resultSets": [one]},
            "info": info,
        },
    )


ANSWERS: dict[str, Callable[[], Response]] = {
    "exact": lambda: _counted(1234),
    "rounded": lambda: _counted(50, "rounded"),
    "unstated": lambda: _counted(7, ""),
    "hidden": lambda: _counted(None),
    "nothing": lambda: _counted(0),
    "withheld": lambda: _counted(
        3, suppressed=[{"id": "w", "text": "–"}], unsupported=[{"id": "u", "text": "–"}]
    ),
    "refusing": lambda: _answer(403, {"error": {"errorCode": 403, "errorMessage": "–"}}),
    "suppressed": lambda: _answer(403, {"error": {"errorMessage": "–", "code": "suppressed"}}),
    "contradicting": lambda: _answer(
        200, {"responseSummary": {"exists": False, "numTotalResults": 7}}
    ),
    "empty": lambda: _answer(200, {}),
    "redirecting": lambda: RedirectResponse("/elsewhere", status_code=307),
    "garbage": lambda: Response(b"<html>"),
}


def _node(name: str, *, assembly: str = "") -> Starlette:
    async def ask(_request: Request) -> Response:
        return ANSWERS[name]()

    async def info(_request: Request) -> Response:
        said = {
            "id": name,
            "name": f"isle-{name}",
            "info": {"assemblies": [assembly]} if assembly else {},
        }
        return JSONResponse({"response": said})

    async def datasets(_request: Request) -> Response:
        told = {"accessLevel": "registered", "granularityForYou": ""}
        uses = [{"id": "DUO:0000007", "modifiers": [{"id": "MONDO:1"}]}, {"id": "DUO:0000018"}]
        listed = [
            {"id": "x", "name": "x", "info": told if name == "exact" else {"level": "public"},
             "dataUseConditions": {"duoDataUse": uses}},
        ]  # fmt: skip
        return JSONResponse({"response": {"collections": listed}})

    async def terms(_request: Request) -> Response:
        return JSONResponse({"response": {"filteringTerms": TERMS}})

    return Starlette(
        routes=[
            Route("/beacon/individuals", ask, methods=["POST"]),
            Route("/beacon/g_variants", ask, methods=["POST"]),
            Route("/beacon/datasets/x/individuals", ask, methods=["POST"]),
            Route("/beacon/info", info),
            Route("/beacon/datasets", datasets),
            Route("/beacon/filtering_terms", terms),
        ]
    )


async def _looked_at(browser: httpx.AsyncClient) -> list[str]:
    listed = (await browser.get("/api/nodes")).json()
    return [one["slug"] for one in listed if one["name"].startswith("isle-")]


@asynccontextmanager
async def anyone(*nodes: str) -> AsyncGenerator[Reader, None]:
    settings = PortalSettings(
        public_url="http://127.0.0.1:8080", nodes=nodes, deadline_seconds=60, client_secret=None
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url=settings.public_url, headers=GERMAN
        ) as browser,
    ):
        for _ in range(3_000):
            if len(await _looked_at(browser)) == len(nodes) - 1:  # one is not there
                break
            await asyncio.sleep(0.02)
        yield Reader(browser)


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    async with AsyncExitStack() as stack:
        urls = [
            await stack.enter_async_context(
                served(_node(name, assembly="GRCh37" if name == "rounded" else ""))
            )
            for name in ANSWERS
        ]
        yield await stack.enter_async_context(anyone(*urls, unused_address()))


QUESTIONS = (
    "MONDO:1", "17:43045711 G>A", "1:10000-20000", "BRCA1", "rs334", "BRCA1 p.Val600Glu",
    "NC_000001.11:g.100_102dup",
)  # fmt: skip
NO_QUESTIONS = (
    "", ",", "1:0 A>C", "c.68_69del", "NM_000059.3:g.5A>G", "1:20-10", "1:5 A>A",
    "NC_000001.11:g.5_7insA", "; ".join(f"MONDO:{n}" for n in range(2, 40)), "x" * 501,
)  # fmt: skip


async def test_a_search_is_german_from_the_box_to_the_last_row(reader: Reader) -> None:
    home = await reader.get("/")
    assert 'lang="de"' in home
    assert "Ist diese Variante bekannt?" in home
    for question in QUESTIONS:
        await reader.get("/search", q=question)
        await reader.post("/search/preview", q=question, assembly="")
        await reader.post("/search", q=question)
    both = await reader.post(
        "/search", q="1:10177 A>AC", terms="MONDO:1, MONDO:2", assembly="GRCh38"
    )
    for question in NO_QUESTIONS:
        await reader.post("/search", q=question, status=400)
    wrong = await reader.post("/search", q="NC_000001.11:g.5A>G", assembly="GRCh37", status=400)
    assert "gehört zu GRCh38" in wrong
    assert "Seine Daten liegen auf GRCh37, nicht auf GRCh38." in both
    assert reader.left == []


async def test_rows_that_come_one_by_one_are_german_and_what_is_kept_too(reader: Reader) -> None:
    live = await reader.post("/search", q="17:43045711 G>A", part=True)
    stream = re.search(r'sse-connect="(/search/[\w-]+)/events"', live)
    assert stream is not None
    events = await reader.get(f"{stream[1]}/events")
    assert "1.234" in events
    for said in ("nimmt keine Verbindungen an", "widerspricht sich selbst", "mit einer Umleitung"):
        assert said in events
    assert "Keine Summe" in events
    for number in ("exact", "about", "hidden"):
        await reader.get(f"{stream[1]}/rows", number=number)
    await reader.get(f"{stream[1]}/rows", number="all", status=400)
    await reader.post(f"{stream[1]}/frequencies")
    for slug in re.findall(r'name="node" value="([^"]+)"', events)[:2]:
        await reader.post(f"{stream[1]}/retry", node=slug, part=True)
    await reader.get(f"{stream[1]}/events", status=404)
    assert reader.left == []


async def test_programs_read_english(reader: Reader) -> None:
    page = await reader.post("/search", q="17:43045711 G>A")
    kept = re.search(r'href="(/search/[\w-]+)/answers.json"', page)
    assert kept is not None
    document = (await reader.browser.get(f"{kept[1]}/answers.json")).json()
    assert "gave only a yes or no" in document["answer"]["sentence"]
    assert document["question"]["understood"].startswith("Variant 17:43,045,711 G>A")
    reasons = {row["reason"] for row in document["rows"]}
    assert "The node does not accept connections." in reasons
    table = (await reader.browser.get(f"{kept[1]}/answers.csv")).text
    assert "The node does not accept connections." in table
    assert "There is nothing at this address." in (await reader.browser.get("/beacon/none")).text


async def test_the_network_and_its_datasets_are_german(reader: Reader) -> None:
    slugs = await _looked_at(reader.browser)
    await reader.get("/network")
    await reader.get("/datasets")
    for slug in slugs:
        await reader.get(f"/network/{slug}")
        await reader.get(f"/datasets/{slug}/x")
        await reader.get(f"/people/{slug}/x")
        await reader.get("/basket", dataset=f"{slug}/x")
    for path in ("/me", "/requests", "/workspaces", "/enquiries", "/basket"):
        await reader.get(path)
    for path in ("/network/none", "/datasets/a/b", "/none", "/join", "/searches"):
        await reader.get(path, status=404)
    await reader.get("/auth/login", status=401)
    await reader.get("/auth/callback", status=403)
    await reader.post("/basket", status=401)
    assert reader.left == []


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SmallNode]:
    room = AccessNode(tmp_path)
    room.book = PolicyBook(
        (policy("ds1", "dora"), replace(policy("ds2", "dora"), terms="–")), version="1"
    )
    room.desk = RequestDesk(
        room.store,
        recipients=room.recipients,
        book=room.book,
        record=room.record,
        check=room.check,
    )
    yield SmallNode(room)
    room.close()


@asynccontextmanager
async def person(
    node: SmallNode, tmp_path: Path, name: str
) -> AsyncGenerator[tuple[Reader, Signed], None]:
    more: dict[str, object] = {
        "command_client_id": "skerry-login",
        "searches_file": tmp_path / "searches.sqlite",
        "nodes_file": tmp_path / "nodes.sqlite",
        "admins": (f"adam@{ISSUER}",),
    }
    async with signed_in(node, name, more=more) as (signed,):
        signed.browser.headers.update(GERMAN)
        yield Reader(signed.browser, signed.csrf), signed


def _form(signed: Signed, node: SmallNode, dataset: str, **more: str) -> dict[str, str]:
    return {
        "node": signed.slug, "dataset": dataset, "project": "P", "purpose": "P.",
        "workspace": node.room.workspace(), "months": "6", "do": "send",
        "codes": "disease", "diseases": "MONDO:0005148", "commercial": "no", "publish": "yes",
        "organisation_type": "mixed", **more,
    }  # fmt: skip


async def test_a_request_is_german_in_every_state(node: SmallNode, tmp_path: Path) -> None:
    async with person(node, tmp_path, "grace") as (reader, signed):
        for dataset in ("ds1", "ds2"):
            await reader.get(f"/datasets/{signed.slug}/{dataset}")
        for wrong in (
            {"months": "zwölf"},
            {"regions": "chr17"},
            {"regions": "chr17:5-2"},
            {"regions": "SQ.abc:1-2"},
            {"units": "a b\x00"},
            {"do": "check"},
        ):
            status = 200 if "do" in wrong else 400
            await reader.post("/requests", _form(signed, node, "ds1", **wrong), status=status)
        paths = []
        for step in (None, Step.APPROVE, Step.REJECT, Step.RETURN):
            form = _form(signed, node, "ds1", regions="chr17:43044295-43125364")
            made = await signed.post("/requests", **form)
            paths.append(path := made.headers["location"])
            if step is not None:
                note = StepBody(note="–")
                node.room.take(path.rpartition("/")[2], step, by="dora", body=note)
        made = await signed.post("/requests", **_form(signed, node, "ds2"))
        paths.append(made.headers["location"])
        for path in paths:
            page = await reader.get(path)
            await reader.get(f"{path}/edit", status=200 if "/edit" in page else 400)
        await reader.post(paths[0], step="none", status=400)
        await reader.post(paths[-1], step="submit", status=400)
        listed = await reader.get("/requests")
        assert "1 Entwurf" in listed
        assert "genehmigt" in listed
        assert reader.left == []


async def test_what_is_ones_own_is_german(node: SmallNode, tmp_path: Path) -> None:
    workspace = node.room.workspace()
    async with person(node, tmp_path, "grace") as (reader, signed):
        for path in ("/me", "/workspaces", f"/workspaces/{signed.slug}/{workspace}", "/enquiries",
                     f"/contact/{signed.slug}/ds1", "/searches", "/join"):  # fmt: skip
            await reader.get(path)
        kept = await reader.post("/searches", part=True, q="MONDO:1")
        assert "Behalten unter" in kept
        await reader.get("/searches")
        await reader.post(f"/contact/{signed.slug}/ds1", text="", status=400)
        here = f"/workspaces/{signed.slug}/{workspace}"
        await reader.post(here, do="key", text="–", status=400)
        await reader.post(here, do="", status=400)
        await reader.get(f"/workspaces/{signed.slug}/none", status=404)
        await reader.post("/join", address="ftp://x", status=400)
        await reader.post("/join", address=node.url, status=409)
        await reader.get("/joining", status=403)
        reader.csrf = "another"
        await reader.post("/searches", q="MONDO:1", status=403)
        assert reader.left == []


async def test_what_a_look_at_a_new_node_found_is_german(node: SmallNode, tmp_path: Path) -> None:
    async with (
        served(_node("contradicting")) as beacon,
        person(node, tmp_path, "adam") as (reader, _),
    ):
        for address, kind in (
            (beacon, "node"),
            (f"{beacon}/beacon", "beacon"),
            (unused_address(), "beacon"),
        ):
            assert (
                await reader.browser.post(
                    "/join", data={"csrf": reader.csrf, "address": address, "kind": kind}
                )
            ).status_code == 303
            report = await reader.post("/joining/look", address=address)
            assert "Er darf nicht beitreten" in report
        await reader.post("/joining/admit", address=beacon, status=403)
        await reader.get("/joining")
        assert reader.left == []


def test_a_message_left_in_english_is_found() -> None:
    page = '<p title="Sign in first.">Isle</p><p>Wait for the committee: 1 of 2</p><code>yes</code>'
    assert left_in_english(page, "de") == ["Sign in first.", "Wait for the committee: 1 of 2"]
    assert left_in_english("<p>Melden Sie sich zuerst an.</p><b>Name</b>", "de") == []
