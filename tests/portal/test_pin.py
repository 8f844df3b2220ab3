"""A node that shows another key, id or audience than it was admitted with is not asked any more."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from passports.identity import prove
from passports.tokens import SigningKey
from portal.answer import Outcome
from portal.book import Book
from portal.calls import Calls
from portal.fanout import Fanout
from portal.joining import JoinBook
from portal.node import Node
from portal.registry import Registry
from portal.settings import Limits
from portal.validator import check
from schemas.errors import InvalidInput
from tests.support.loopback import served
from tests.support.signed_in_portal import PORTAL

LIMITS = Limits(deadline_seconds=20)
NOW = 1_800_000_000


class Skerry:
    """A Skerry node: the least of a Beacon and the proof of its key, each to be spoiled by a test;
    `heard` counts the questions that reached it."""

    def __init__(self) -> None:
        self.key, self.name, self.url, self.spoiled, self.heard = (
            SigningKey.generate(), "org.isle", "", "", 0,
        )  # fmt: skip

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/beacon/info", self._info),
                Route("/beacon/individuals", self._ask, methods=["POST"]),
                Route("/access/identity", self._identity),
            ]
        )

    async def _info(self, _request: Request) -> Response:
        said = {"id": self.name, "name": "Isle", "apiVersion": "v2.2.0"}
        return JSONResponse({"response": said})

    async def _ask(self, request: Request) -> Response:
        if await request.body() == b'{"query": 5':
            return JSONResponse({"error": {"errorCode": 400, "errorMessage": "no"}}, 400)
        self.heard += 1
        return JSONResponse({"responseSummary": {"exists": False}})

    async def _identity(self, request: Request) -> Response:
        challenge = request.query_params["challenge"]
        if self.spoiled == "replayed":
            challenge = "an-answer-to-somebody-else-0"
        answer = prove(challenge, key=self.key, public_url=self.url, now=0)
        if self.spoiled == "copied":  # its true key, and a signature of one's own
            other = prove(challenge, key=SigningKey.generate(), public_url=self.url, now=0)
            answer = {"key": answer["key"], "proof": other["proof"]}
        return JSONResponse(answer, 404 if self.spoiled == "missing" else 200)


class Portal:
    """What of a portal looks at nodes and asks them."""

    def __init__(self, book: JoinBook, node: Skerry, calls: Calls) -> None:
        self.book, self.node, self.calls = book, node, calls
        self.registry = self.started_again()

    def started_again(self) -> Registry:
        return Registry([], self.calls, limits=LIMITS, clock=lambda: NOW, joining=self.book)

    async def admit(self) -> None:
        url = self.node.url
        report = await check(self.calls, f"{url}/beacon", node=url)
        self.book.admit(url, report, by="adam")

    async def looked(self) -> Node:
        await self.registry.refresh()
        (node,) = self.registry.nodes
        return node

    async def asked(self, node: Node) -> tuple[Outcome, str]:
        fanout = Fanout(self.calls, LIMITS)
        (row,) = [
            row async for row in fanout.ask([node.target], "/individuals", body={"query": {}})
        ]
        return row.outcome, row.reason


@asynccontextmanager
async def _joined(tmp_path: Path) -> AsyncGenerator[Portal, None]:
    """A node that applied, was looked at and admitted."""
    book, node, calls = JoinBook(tmp_path / "n.db", clock=lambda: NOW), Skerry(), Calls(LIMITS)
    async with served(node.app()) as url:
        node.url = url
        book.apply(url, is_beacon=False, applicant="grace", note="")
        portal = Portal(book, node, calls)
        try:
            await portal.admit()
            yield portal
        finally:
            await calls.close()


pytestmark = [pytest.mark.live, pytest.mark.anyio]


async def test_the_key_and_the_id_are_kept_at_approval(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        (kept,) = portal.book.admitted()
        node = await portal.looked()
        answer = await portal.asked(node)
    assert (kept.beacon_id, kept.key) == ("org.isle", portal.node.key.kid)
    assert (node.barred, node.problem) == ("", "")
    assert answer == (Outcome.EMPTY, "")


async def test_a_node_with_a_swapped_key_is_not_asked_until_it_is_admitted_anew(
    tmp_path: Path,
) -> None:
    async with _joined(tmp_path) as portal:
        portal.node.key = SigningKey.generate()
        swapped = await portal.looked()
        refused, heard = await portal.asked(swapped), portal.node.heard
        await portal.admit()
        again = await portal.looked()
    sentence = "It was admitted with another key, and needs to be admitted anew."
    assert swapped.barred == swapped.problem == sentence
    assert refused == (Outcome.UNSUPPORTED, sentence)
    assert heard == 1  # the validator's question, and none since
    assert (again.barred, again.problem) == ("", "")


async def test_a_lie_about_its_id_is_found_out_with_the_right_key(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        portal.node.name = "org.other"
        liar = await portal.looked()
        portal.node.name = "org.isle"
        honest = await portal.looked()
    assert liar.barred == "It was admitted as org.isle and calls itself org.other now."
    assert honest.barred == ""


@pytest.mark.parametrize(
    ("spoiled", "sentence"),
    [
        ("missing", "/access/identity answers 404."),
        ("copied", "What /access/identity answers is no proof."),
        ("replayed", "What /access/identity answers is no proof."),
    ],
)
async def test_the_right_key_without_its_secret_is_no_proof(
    tmp_path: Path, spoiled: str, sentence: str
) -> None:
    async with _joined(tmp_path) as portal:
        portal.node.spoiled = spoiled
        node = await portal.looked()
    assert node.barred == f"It does not prove the key it was admitted with. {sentence}"


async def test_a_node_that_takes_passports_for_another_address_is_shown_none(
    tmp_path: Path,
) -> None:
    async with _joined(tmp_path) as portal:
        portal.node.url = "https://elsewhere.example.org"
        node = await portal.looked()
    assert node.barred == (
        "It takes Passports for https://elsewhere.example.org now, which is not its address here."
    )


async def test_after_a_restart_it_is_asked_only_once_it_proved_its_key(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        await portal.looked()
        portal.node.spoiled = "missing"
        portal.registry = portal.started_again()
        first = await portal.looked()
        outcome, _ = await portal.asked(first)
    assert first.barred.startswith("It does not prove the key")
    assert outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize("spoiled", ["missing", "copied", "elsewhere"])
async def test_what_proves_no_key_for_its_address_does_not_join_as_a_skerry_node(
    tmp_path: Path, spoiled: str
) -> None:
    book, node, calls = JoinBook(tmp_path / "n.db", clock=lambda: NOW), Skerry(), Calls(LIMITS)
    async with served(node.app()) as url:
        node.url, node.spoiled = PORTAL if spoiled == "elsewhere" else url, spoiled
        book.apply(url, is_beacon=False, applicant="grace", note="")
        report = await check(calls, f"{url}/beacon", node=url)
        with pytest.raises(InvalidInput):
            book.admit(url, report, by="adam")
    await calls.close()
    (finding,) = [one for one in report.findings if one.check == "key"]
    assert (finding.mark, report.key if spoiled != "elsewhere" else "") == ("FAIL", "")


async def test_a_file_from_before_keys_were_pinned_is_read_and_holds_no_key(
    tmp_path: Path,
) -> None:
    schema = (
        "CREATE TABLE joining (address TEXT PRIMARY KEY, is_beacon INTEGER, applicant TEXT,"
        " note TEXT, at INTEGER, admitted_by TEXT, admitted_at INTEGER, beacon_id TEXT)"
    )
    with Book(tmp_path / "n.db", schema=schema, setting="nodes_file").open() as old:
        old.execute("INSERT INTO joining VALUES ('https://a', 0, 'g', '', 1, 'adam', 2, 'org.a')")
    for _ in range(2):
        book = JoinBook(tmp_path / "n.db", clock=lambda: NOW)
    (one,) = book.admitted()
    assert (one.pin.beacon_id, one.pin.key) == ("org.a", "")
