"""What somebody asked to keep is theirs alone, and gone when they delete it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.errors import SettingsError
from portal.questions.question import parse
from portal.questions.saved import MAX_SAVED, SavedSearches
from schemas.errors import Conflict, NotFound
from tests.support.access_node import AccessNode
from tests.support.signed_in_portal import SmallNode, signed_in

GRACE, ROSA = "grace@https://broker", "rosa@https://broker"


@pytest.fixture
def kept(tmp_path: Path) -> SavedSearches:
    return SavedSearches(tmp_path / "searches.db", clock=lambda: 1_800_000_000.7)


def test_it_comes_back_as_it_may_be_typed_again(kept: SavedSearches) -> None:
    kept.keep(GRACE, parse("1:10177 A>AC", terms="MONDO:1", assembly="GRCh38"), name=" My  own ")
    (one,) = kept.of(GRACE)
    assert (one.name, one.at) == ("My own", 1_800_000_000)
    assert parse(one.text, terms=one.terms, assembly=one.assembly) == parse(
        "1:10177 A>AC", terms="MONDO:1", assembly="GRCh38"
    )


def test_a_nameless_one_is_named_by_its_question(kept: SavedSearches) -> None:
    kept.keep(GRACE, parse("", terms="MONDO:1"), name="  ")
    assert kept.of(GRACE)[0].name == "MONDO:1"


def test_the_same_question_is_kept_once_under_its_last_name(kept: SavedSearches) -> None:
    for name in ("first", "second"):
        kept.keep(GRACE, parse("MONDO:1"), name=name)
    assert [one.name for one in kept.of(GRACE)] == ["second"]


def test_nobody_sees_or_deletes_anothers(kept: SavedSearches) -> None:
    kept.keep(GRACE, parse("MONDO:1"), name="mine")
    (mine,) = kept.of(GRACE)
    assert kept.of(ROSA) == []
    with pytest.raises(NotFound):
        kept.delete(ROSA, mine.id)
    kept.delete_all(ROSA)
    assert kept.of(GRACE) == [mine]


def test_what_is_deleted_is_no_longer_in_the_file(kept: SavedSearches, tmp_path: Path) -> None:
    kept.keep(GRACE, parse("MONDO:7654321"), name="one")
    kept.keep(GRACE, parse("MONDO:1234567"), name="two")
    kept.delete(GRACE, kept.of(GRACE)[0].id)
    kept.delete_all(GRACE)
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"MONDO:7654321" not in left
    assert b"MONDO:1234567" not in left


def test_room_ends_and_what_was_kept_stays(kept: SavedSearches) -> None:
    for number in range(MAX_SAVED):
        kept.keep(GRACE, parse(f"MONDO:{number}"), name="")
    with pytest.raises(Conflict, match="delete one first"):
        kept.keep(GRACE, parse("MONDO:more"), name="")
    kept.keep(GRACE, parse("MONDO:1"), name="again")
    assert len(kept.of(GRACE)) == MAX_SAVED


def test_the_file_is_its_users_alone_and_a_wrong_one_is_refused_at_start(tmp_path: Path) -> None:
    SavedSearches(tmp_path / "searches.db", clock=lambda: 0)
    assert stat.S_IMODE((tmp_path / "searches.db").stat().st_mode) == 0o600
    (tmp_path / "text").write_text("no database" * 100)
    for wrong in (tmp_path / "text", tmp_path / "absent" / "searches.db"):
        with pytest.raises(SettingsError, match="searches_file"):
            SavedSearches(wrong, clock=lambda: 0)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SmallNode]:
    room = AccessNode(tmp_path)
    yield SmallNode(room)
    room.close()


@pytest.mark.live
@pytest.mark.anyio
async def test_a_question_is_kept_run_again_and_deleted(node: SmallNode, tmp_path: Path) -> None:
    more = {"searches_file": tmp_path / "searches.db"}
    async with signed_in(node, "grace", "rosa", more=more) as (grace, rosa):
        asked = await grace.post("/search", q="MONDO:1")
        kept = await grace.post("/searches", terms="MONDO:1", name="Hearts <b>")
        page = (await grace.browser.get("/searches")).text
        theirs = (await rosa.browser.get("/searches")).text
        address = page.partition('action="/searches/')[2].partition('"')[0]
        refused = [
            (await rosa.post(f"/searches/{address}")).status_code,
            (await grace.browser.post("/searches", data={"q": "MONDO:2"})).status_code,
            (await grace.post("/searches", q="")).status_code,
        ]
        gone = await grace.post(f"/searches/{address}")
        after = (await grace.browser.get("/searches")).text
        await grace.post("/searches", q="MONDO:3")
        await grace.post("/searches/delete")
        nothing = (await grace.browser.get("/searches")).text
        grace.browser.cookies.clear()
        nobody = await grace.browser.post("/searches", data={"q": "MONDO:2"})
    assert "Keep this question" in asked.text
    assert kept.status_code == 303
    assert "Hearts &lt;b&gt;" in page
    assert 'name="terms" value="MONDO:1"' in page
    assert "Hearts" not in theirs
    assert refused == [404, 403, 400]
    assert gone.status_code == 303
    assert "You have kept none." in after
    assert "You have kept none." in nothing
    assert nobody.status_code == 401


@pytest.mark.live
@pytest.mark.anyio
async def test_a_portal_without_such_a_file_offers_nothing(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        asked = await grace.post("/search", q="MONDO:1")
        page = await grace.browser.get("/searches")
    assert "Keep this question" not in asked.text
    assert page.status_code == 404
