"""The record viewer finds entries, verifies, exports and proves; a look at a person is recorded."""

from __future__ import annotations

import base64
import json
import re
from datetime import date

import pytest

from access.record import merkle
from access.record.search import MAX_FOUND, Wanted, search
from access.record.tree import RecordTree
from tests.support.admin_node import AdminNode, at

pytestmark = pytest.mark.anyio


def answers(node: AdminNode, number: int, *, caller: str = "rosa", dataset: str = "isle") -> None:
    for _ in range(number):
        facts = {"caller": node.node.record.pseudonym(at(caller)), "datasets": [dataset]}
        node.node.record.append("beacon.answer", facts)


async def rows(node: AdminNode, **query: str) -> list[str]:
    """The kinds shown."""
    page = (await node.browser().get("/admin/record", **query)).text
    return re.findall(r'data-label="Action" class="time"><code>([^<]+)<', page)


async def test_the_newest_entries_come_first(node: AdminNode) -> None:
    answers(node, 2)
    node.node.record.append("access.check", {"dataset": "isle"})
    assert await rows(node) == [
        "access.check", "beacon.answer", "beacon.answer", "policy.activated",
    ]  # fmt: skip


async def test_a_search_finds_by_action_dataset_and_person_together(node: AdminNode) -> None:
    answers(node, 1)
    answers(node, 1, dataset="rock")
    answers(node, 1, caller="grace")
    node.node.record.append("access.check", {"dataset": "isle"})
    rosa = node.node.record.pseudonym(at("rosa"))
    assert len(await rows(node, kind="beacon")) == 3
    assert await rows(node, kind="bea") == []
    assert len(await rows(node, dataset="isle")) == 3
    assert len(await rows(node, person=rosa)) == 2
    assert len(await rows(node, person=rosa, dataset="rock", kind="beacon.answer")) == 1
    assert await rows(node, dataset="rocky") == []


async def test_days_are_utc_and_included(node: AdminNode) -> None:
    answers(node, 1)
    days = re.findall(
        r'data-label="When" class="time">(\d{4}-\d\d-\d\d)',
        (await node.browser().get("/admin/record")).text,
    )
    assert len(days) == 2  # of one day, or of two where midnight lies between
    assert len(await rows(node, first=min(days), last=max(days))) == 2
    assert await rows(node, first="2000-01-01", last="2000-01-02") == []
    assert await rows(node, first="9999-12-31") == []
    assert len(await rows(node, last="9999-12-31")) == 2


async def test_more_than_a_page_is_gone_through_without_a_gap(node: AdminNode) -> None:
    answers(node, 2 * MAX_FOUND + 5)
    tree = RecordTree(node.home.record, node.home.record_tree)
    seen: list[object] = []
    before: int | None = None
    while True:
        found = search(tree, Wanted(kind="beacon.answer"), before=before)
        seen += [entry["seq"] for entry in found.entries]
        before = found.before
        if before is None:
            break
    assert seen == list(range(2 * MAX_FOUND + 6, 1, -1))
    assert "Older entries" in (await node.browser().get("/admin/record")).text


async def test_an_export_is_the_lines_themselves_and_is_recorded(node: AdminNode) -> None:
    answers(node, 3)
    node.node.record.append("access.check", {"dataset": "isle"})
    answer = await node.browser().send("/admin/record/export", kind="beacon.answer")
    written = node.home.record.read_bytes().splitlines()
    assert answer.content.splitlines() == written[1:4]
    assert answer.headers["content-disposition"].startswith("attachment")
    exported = node.recorded("record.exported")
    assert exported == [{"by": node.node.record.pseudonym(at("adam")), "kind": "beacon.answer"}]


async def test_an_export_needs_the_form(node: AdminNode) -> None:
    assert (await node.browser().send("/admin/record/export", csrf="x")).status_code == 403
    assert (await node.browser("dora").send("/admin/record/export")).status_code == 404
    assert (await node.browser().get("/admin/record/export")).status_code == 404
    assert node.recorded("record.exported") == []


async def test_a_person_is_found_by_pseudonym_and_the_look_is_recorded(node: AdminNode) -> None:
    answers(node, 1)
    browser = node.browser()
    answer = await browser.send("/admin/record/person", identity=at("rosa"))
    assert answer.status_code == 303
    assert "rosa" not in answer.headers["location"]
    assert "beacon.answer" in (await browser.get(answer.headers["location"])).text
    sought = node.recorded("record.person_sought")
    assert sought == [
        {
            "by": node.node.record.pseudonym(at("adam")),
            "person": node.node.record.pseudonym(at("rosa")),
        }
    ]


@pytest.mark.parametrize("identity", ["", "rosa", "x" * 600 + "@y"])
async def test_a_person_is_asked_for_by_a_whole_identity(node: AdminNode, identity: str) -> None:
    answer = await node.browser().send("/admin/record/person", identity=identity)
    assert answer.status_code == 400
    assert "Expected a person" in answer.text
    assert node.recorded("record.person_sought") == []


@pytest.mark.parametrize(
    "query",
    [
        {"first": "yesterday"},
        {"first": "2026-02-30"},
        {"first": "2026-02-02", "last": "2026-02-01"},
        {"kind": "Beacon answer"},
        {"kind": "a" * 200},
        {"person": "rosa"},
        {"person": "p-12"},
        {"dataset": "x" * 300},
        {"dataset": "x\ny"},
        {"before": "0"},
        {"before": "1e9"},
        {"before": "9" * 40},
    ],
)
async def test_a_search_that_cannot_be_read_says_so(node: AdminNode, query: dict[str, str]) -> None:
    answer = await node.browser().get("/admin/record", **query)
    assert answer.status_code == 400
    assert "Not done" in answer.text


@pytest.mark.parametrize("number", ["0", "-1", "2", "9" * 30, "x", "1.0", "%00"])
async def test_an_entry_that_is_not_there_is_not_found(node: AdminNode, number: str) -> None:
    assert (await node.browser().get(f"/admin/record/{number}")).status_code == 404
    assert (await node.browser().get(f"/admin/record/{number}/proof")).status_code == 404


async def test_the_proof_of_an_entry_holds_for_whoever_checks_it(node: AdminNode) -> None:
    answers(node, 6)
    content = json.loads((await node.browser().get("/admin/record/4/proof")).content)
    proof, line = content["proof"], content["line"].encode()
    leaf = merkle.leaf_hash(line)
    path = [bytes.fromhex(step) for step in proof["path"]]
    root = base64.b64decode(content["checkpoint"].splitlines()[2])
    assert merkle.includes(root, 7, index=3, leaf=leaf, path=path)
    assert not merkle.includes(root, 7, index=2, leaf=leaf, path=path)
    shown = await node.browser().text("/admin/record/4")
    assert proof["root"] in shown
    assert leaf.hex() in shown


async def test_the_whole_record_is_verified_with_a_checkpoint_kept_elsewhere(
    node: AdminNode,
) -> None:
    answers(node, 3)
    browser = node.browser()
    note = (await browser.get("/admin/record/checkpoint")).text
    answers(node, 2)
    answer = await browser.send("/admin/record/verify", checkpoint=note.replace("\n", "\r\n"))
    assert "The record holds." in answer.text
    assert "begins with the 4 entries of your checkpoint" in answer.text


async def test_a_record_that_was_altered_is_said_to_be(node: AdminNode) -> None:
    answers(node, 3)
    browser = node.browser()
    raw = node.home.record.read_bytes()
    node.home.record.write_bytes(raw.replace(b"isle", b"isla", 1))
    answer = await browser.send("/admin/record/verify")
    assert "The record does not hold." in answer.text
    assert "entry 2 was altered" in answer.text


@pytest.mark.parametrize("note", ["nonsense", "x" * 5000])
async def test_what_is_no_checkpoint_is_refused(node: AdminNode, note: str) -> None:
    answer = await node.browser().send("/admin/record/verify", checkpoint=note)
    assert answer.status_code == 400
    assert "not a checkpoint" in answer.text


async def test_facts_are_shown_as_text(node: AdminNode) -> None:
    node.node.record.append("access.check", {"dataset": "<b>isle</b>"})
    page = (await node.browser().get("/admin/record", dataset="<b>isle</b>")).text
    assert "&lt;b&gt;isle" in page
    assert "<b>isle" not in page


def test_the_last_day_there_is_has_no_end() -> None:
    assert Wanted(last=date.max).ends == float("inf")
