"""A node's pages in German: nothing of their templates and modules is left in English.

Policies, the trust list and the names of HealthDCAT-AP too.
"""

from __future__ import annotations

import pytest

from tests.gateway.admin.test_home import PAGES
from tests.support.admin_node import AdminNode
from tests.support.catalogue import left_in_english

pytestmark = pytest.mark.anyio

OTHERS = ("/", "/requests", "/airlock", "/requests/req-unknown")


async def test_pages_are_german_where_that_is_asked_for(node: AdminNode) -> None:
    adam = node.browser("adam")
    adam.http.headers["accept-language"] = "de-AT, en;q=0.5"
    left = {}
    for path in (*PAGES, *OTHERS):
        page = await adam.get(path)
        assert page.status_code in (200, 404), path
        assert 'lang="de"' in page.text, path
        found = left_in_english(page.text, "de")
        if found:
            left[path] = found
    assert left == {}


async def test_what_is_refused_is_said_in_german(node: AdminNode) -> None:
    adam = node.browser("adam")
    adam.http.headers["accept-language"] = "de"
    for path, fields, said in (
        ("/admin/usage?days=5", None, "Wählen Sie einen der Zeiträume."),
        ("/admin/record?first=heute", None, "Ein Tag wird geschrieben wie 2026-11-21."),
        ("/admin/onboarding/new", {"id": "a b"}, "Die Kennung des Datensatzes"),
    ):
        answer = await (adam.get(path) if fields is None else adam.send(path, **fields))
        assert answer.status_code == 400, path
        assert said in answer.text


async def test_who_asks_for_english_gets_english(node: AdminNode) -> None:
    page = await node.browser("adam").get("/admin")
    assert 'lang="en"' in page.text
    assert "Needs attention" in page.text
