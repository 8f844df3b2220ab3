"""Contact: every row leads to a committee, the node relays, the answer comes back without names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.access_node import NOW, AccessNode, at
from tests.support.signed_in_portal import SmallNode, signed_in

pytestmark = [pytest.mark.anyio, pytest.mark.live]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


async def test_a_question_reaches_the_committee_and_its_answer_the_asker(
    room: AccessNode,
) -> None:
    async with signed_in(SmallNode(room), "rosa", "grace") as (rosa, grace):
        place = f"/contact/{rosa.slug}/ds1"
        assert 'name="text"' in (await rosa.browser.get(place)).text
        sent = await rosa.post(place, text="Is <b>consent</b> broad?")
        assert (sent.status_code, sent.headers["location"]) == (303, "/enquiries")
        waiting = room.enquiries.listed(at("dora")).waiting
        assert [(one.by, one.text) for one in waiting] == [(at("rosa"), "Is <b>consent</b> broad?")]
        page = (await rosa.browser.get("/enquiries")).text
        assert "Is &lt;b&gt;consent&lt;/b&gt; broad?" in page
        assert "waits for the committee" in page
        room.enquiries.answer(waiting[0].id, "Yes, broad.", member=at("dora"), now=NOW)
        page = (await rosa.browser.get("/enquiries")).text
        assert "Yes, broad." in page
        assert "dora" not in page
        assert "consent" not in (await grace.browser.get("/enquiries")).text


async def test_what_the_node_refuses_is_said_beside_what_was_written(room: AccessNode) -> None:
    async with signed_in(SmallNode(room), "rosa") as (rosa,):
        place = f"/contact/{rosa.slug}"
        for dataset in ("hidden", "nothing"):
            refused = await rosa.post(f"{place}/{dataset}", text="Is it broad?")
            assert refused.status_code == 404
            assert "Is it broad?" in refused.text
        assert (await rosa.post(f"{place}/ds1", text=" ")).status_code == 400
        assert (await rosa.post(f"{place}/ds1", text="x" * 2001)).status_code == 400
        assert (await rosa.post("/contact/elsewhere/ds1", text="Hello")).status_code == 404
        forged = await rosa.browser.post(f"{place}/ds1", data={"csrf": "x", "text": "Hello"})
        assert forged.status_code == 403
    assert room.enquiries.listed(at("dora")).waiting == ()


async def test_who_is_not_signed_in_is_asked_to_and_sends_nothing(room: AccessNode) -> None:
    async with signed_in(SmallNode(room), "rosa") as (rosa,):
        rosa.browser.cookies.clear()
        place = f"/contact/{rosa.slug}/ds1"
        page = await rosa.browser.get(place)
        assert f"/auth/login?next={place}" in page.text
        assert (await rosa.browser.post(place, data={"text": "Hello"})).status_code == 401
        assert "/auth/login?next=/enquiries" in (await rosa.browser.get("/enquiries")).text


async def test_a_node_leads_to_the_committee_of_each_of_its_datasets(room: AccessNode) -> None:
    async with signed_in(SmallNode(room), "rosa") as (rosa,):
        page = (await rosa.browser.get(f"/contact/{rosa.slug}")).text
        assert f"/contact/{rosa.slug}/ds1" in page
        assert f"/contact/{rosa.slug}/ds2" in page
        # The small node has no Beacon to answer: its row is there, and offers contact all the same.
        asked = await rosa.post("/search", q="1-100-A-T")
        assert f'href="/contact/{rosa.slug}"' in asked.text
