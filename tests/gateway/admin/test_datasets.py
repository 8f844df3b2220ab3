"""Datasets on the admin's pages: versions served and removed, people taken out, four eyes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from anyio.to_thread import run_sync

from beacon import manifest, withdrawals
from gateway.holding import reseal_job, resealing, withdrawing
from gateway.holding.processes import JobState, Progress
from tests.support.admin_node import POLICY, AdminNode, at
from tests.support.command import skerry

pytestmark = pytest.mark.anyio

FEMALE = {"id": "NCIT:C16576", "label": "female"}
PAGE, OUT = "/admin/datasets/isle", "/admin/withdrawals/isle"


def load(node: AdminNode, *people: str) -> str:
    """Loads a version with these people; its name."""
    path = node.folder / "people.json"
    path.write_text(json.dumps([{"id": person} for person in people]), encoding="utf-8")
    ran = skerry("load", node.home.root, "--dataset", "isle", "--individuals", path)
    assert ran.code == 0, ran.err
    return manifest.read(node.home.catalog)["isle"].version


def served(node: AdminNode) -> str:
    return manifest.read(node.home.catalog)["isle"].version


async def test_an_empty_node_says_so(node: AdminNode) -> None:
    said = await node.browser().text("/admin/datasets")
    assert "No dataset is loaded yet." in said
    assert "A policy names isle, and nothing is loaded" in said
    assert (await node.browser().get(PAGE)).status_code == 404


async def test_versions_stand_with_their_people(node: AdminNode) -> None:
    load(node, "P1")
    load(node, "P1", "P2")
    said = await node.browser().text("/admin/datasets")
    assert "no policy" not in said
    one = await node.browser().text(PAGE)
    assert one.count("served before") == 1
    assert "Go back to it" in one


async def test_an_admin_goes_back_to_a_version_and_it_is_recorded(node: AdminNode) -> None:
    first = load(node, "P1")
    second = load(node, "P1", "P2")
    browser = node.browser()
    answer = await browser.send(PAGE, step="serve", version=first, reason="Wrong file.")
    assert answer.status_code == 303
    assert served(node) == first
    made = node.recorded("admin.made")
    assert [(one["what"], one["dataset"], one["version"]) for one in made] == [
        ("dataset.activate", "isle", first)
    ]
    gone = await browser.send(PAGE, step="remove", version=second, reason="Wrong file.")
    assert gone.status_code == 303
    assert second not in await browser.text(PAGE)


async def test_the_version_that_is_served_stays(node: AdminNode) -> None:
    version = load(node, "P1")
    answer = await node.browser().send(PAGE, step="remove", version=version, reason="Why.")
    assert answer.status_code == 400
    assert "is being served" in answer.text
    assert served(node) == version


@pytest.mark.parametrize(
    "fields",
    [
        {"step": "serve", "version": "nope", "reason": "Why."},
        {"step": "serve", "version": "../../etc", "reason": "Why."},
        {"step": "dance", "reason": "Why."},
        {"step": "serve", "reason": ""},
    ],
)
async def test_what_makes_no_sense_changes_nothing(node: AdminNode, fields: dict[str, str]) -> None:
    first = load(node, "P1")
    second = load(node, "P1", "P2")
    sent = {"version": first, **fields}
    assert (await node.browser().send(PAGE, **sent)).status_code == 400
    assert served(node) == second
    assert node.recorded("admin.made") == []


async def test_with_four_eyes_a_version_waits(tmp_path: Path) -> None:
    node = AdminNode(tmp_path, policies={**POLICY, "second_person": ["datasets"]})
    first = load(node, "P1")
    second = load(node, "P1", "P2")
    adam, anna = node.browser("adam"), node.browser("anna")
    answer = await adam.send(PAGE, step="serve", version=first, reason="Wrong file.")
    page = answer.headers["location"]
    assert page.startswith("/admin/changes/")
    assert served(node) == second
    assert f"Serve version {first} of isle" in await anna.text(page)
    assert (await adam.send(page, step="confirm")).status_code == 403
    assert (await anna.send(page, step="confirm")).status_code == 303
    assert served(node) == first
    await node.close()


async def test_a_person_is_taken_out_at_once_even_with_four_eyes(tmp_path: Path) -> None:
    node = AdminNode(tmp_path, policies={**POLICY, "second_person": ["datasets"]})
    load(node, "P1", "P2")
    answer = await node.browser().send(OUT, person="P2", again="P2")
    assert answer.status_code == 303
    assert withdrawals.read(node.home.catalog)["isle"] == {"P2"}
    page = await node.browser().text(PAGE)
    assert "1 person has withdrawn" in page
    assert "none of this dataset is released to anyone, sealed or in the clear, until" in page
    assert b'"P2"' not in node.home.record.read_bytes()
    await node.close()


@pytest.mark.parametrize(
    "fields", [{"person": "P2", "again": "P1"}, {"person": "", "again": ""}, {"person": "P9"}]
)
async def test_nobody_is_taken_out_by_a_slip(node: AdminNode, fields: dict[str, str]) -> None:
    load(node, "P1", "P2")
    sent = {"again": fields["person"], **fields}
    assert (await node.browser().send(OUT, **sent)).status_code == 400
    assert withdrawals.read(node.home.catalog) == {}


async def test_datasets_are_the_admins_alone(node: AdminNode) -> None:
    load(node, "P1", "P2")
    for name, status in (("dora", 404), (None, 401)):
        browser = node.browser(name)
        sent = await browser.send(OUT, person="P2", again="P2")
        assert sent.status_code == status
    assert (await node.browser("dora").get(PAGE)).status_code == 404
    assert withdrawals.read(node.home.catalog) == {}


@pytest.fixture
def withdrawn(node: AdminNode) -> AdminNode:
    return with_one_withdrawn(node)


def with_one_withdrawn(node: AdminNode) -> AdminNode:
    """P1 to P3 with notes sealed and a table made of them; P2 has withdrawn."""
    path = node.folder / "people.json"
    path.write_text(json.dumps([{"id": f"P{number}", "sex": FEMALE} for number in (1, 2, 3)]))
    (node.folder / "notes.txt").write_text("of whom?")
    root = node.home.root
    for words in (
        ("load", root, "--dataset", "isle", "--individuals", path,
         "--seal", node.folder / "notes.txt"),
        ("datasets", "seal-table", root, "isle", "--column", "female=female"),
    ):  # fmt: skip
        ran = skerry(*words)
        assert ran.code == 0, ran.err
    withdrawing.withdraw(node.home, "isle", "P2")
    return node


async def test_a_withdrawal_on_the_page_looks_through_the_objects_by_itself(
    withdrawn: AdminNode,
) -> None:
    answer = await withdrawn.browser().send(OUT, person="P1", again="P1")
    assert answer.status_code == 303
    assert "1 sealed anew, 0 released as before" in await looked_through(withdrawn)
    assert waiting(withdrawn) == {"isle/notes.txt"}
    made = withdrawn.recorded("admin.made")
    assert [one["what"] for one in made] == ["people.withdraw", "dataset.reseal"]


async def test_with_four_eyes_a_withdrawal_proposes_to_look_through(tmp_path: Path) -> None:
    node = with_one_withdrawn(
        AdminNode(tmp_path, policies={**POLICY, "second_person": ["datasets"]})
    )
    change = (await node.browser().send(OUT, person="P1", again="P1")).headers["location"]
    assert "Look through the objects of isle" in await node.browser("anna").text(change)
    assert withdrawals.read(node.home.catalog)["isle"] == {"P1", "P2"}
    assert reseal_job.progress(node.home, "isle").state is JobState.NONE
    await node.close()


async def test_who_withdraws_while_objects_are_looked_through_is_out_and_the_page_says_why(
    withdrawn: AdminNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Progress(JobState.RUNNING, stage="objects", done=3)
    monkeypatch.setattr(reseal_job, "progress", lambda _home, _dataset: running)
    answer = await withdrawn.browser().send(OUT, person="P1", again="P1")
    assert answer.status_code == 409
    assert "being looked through just now" in answer.text
    assert withdrawals.read(withdrawn.home.catalog)["isle"] == {"P1", "P2"}


def waiting(node: AdminNode) -> set[str]:
    return {one.object_id for one in resealing.waiting(node.home, "isle")}


async def looked_through(node: AdminNode) -> str:
    """The page once the process that it began has ended."""
    await run_sync(ended, node)
    return await node.browser().text(PAGE)


def ended(node: AdminNode) -> None:
    late = time.monotonic() + 600
    while reseal_job.progress(node.home, "isle").state is JobState.RUNNING:
        assert time.monotonic() < late
        time.sleep(0.05)


async def test_objects_are_looked_through_from_the_page(withdrawn: AdminNode) -> None:
    said = await withdrawn.browser().text(PAGE)
    assert "isle/notes.txt FILE, sealed" in said
    assert "made of the records: it is sealed anew" in said
    answer = await withdrawn.browser().send(PAGE, step="reseal", reason="A person withdrew.")
    assert answer.status_code == 303
    said = await looked_through(withdrawn)
    assert "1 sealed anew, 0 released as before" in said
    assert waiting(withdrawn) == {"isle/notes.txt"}
    made = withdrawn.recorded("admin.made")
    assert [(one["what"], one["dataset"]) for one in made] == [("dataset.reseal", "isle")]


async def test_an_admins_word_frees_an_object_and_is_on_record(withdrawn: AdminNode) -> None:
    answer = await withdrawn.browser().send(
        PAGE, step="free", object="isle/notes.txt", reason="Read it: it names nobody."
    )
    assert answer.status_code == 303
    assert waiting(withdrawn) == {"isle/clinical.tsv"}
    (freed,) = withdrawn.recorded("release.freed")
    assert freed["by"] == withdrawn.node.record.pseudonym(at("adam"))
    assert (freed["dataset"], freed["objects"], freed["withdrawals"]) == (
        "isle", ["isle/notes.txt"], 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"step": "free", "object": "isle/notes.txt", "reason": ""},
        {"step": "free", "object": "isle/clinical.tsv", "reason": "Why."},
        {"step": "free", "object": "isle/nothing", "reason": "Why."},
        {"step": "free", "reason": "Why."},
        {"step": "reseal", "reason": ""},
    ],
)
async def test_a_word_that_makes_no_sense_frees_nothing(
    withdrawn: AdminNode, fields: dict[str, str]
) -> None:
    assert (await withdrawn.browser().send(PAGE, **fields)).status_code == 400
    assert waiting(withdrawn) == {"isle/notes.txt", "isle/clinical.tsv"}
    assert withdrawn.recorded("release.freed") == []


async def test_one_look_at_a_time(withdrawn: AdminNode, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Progress(JobState.RUNNING, stage="objects", done=3)
    monkeypatch.setattr(reseal_job, "progress", lambda _home, _dataset: running)
    said = await withdrawn.browser().text(PAGE)
    assert "The objects are being looked through: 3 are done." in said
    assert "Look them through" not in said
    answer = await withdrawn.browser().send(PAGE, step="reseal", reason="Why.")
    assert answer.status_code == 409
    assert withdrawn.recorded("admin.made") == []


async def test_a_look_that_fails_says_so_and_releases_nothing(withdrawn: AdminNode) -> None:
    withdrawn.home.storage_public.write_bytes(b"not a key")
    await withdrawn.browser().send(PAGE, step="reseal", reason="A person withdrew.")
    assert "Looking through them failed." in await looked_through(withdrawn)
    assert waiting(withdrawn) == {"isle/notes.txt", "isle/clinical.tsv"}


async def test_with_four_eyes_another_admin_looks_and_frees(tmp_path: Path) -> None:
    withdrawn = with_one_withdrawn(
        AdminNode(tmp_path, policies={**POLICY, "second_person": ["datasets"]})
    )
    adam, anna = withdrawn.browser("adam"), withdrawn.browser("anna")
    for fields, what in (
        ({"step": "free", "object": "isle/notes.txt"}, "Release isle/notes.txt: nobody"),
        ({"step": "reseal"}, "Look through the objects of isle after a withdrawal"),
    ):
        answer = await adam.send(PAGE, reason="Read it.", **fields)
        change = answer.headers["location"]
        assert what in await anna.text(change)
        assert waiting(withdrawn)
        assert (await adam.send(change, step="confirm")).status_code == 403
        assert (await anna.send(change, step="confirm")).status_code == 303
    await looked_through(withdrawn)
    assert waiting(withdrawn) == set()
    await withdrawn.close()


async def test_nobody_but_an_admin_looks_or_frees(withdrawn: AdminNode) -> None:
    for name, status in (("dora", 404), (None, 401)):
        for step in ("reseal", "free"):
            sent = {"step": step, "object": "isle/notes.txt", "reason": "Why."}
            assert (await withdrawn.browser(name).send(PAGE, **sent)).status_code == status
    assert waiting(withdrawn) == {"isle/notes.txt", "isle/clinical.tsv"}
