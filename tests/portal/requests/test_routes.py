"""A request followed in the portal from its form to the lines that fetch, at a real access room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from access.policies.policy import PolicyBook
from access.requests.desk import RequestDesk
from access.requests.lifecycle import Step
from schemas.grants import Extent, GrantedRegion, StepBody
from tests.support.access_node import AccessNode, at, policy
from tests.support.loopback import unused_address
from tests.support.signed_in_portal import Signed, SmallNode, signed_in

pytestmark = [pytest.mark.live, pytest.mark.anyio]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SmallNode]:
    room = AccessNode(tmp_path)
    room.book = PolicyBook(
        (policy("ds1", "dora"), replace(policy("ds2", "dora"), terms="Be kind to <people>.")),
        version="1",
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


async def _ask(grace: Signed, node: SmallNode, dataset: str = "ds1", **more: str) -> str:
    """The page of a request that was just made."""
    fields = {
        "node": grace.slug, "dataset": dataset, "project": "Hearts", "purpose": "To learn.",
        "workspace": node.room.workspace(), "months": "6", "do": "send", **more,
    }  # fmt: skip
    sent = await grace.post("/requests", **fields)
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"])


def _id(path: str) -> str:
    return path.rpartition("/")[2]


async def test_it_is_followed_to_the_lines_that_fetch(node: SmallNode) -> None:
    node.files = ["reads/ds1/a b.bam", "files/ds1/notes.txt", "elsewhere/x", "reads/"]
    more: dict[str, object] = {"command_client_id": "skerry-login"}
    async with signed_in(node, "grace", more=more) as (grace,):
        path = await _ask(grace, node)
        waiting = (await grace.browser.get(path)).text
        node.room.take(_id(path), Step.APPROVE, by="dora")
        granted = (await grace.browser.get(path)).text
    assert "Wait for the committee." in waiting
    assert "skerry fetch" not in waiting
    assert "Fetch the data into the workspace before" in granted
    fetched = [line for line in granted.splitlines() if "skerry " in line]
    assert "skerry login --issuer http://127.0.0.1:" in fetched[0]
    assert f"--client-id skerry-login --node {node.url} --token-file passport.txt" in fetched[0]
    assert "skerry fetch &#39;ds1/a b.bam&#39; --kind reads --workspace workspace" in granted
    assert "skerry fetch ds1/notes.txt --kind file" in granted
    assert granted.count("skerry fetch") == 2


async def test_terms_are_read_and_accepted_before_it_is_sent(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        path = await _ask(grace, node, "ds2")
        draft = (await grace.browser.get(path)).text
        refused = await grace.post(path, step="submit")
        assert node.room.desk.for_committee(at("dora")) == ()
        terms = node.room.desk.asking("ds2").terms
        assert terms is not None
        sent = await grace.post(path, step="submit", terms=terms.digest)
    assert "Read the terms below, accept them and send it." in draft
    assert "Be kind to &lt;people&gt;." in draft
    assert refused.status_code == 400
    assert "Not done." in refused.text
    assert sent.status_code == 303
    assert len(node.room.desk.for_committee(at("dora"))) == 1


async def test_what_comes_back_is_changed_and_sent_again(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        path = await _ask(grace, node, codes="disease")
        node.room.take(_id(path), Step.RETURN, by="dora", body=StepBody(note="Say more."))
        page = (await grace.browser.get(path)).text
        form = (await grace.browser.get(f"{path}/edit")).text
        workspace = node.room.desk.see(_id(path), viewer=at("grace")).request.workspace
        fields = {"project": "Hearts", "purpose": "To learn why.", "workspace": workspace}
        unread = await grace.post(f"{path}/edit", **fields, months="x", codes="disease")
        kept = await grace.post(f"{path}/edit", **fields, months="3", codes="disease")
        again = await grace.post(path, step="submit")
    assert "The committee asks for changes." in page
    assert "Say more." in page
    assert "by the committee" in page
    assert 'value="disease" checked' in form
    assert (unread.status_code, kept.status_code) == (400, 303)
    assert "Not changed." in unread.text
    assert again.status_code == 303
    assert node.room.desk.see(_id(path), viewer=at("dora")).request.purpose == "To learn why."


async def test_a_file_goes_to_the_node_and_comes_back_as_a_download(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        path = await _ask(grace, node, "ds2")

        async def attach(name: str, body: bytes, csrf: str = grace.csrf) -> int:
            answer = await grace.browser.post(
                f"{path}/attachments", data={"csrf": csrf}, files={"file": (name, body)}
            )
            return answer.status_code

        assert await attach("ethics.txt", b"approved") == 303
        page = (await grace.browser.get(path)).text
        (kept,) = node.room.desk.see(_id(path), viewer=at("grace")).request.attachments
        got = await grace.browser.get(f"{path}/attachments/{kept.id}")
        refused = [
            await attach("ethics.exe", b"MZ"),
            await attach("ethics.pdf", b"no pdf"),
            await attach("ethics.txt", b"approved", csrf="forged"),
            await attach("big.txt", b"x" * (4 * 1024 * 1024 + 8192)),
            (await grace.post(f"{path}/attachments")).status_code,
            (await grace.browser.get(f"{path}/attachments/att-0")).status_code,
        ]
        gone = await grace.post(f"{path}/attachments/{kept.id}/remove")
    assert "ethics.txt" in page
    assert got.content == b"approved"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''ethics.txt"
    assert refused == [400, 400, 403, 413, 400, 404]
    assert gone.status_code == 303
    assert node.room.desk.see(_id(path), viewer=at("grace")).request.attachments == ()


async def test_one_project_shows_every_committees_part(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        await _ask(grace, node, "ds1")
        await _ask(grace, node, "ds2")
        page = (await grace.browser.get("/requests")).text
    assert page.count("<section") == 1
    assert "2 committees: " in page
    assert "1 draft" in page
    assert "1 submitted" in page
    assert "Read and send" in page


async def test_a_basket_leads_to_the_requests_it_made(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        fields = {
            "project": "Hearts", "purpose": "To learn.", "months": "6",
            f"workspace-{grace.slug}": node.room.workspace(),
        }  # fmt: skip
        named = [f"{grace.slug}/ds1", f"{grace.slug}/ds2"]
        sent = await grace.browser.post(
            "/basket", data={"csrf": grace.csrf, "dataset": named, **fields}
        )
    assert sent.text.count(f'href="/requests/{grace.slug}/req-') == 2
    assert "Follow it" in sent.text
    assert "Read the terms and send" in sent.text


async def test_a_part_of_a_dataset_is_asked_for_changed_and_read_in_words(
    node: SmallNode,
) -> None:
    async with signed_in(node, "grace") as (grace,):
        path = await _ask(grace, node, units="ds1/a.bam", regions="chr1:6-9")
        page = (await grace.browser.get(path)).text
        node.room.take(_id(path), Step.RETURN, by="dora", body=StepBody(note="Ask for less."))
        form = (await grace.browser.get(f"{path}/edit")).text
        fields = {
            "project": "Hearts", "purpose": "To learn.", "months": "6",
            "workspace": node.room.workspace(), "units": "",
        }  # fmt: skip
        unread = await grace.post(f"{path}/edit", **fields, regions="chr1:9-6")
        kept = await grace.post(f"{path}/edit", **fields, regions="chr1:6-7")
    assert "the whole of ds1/a.bam" in page
    assert "from 6 to 9 of chr1 (both included)" in page
    assert "chr1:6-9</textarea>" in form
    assert (unread.status_code, kept.status_code) == (400, 303)
    asked = node.room.desk.see(_id(path), viewer=at("dora")).request.extent
    region = GrantedRegion(reference="chr1", start0=5, end0=7)
    assert asked == Extent(regions=(region,))


async def test_a_basket_asks_each_dataset_for_its_own_files_and_all_for_the_regions(
    node: SmallNode,
) -> None:
    async with signed_in(node, "grace") as (grace,):
        named = [f"{grace.slug}/ds1", f"{grace.slug}/ds2"]
        form = (await grace.browser.get("/basket", params={"dataset": named})).text
        fields = {
            "project": "Hearts", "purpose": "To learn.", "months": "6", "dataset": named,
            f"workspace-{grace.slug}": node.room.workspace(), "csrf": grace.csrf,
            f"units-{named[0]}": "ds1/a.bam",
        }  # fmt: skip
        refused = await grace.browser.post("/basket", data=fields | {"regions": "chr1"})
        nothing = node.room.store.requests_of(at("grace"))
        await grace.browser.post("/basket", data=fields | {"regions": "chr1:6-9"})
    assert f'name="units-{named[1]}"' in form
    assert refused.text.count("NAME:FIRST-LAST") >= 2
    assert "ds1/a.bam</textarea>" in refused.text
    assert nothing == ()
    region = GrantedRegion(reference="chr1", start0=5, end0=9)
    asked = {one.dataset: one.extent for one in node.room.store.requests_of(at("grace"))}
    assert asked == {
        "ds1": Extent(units=("ds1/a.bam",), regions=(region,)),
        "ds2": Extent(regions=(region,)),
    }


async def test_it_is_withdrawn_by_who_asked(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        path = await _ask(grace, node)
        closed = await grace.post(path, step="close")
        page = (await grace.browser.get(path)).text
    assert closed.status_code == 303
    assert "It was withdrawn or ended by its requester." in page
    assert "Send it" not in page


async def test_others_see_nothing_and_a_committee_decides_at_its_node(node: SmallNode) -> None:
    async with signed_in(node, "grace", "mallory", "dora") as (grace, mallory, dora):
        path = await _ask(grace, node)
        stranger = await mallory.browser.get(path)
        unknown = await mallory.browser.get(f"/requests/{grace.slug}/req-0")
        committee = await dora.browser.get(path)
        listed = (await dora.browser.get("/requests")).text
        theirs = await mallory.post(path, step="close")
        grace.browser.cookies.clear()
        nobody = [
            (await grace.browser.get(path)).status_code,
            (await grace.browser.get(f"{path}/edit")).status_code,
            (await grace.post(path, step="close")).status_code,
        ]
    assert (stranger.status_code, unknown.status_code) == (404, 404)
    assert stranger.text.replace(_id(path), "req-0") == unknown.text
    assert committee.status_code == 403
    assert "decide on it there" in committee.text
    assert "Hearts" not in listed
    assert theirs.status_code == 404
    assert nobody == [401, 401, 401]


@pytest.mark.parametrize("step", ["approve", "reject", "", "../submit", "remind"])
async def test_only_steps_of_ones_own_are_passed_on(node: SmallNode, step: str) -> None:
    async with signed_in(node, "dora", "grace") as (dora, grace):
        path = await _ask(grace, node)
        refused = [await one.post(path, step=step) for one in (dora, grace)]
    assert [one.status_code for one in refused] == [400, 400]
    seen = node.room.desk.see(_id(path), viewer=at("grace"))
    assert seen.request.state == "submitted"


async def test_a_form_without_its_token_changes_nothing(node: SmallNode) -> None:
    async with signed_in(node, "grace") as (grace,):
        path = await _ask(grace, node)
        refused = await grace.browser.post(path, data={"step": "close", "csrf": "forged"})
    assert refused.status_code == 403
    seen = node.room.desk.see(_id(path), viewer=at("grace"))
    assert seen.request.state == "submitted"


async def test_of_a_node_that_is_down_nothing_is_claimed(node: SmallNode) -> None:
    more = {"nodes": (unused_address(),)}
    async with signed_in(node, "grace", more=more) as (grace,):
        pages = [(await grace.browser.get(path)).text for path in ("/requests", "/workspaces")]
    for page in pages:
        assert page.count("The node does not accept connections.") == 1
        assert "No node holds a request" not in page
        assert "You have registered none" not in page
    assert "No node that answered holds a request of yours." in pages[0]
