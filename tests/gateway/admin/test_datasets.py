"""Datasets on the admin's pages: versions served and removed, people taken out, four eyes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon import manifest, withdrawals
from tests.support.admin_node import POLICY, AdminNode
from tests.support.command import skerry

pytestmark = pytest.mark.anyio

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
    assert "none of this dataset is released to anyone until" in page
    assert "skerry datasets reseal NODE isle" in page
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
