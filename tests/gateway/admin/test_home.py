"""The admin's first page: for admins alone, and it says what needs attention."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from access.errors import StoreUnavailable
from gateway.pages.admin import attention
from gateway.pages.admin.attention import Point
from gateway.pages.admin.rooms import Rooms
from tests.support.admin_node import POLICY, AdminNode

pytestmark = pytest.mark.anyio

PAGES = [
    "/admin", "/admin/record", "/admin/record/1", "/admin/workspaces",
    "/admin/policies", "/admin/policies/draft", "/admin/changes", "/admin/issuers",
    "/admin/datasets", "/admin/onboarding", "/admin/onboarding/new", "/admin/usage", "/admin/risk",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_is_sent_to_sign_in(node: AdminNode, path: str) -> None:
    answer = await node.browser(None).get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={path}")


@pytest.mark.parametrize("path", PAGES)
async def test_for_others_an_admin_page_looks_like_none(node: AdminNode, path: str) -> None:
    for name in ("dora", "mallory"):
        theirs = await node.browser(name).get(path)
        unknown = await node.browser(name).get("/requests/req-unknown")
        assert theirs.status_code == unknown.status_code == 404
        # The token of each session, and the mark of the room that the address names.
        mask = r'value="[^"]+"| aria-current="true"'
        assert re.sub(mask, "", theirs.text) == re.sub(mask, "", unknown.text)


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_locked_down(node: AdminNode, path: str) -> None:
    page = await node.browser().get(path)
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|\sstyle=|\son[a-z]+=", page.text)


async def test_only_an_admin_is_shown_the_way_there(node: AdminNode) -> None:
    assert 'href="/admin"' in (await node.browser("adam").get("/")).text
    assert 'href="/admin"' not in (await node.browser("dora").get("/")).text
    assert 'href="/admin"' not in (await node.browser(None).get("/")).text


async def test_a_new_node_says_what_is_missing(node: AdminNode) -> None:
    said = await node.browser().text("/admin")
    assert "The trust file names no issuer" in said
    assert "No dataset is loaded yet" in said
    assert "The key agent is down" in said
    assert "The draft" not in said


async def test_a_draft_whose_test_fails_needs_attention(node: AdminNode) -> None:
    test = {"given": {"persona": "anonymous", "dataset": "isle"}, "expect": {"outcome": "permit"}}
    node.write_policies({**POLICY, "tests": [test]})
    said = await node.browser().text("/admin")
    assert "1 test of the draft fails." in said
    assert "The draft differs from the policy in force." in said


async def test_a_draft_that_cannot_be_read_says_its_line(node: AdminNode) -> None:
    node.home.policies.write_text("version: '1'\ndatasets: {}\n", encoding="utf-8")
    assert "The draft cannot be used: policies.yaml: line 2" in await node.browser().text("/admin")


async def test_what_cannot_be_looked_at_is_said(node: AdminNode) -> None:
    (node.home.catalog / "manifest.json").write_text("{", encoding="utf-8")
    said = await node.browser().text("/admin")
    assert "Datasets: cannot be looked at now (the catalog cannot be read)." in said

    def broken(_rooms: Rooms) -> Iterator[Point]:
        raise StoreUnavailable("It went away.")

    found = attention.points(None, looks=(("The store", broken),))  # type: ignore[arg-type]
    assert [point.text for point in found] == [
        "The store: cannot be looked at now (It went away.)."
    ]
