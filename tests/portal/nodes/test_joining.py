"""A node joins by address, report and somebody else's approval, and stays who it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.asking.calls import Calls
from portal.errors import NotYours
from portal.nodes.joining import MAX_OF_ONE, MAX_WAITING, JoinBook
from portal.nodes.registry import Registry
from portal.nodes.validator import Finding, Report
from portal.settings import Limits
from schemas.errors import Conflict, InvalidInput, NotFound
from tests.support.access_node import AccessNode, at
from tests.support.loopback import served, unused_address
from tests.support.signed_in_portal import SmallNode, signed_in

NOW = 1_800_000_000
ADDRESS = "https://beacon.example.org/api"
GOOD = Report(ADDRESS, "Far", "org.far", (Finding("info", True, "", required=True),))
BAD = Report(ADDRESS, "Far", "org.far", (Finding("info", False, "", required=True),))
LIMITS = Limits(deadline_seconds=60)


@pytest.fixture
def book(tmp_path: Path) -> JoinBook:
    return JoinBook(tmp_path / "nodes.db", clock=lambda: NOW)


def apply(book: JoinBook, address: str = ADDRESS, applicant: str = "grace") -> None:
    book.apply(address, is_beacon=True, applicant=applicant, note=" call  me ")


def test_who_was_admitted_by_whom_and_as_what_is_kept(book: JoinBook) -> None:
    apply(book)
    assert book.admitted() == []
    book.admit(ADDRESS, GOOD, by="adam")
    (one,) = book.admitted()
    assert (one.admitted_by, one.admitted_at, one.beacon_id) == ("adam", NOW, "org.far")
    assert (one.note, one.root) == ("call me", ADDRESS)


def test_nobody_admits_their_own_node(book: JoinBook) -> None:
    apply(book, applicant="adam")
    with pytest.raises(NotYours):
        book.admit(ADDRESS, GOOD, by="adam")
    assert book.admitted() == []


def test_what_failed_a_required_look_stays_out(book: JoinBook) -> None:
    apply(book)
    with pytest.raises(InvalidInput):
        book.admit(ADDRESS, BAD, by="adam")
    assert book.admitted() == []


def test_an_address_is_admitted_only_after_it_asked(book: JoinBook) -> None:
    with pytest.raises(NotFound):
        book.admit(ADDRESS, GOOD, by="adam")
    with pytest.raises(NotFound):
        book.remove(ADDRESS)


def test_applications_have_limits_and_none_waits_twice(book: JoinBook) -> None:
    apply(book)
    with pytest.raises(Conflict, match="already"):
        apply(book, applicant="rosa")
    for number in range(1, MAX_OF_ONE):
        apply(book, f"https://{number}.example.org")
    with pytest.raises(Conflict, match="of yours"):
        apply(book, "https://more.example.org")
    for number in range(MAX_WAITING - MAX_OF_ONE):
        apply(book, f"https://x{number}.example.org", applicant=f"p{number}")
    with pytest.raises(Conflict, match="Too many"):
        apply(book, "https://last.example.org", applicant="zoe")


def _beacon(name: list[str]) -> Starlette:
    async def info(_request: Request) -> Response:
        said = {"id": name[0], "name": "Far", "apiVersion": "v2.0.0"}
        return JSONResponse({"response": said})

    async def ask(request: Request) -> Response:
        if await request.body() == b'{"query": 5':
            return JSONResponse({"error": {"errorCode": 400, "errorMessage": "no"}}, 400)
        return JSONResponse({"responseSummary": {"exists": False}})

    return Starlette(
        routes=[Route("/api/info", info), Route("/api/individuals", ask, methods=["POST"])]
    )


@pytest.mark.live
@pytest.mark.anyio
async def test_the_list_follows_the_book_and_an_impostor_is_not_asked(book: JoinBook) -> None:
    calls, name, settled = Calls(LIMITS), ["org.far"], unused_address()
    async with served(_beacon(name)) as address:
        root = f"{address}/api"
        registry = Registry([settled], calls, limits=LIMITS, clock=lambda: NOW, joining=book)
        apply(book, root)
        await registry.refresh()
        before = [node.url for node in registry.nodes]
        book.admit(root, GOOD, by="adam")
        await registry.refresh()
        joined = registry.nodes[1]
        name[0] = "org.other"
        await registry.refresh()
        impostor = registry.nodes[1]
        name[0] = "org.far"
        await registry.refresh()
        again = registry.nodes[1]
        book.remove(root)
        await registry.refresh()
        after = [node.url for node in registry.nodes]
    await calls.close()
    assert before == after == [settled]
    assert (joined.url, joined.foreign, joined.problem, joined.barred) == (root, True, "", "")
    assert impostor.barred == "It was admitted as org.far and calls itself org.other now."
    assert impostor.target.unsupported == impostor.barred
    assert (again.barred, again.problem) == ("", "")


@pytest.mark.live
@pytest.mark.anyio
async def test_a_node_that_is_there_already_is_not_counted_twice() -> None:
    calls = Calls(LIMITS)
    async with served(_beacon(["org.far"])) as one, served(_beacon(["org.far"])) as two:
        roots = [f"{one}/api", f"{two}/api"]
        registry = Registry([], calls, limits=LIMITS, clock=lambda: NOW, beacons=roots)
        await registry.refresh()
        await registry.refresh()
        first, again = registry.nodes
    await calls.close()
    assert (first.barred, first.problem) == ("", "")
    assert again.barred == "It is Far again, at another address."
    assert again.target.unsupported == again.barred


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SmallNode]:
    room = AccessNode(tmp_path)
    yield SmallNode(room)
    room.close()


@pytest.mark.live
@pytest.mark.anyio
async def test_from_the_form_to_a_row_in_the_answers(node: SmallNode, tmp_path: Path) -> None:
    more = {"nodes_file": tmp_path / "nodes.db", "admins": (at("adam"), at("grace"))}
    async with (
        served(_beacon(["org.far"])) as address,
        signed_in(node, "grace", "adam", "rosa", more=more) as (grace, adam, rosa),
    ):
        root = f"{address}/api"
        asked = await grace.post("/join", address=f"{root}/", kind="beacon", note="<b>Ann</b>")
        mine = (await grace.browser.get("/join")).text
        theirs = (await rosa.browser.get("/join")).text
        waiting = (await adam.browser.get("/joining")).text
        looked = await adam.post("/joining/look", address=root)
        refused = [
            (await grace.post("/joining/admit", address=root)).status_code,
            (await rosa.post("/joining/admit", address=root)).status_code,
            (await rosa.browser.get("/joining")).status_code,
            (await adam.browser.post("/joining/admit", data={"address": root})).status_code,
            (await adam.post("/joining/look", address="http://127.0.0.1:1")).status_code,
        ]
        admitted = await adam.post("/joining/admit", address=root)
        answers = (await grace.post("/search", q="MONDO:1")).text
        gone = await adam.post("/joining/remove", address=root)
        without = (await grace.post("/search", q="MONDO:2")).text
    assert asked.status_code == 303
    assert "waiting" in mine
    assert root in mine
    assert root not in theirs
    assert "&lt;b&gt;Ann" in waiting
    assert "It may join." in looked.text
    assert refused == [403, 403, 403, 403, 404]
    assert admitted.status_code == 303
    assert "Far" in answers
    assert gone.status_code == 303
    assert "Far" not in without


@pytest.mark.live
@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    ["", "ftp://a", "http://example.org", "https://a/?q=1", "https://u:p@a", "https://", "x" * 600],
)
async def test_what_is_no_address_is_not_kept(
    node: SmallNode, tmp_path: Path, address: str
) -> None:
    more = {"nodes_file": tmp_path / "nodes.db"}
    async with signed_in(node, "grace", more=more) as (grace,):
        refused = await grace.post("/join", address=address)
        twice = await grace.post("/join", address=node.url)
    assert refused.status_code == 400
    assert "Not kept." in refused.text
    assert twice.status_code == 409


@pytest.mark.live
@pytest.mark.anyio
async def test_without_its_file_nobody_joins_and_nothing_offers_it(node: SmallNode) -> None:
    async with signed_in(node, "adam", more={"admins": (at("adam"),)}) as (adam,):
        codes = [(await adam.browser.get(path)).status_code for path in ("/join", "/joining")]
        network = (await adam.browser.get("/network")).text
    assert codes == [404, 404]
    assert "/join" not in network
