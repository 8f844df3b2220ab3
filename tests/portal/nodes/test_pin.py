"""A node that shows another key, id or audience than it is held to is not asked any more; where the
key before names the next, the portal follows, once and in one direction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from passports.identity import prove
from passports.rotation import announce
from passports.tokens import SigningKey
from portal.app import create_app
from portal.asking.answer import Outcome
from portal.asking.calls import Calls
from portal.asking.fanout import Fanout
from portal.book import Book
from portal.nodes.held_keys import HeldKeys
from portal.nodes.joining import JoinBook
from portal.nodes.node import Node, slug_of
from portal.nodes.pin import MAX_HELD, HeldKey, How
from portal.nodes.registry import Registry
from portal.nodes.validator import check
from portal.settings import Limits, PortalSettings
from schemas.errors import InvalidInput
from tests.support.loopback import served
from tests.support.readiness import ready
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
        self.rotations: list[str] = []
        self.closed = False  # says nothing of itself

    def turn(self, new: SigningKey, **other: Any) -> None:
        """Takes a new key, as the command does."""
        said: dict[str, Any] = {"public_url": self.url, "node": self.name, "now": NOW} | other
        self.rotations.append(announce(new, old=self.key, **said))
        self.key = new

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/beacon/info", self._info),
                Route("/beacon/individuals", self._ask, methods=["POST"]),
                Route("/access/identity", self._identity),
            ]
        )

    async def _info(self, _request: Request) -> Response:
        if self.closed:
            return JSONResponse({}, 503)
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
        answer = prove(
            challenge, key=self.key, public_url=self.url, now=0, rotations=self.rotations
        )
        if self.spoiled == "copied":  # its true key, and a signature of one's own
            other = prove(challenge, key=SigningKey.generate(), public_url=self.url, now=0)
            answer = {"key": answer["key"], "proof": other["proof"]}
        return JSONResponse(answer, 404 if self.spoiled == "missing" else 200)


class Portal:
    """What of a portal looks at nodes and asks them."""

    def __init__(
        self, book: JoinBook, node: Skerry, calls: Calls, *, settings: tuple[str, ...] = ()
    ) -> None:
        self.book, self.node, self.calls, self.settings = book, node, calls, settings
        self.registry = self.started_again()

    def started_again(self, **other: Any) -> Registry:
        given: dict[str, Any] = {"joining": self.book, "held": self.book.keys} | other
        return Registry(self.settings, self.calls, limits=LIMITS, clock=lambda: NOW, **given)

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


@asynccontextmanager
async def _named(tmp_path: Path) -> AsyncGenerator[Portal, None]:
    """A node of the settings, not looked at yet."""
    book, node, calls = JoinBook(tmp_path / "n.db", clock=lambda: NOW), Skerry(), Calls(LIMITS)
    async with served(node.app()) as url:
        node.url = url
        try:
            yield Portal(book, node, calls, settings=(url,))
        finally:
            await calls.close()


pytestmark = [pytest.mark.live, pytest.mark.anyio]
OTHER_KEY = (
    "It shows another key than the one it is held to, and is not asked until an admin of this "
    "portal accepts it."
)


async def test_the_key_and_the_id_are_kept_at_approval(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        (kept,) = portal.book.admitted()
        node = await portal.looked()
        answer = await portal.asked(node)
    assert kept.beacon_id == "org.isle"
    assert node.keys == (HeldKey(portal.node.key.kid, How.ADMITTED, NOW, "adam"),)
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
    assert swapped.barred == swapped.problem == OTHER_KEY
    assert refused == (Outcome.UNSUPPORTED, OTHER_KEY)
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
    assert node.barred == f"It does not prove the key it is held to. {sentence}"


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


@pytest.mark.parametrize(
    ("column", "held"),
    [("", ()), (", key TEXT", (HeldKey("K" * 43, How.ADMITTED, 2, "adam"),))],
)
async def test_a_file_of_an_earlier_portal_is_read_with_the_key_it_kept(
    tmp_path: Path, column: str, held: tuple[HeldKey, ...]
) -> None:
    schema = (
        "CREATE TABLE joining (address TEXT PRIMARY KEY, is_beacon INTEGER, applicant TEXT,"
        f" note TEXT, at INTEGER, admitted_by TEXT, admitted_at INTEGER, beacon_id TEXT{column})"
    )
    row = "'https://a', 0, 'g', '', 1, 'adam', 2, 'org.a'" + (f", '{'K' * 43}'" if column else "")
    with Book(tmp_path / "n.db", schema=schema, setting="nodes_file").open() as old:
        old.execute(f"INSERT INTO joining VALUES ({row})")  # noqa: S608 - a test's own
    for _ in range(2):
        book = JoinBook(tmp_path / "n.db", clock=lambda: NOW)
    book.apply("https://b", is_beacon=False, applicant="grace", note="")
    (one,) = book.admitted()
    assert (one.beacon_id, book.keys.of("https://a")) == ("org.a", held)


async def test_a_node_of_the_settings_is_held_to_the_key_of_its_first_contact(
    tmp_path: Path,
) -> None:
    async with _named(tmp_path) as portal:
        first = await portal.looked()
        portal.node.key = SigningKey.generate()
        swapped = await portal.looked()
        refused, heard = await portal.asked(swapped), portal.node.heard
        portal.registry = portal.started_again()
        again = await portal.looked()
    (held,) = first.keys
    assert (first.barred, held.how) == ("", How.FIRST_CONTACT)
    assert swapped.barred == again.barred == OTHER_KEY
    assert (refused, heard) == ((Outcome.UNSUPPORTED, OTHER_KEY), 0)
    assert portal.book.keys.of(portal.node.url) == swapped.keys == (held,)


@pytest.mark.parametrize("spoiled", ["", "missing", "copied", "replayed"])
async def test_who_says_nothing_of_itself_is_held_to_its_key_too(
    tmp_path: Path, spoiled: str
) -> None:
    async with _joined(tmp_path) as portal:
        right = (await portal.looked()).keys
        portal.node.closed = True
        known, heard = await portal.looked(), portal.node.heard
        if not spoiled:
            portal.node.key = SigningKey.generate()
        portal.node.spoiled = spoiled
        other = await portal.looked()
        refused, _ = await portal.asked(other)
    assert (known.barred, known.problem) == ("", "error: /info is not served.")
    assert other.barred.startswith("It does not prove" if spoiled else OTHER_KEY)
    assert (refused, portal.node.heard, other.keys) == (Outcome.UNSUPPORTED, heard, right)


async def test_a_node_that_is_down_stays_as_it_was_known(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        before = await portal.looked()
    await portal.registry.refresh()  # its server has ended
    (node,) = portal.registry.nodes
    assert (node.barred, node.keys, node.id) == ("", before.keys, "org.isle")
    assert node.problem


async def test_without_a_file_a_key_is_held_until_the_portal_ends(tmp_path: Path) -> None:
    async with _named(tmp_path) as portal:
        portal.registry = portal.started_again(held=None, joining=None)
        await portal.looked()
        portal.node.key = SigningKey.generate()
        swapped = await portal.looked()
        portal.registry = portal.started_again(held=None, joining=None)
        forgotten = await portal.looked()
    assert (swapped.barred, forgotten.barred) == (OTHER_KEY, "")


async def test_a_node_that_proves_no_key_is_asked_until_it_has_proved_one(tmp_path: Path) -> None:
    async with _named(tmp_path) as portal:
        portal.node.spoiled = "missing"
        unproven = await portal.looked()
        answer = await portal.asked(unproven)
        portal.node.spoiled = ""
        proven = await portal.looked()
        portal.node.spoiled = "missing"
        silent = await portal.looked()
    assert (unproven.barred, unproven.keys, answer[0]) == ("", (), Outcome.EMPTY)
    assert [one.key for one in proven.keys] == [portal.node.key.kid]
    assert silent.barred.startswith("It does not prove the key it is held to.")


async def test_a_key_that_is_proved_for_another_address_is_not_the_first_one(
    tmp_path: Path,
) -> None:
    async with _named(tmp_path) as portal:
        url, portal.node.url = portal.node.url, "https://elsewhere.example.org"
        node = await portal.looked()
        assert (node.barred, node.keys, portal.book.keys.of(url)) == ("", (), ())


async def test_a_key_that_the_settings_name_must_be_proved_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    async with _named(tmp_path) as portal:
        url, right = portal.node.url, portal.node.key.kid
        portal.registry = portal.started_again(named={url: right})
        (unseen,) = portal.registry.nodes
        at_start = await portal.asked(unseen)
        met = await portal.looked()
        portal.registry = portal.started_again(named={url: "A" * 43})
        other = await portal.looked()
        portal.registry = portal.started_again(named={url: right})
        back = await portal.looked()
    assert at_start == (Outcome.UNSUPPORTED, "It has not been looked at yet.")
    assert (met.barred, [one.how for one in met.keys]) == ("", [How.NAMED])
    assert other.barred == OTHER_KEY
    assert (back.barred, [one.key for one in back.keys]) == ("", [right, "A" * 43, right])


async def test_the_next_key_is_followed_once_and_written_down(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        keys = [portal.node.key, SigningKey.generate(), SigningKey.generate()]
        for new in keys[1:]:  # twice between two looks
            portal.node.turn(new)
        followed = [await portal.looked() for _ in range(2)]
        answer = await portal.asked(followed[-1])
        portal.registry = portal.started_again()
        again = await portal.looked()
    kids = [one.kid for one in keys]
    for node in (*followed, again):
        assert (node.barred, [one.key for one in node.keys]) == ("", kids)
    assert [one.how for one in again.keys] == [How.ADMITTED, How.ANNOUNCED, How.ANNOUNCED]
    assert answer == (Outcome.EMPTY, "")


async def test_a_key_that_was_left_is_not_come_back_to(tmp_path: Path) -> None:
    async with _joined(tmp_path) as portal:
        left, rotations = portal.node.key, portal.node.rotations
        portal.node.turn(SigningKey.generate())
        await portal.looked()
        portal.node.key, portal.node.rotations = left, []  # who has the old key alone
        rolled_back = await portal.looked()
        portal.node.rotations = rotations
        replayed = await portal.looked()
    assert rolled_back.barred == replayed.barred == OTHER_KEY


@pytest.mark.parametrize(
    "wrong",
    [{"public_url": PORTAL}, {"node": "org.other"}, {"now": NOW + 3600}, {"now": 0}],
)
async def test_a_word_about_another_node_or_time_is_not_followed(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with _joined(tmp_path) as portal:
        portal.node.turn(SigningKey.generate(), **wrong)
        node = await portal.looked()
    assert (node.barred, len(node.keys)) == (OTHER_KEY, 1)


async def test_a_node_that_never_stops_changing_its_key_is_left_to_a_person(
    tmp_path: Path,
) -> None:
    async with _joined(tmp_path) as portal:
        url = portal.node.url
        for number in range(MAX_HELD - 1):
            portal.book.keys.add(url, HeldKey(f"{number:043}", How.ANNOUNCED, NOW))
        portal.book.keys.add(url, HeldKey(portal.node.key.kid, How.ANNOUNCED, NOW))
        portal.node.turn(SigningKey.generate())
        node = await portal.looked()
    assert node.barred == OTHER_KEY


async def test_what_an_admin_decides_during_a_look_stands(tmp_path: Path) -> None:
    keys = HeldKeys(tmp_path / "n.db")
    first, next_one, accepted = (
        HeldKey(letter * 43, How.ACCEPTED, NOW, "adam") for letter in "ABC"
    )
    keys.add("https://a", first)
    known = keys.all()
    keys.add("https://a", accepted)
    keys.note({"https://a": (first, next_one)}, known=known)
    assert keys.of("https://a") == (first, accepted)


class _Watching(logging.Handler):
    """Tells when something is logged."""

    def __init__(self, said: asyncio.Event) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.set()


def _spoil(folder: Path) -> None:
    for path in folder.glob("n.db*"):
        path.unlink()
    (folder / "n.db").mkdir()


async def test_a_file_that_cannot_be_written_leaves_nodes_as_they_were_known(
    tmp_path: Path,
) -> None:
    said = asyncio.Event()
    logger, watching = logging.getLogger("portal.nodes.registry"), _Watching(said)
    logger.addHandler(watching)
    async with _named(tmp_path) as portal:
        _spoil(tmp_path)
        looking = asyncio.create_task(portal.registry.keep_fresh())
        try:
            async with asyncio.timeout(600):
                await said.wait()
            assert not looking.done()
        finally:
            looking.cancel()
            logger.removeHandler(watching)
        (node,) = portal.registry.nodes
    assert (node.id, node.keys) == ("", ())


async def test_the_health_board_says_by_what_each_node_is_known(tmp_path: Path) -> None:
    node, beacon = Skerry(), Skerry()
    async with served(node.app()) as url, served(beacon.app()) as other:
        node.url, beacon.name = url, "org.plain"
        settings = PortalSettings(
            public_url=PORTAL, nodes=(url,), beacons=(f"{other}/beacon",), client_secret=None,
            nodes_file=tmp_path / "n.db", deadline_seconds=20,
        )  # fmt: skip
        app = create_app(settings, clock=lambda: NOW)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=PORTAL) as browser,
        ):
            await ready(browser)
            board = (await browser.get("/network")).text
            slugs = {one: slug_of(one) for one in (url, f"{other}/beacon")}
            pages = {
                one: (await browser.get(f"/network/{slug}")).text for one, slug in slugs.items()
            }
    assert "proves the key of its first contact" in board
    assert "has no key: known by its address alone" in board
    assert node.key.kid in pages[url]
    assert "nobody has compared it yet" in pages[url]
    assert "has no key: known by its address alone" in pages[f"{other}/beacon"]
