"""Who signs in on a page comes back to it: the button names the page, and nothing outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.access_node import AccessNode
from tests.support.signed_in_portal import SmallNode, signed_in

pytestmark = [pytest.mark.anyio, pytest.mark.live]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def _returns_to(page: str) -> set[str]:
    """What the page's links to the sign-in name."""
    found = [unescape(one) for one in re.findall(r'href="(/auth/login[^"]*)"', page)]
    assert found
    return {parse_qs(urlsplit(one).query)["next"][0] for one in found}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("/", "/"),
        ("/datasets", "/datasets"),
        ("/datasets?q=%22%26next%3D//elsewhere", "/datasets?q=%22%26next%3D//elsewhere"),
        ("/federations/countries", "/federations/countries"),
        ("/datasets?q=" + "x" * 2_000, "/"),
    ],
)
async def test_the_button_names_the_page_it_is_on(room: AccessNode, asked: str, named: str) -> None:
    async with signed_in(SmallNode(room), "rosa") as (rosa,):
        rosa.browser.cookies.clear()
        assert _returns_to((await rosa.browser.get(asked)).text) == {named}


async def test_after_a_form_that_needed_a_sign_in_one_is_not_sent_to_it(room: AccessNode) -> None:
    async with signed_in(SmallNode(room), "rosa") as (rosa,):
        rosa.browser.cookies.clear()
        refused = await rosa.browser.post(f"/contact/{rosa.slug}/ds1", data={"text": "Hello"})
        assert refused.status_code == 401
        assert _returns_to(refused.text) == {"/"}
