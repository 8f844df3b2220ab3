"""What is printed: results, a dataset, a request and the record, as Chromium prints them on A4.

Nothing that can only be clicked is on the paper; numbers, states and their tables are, uncut.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.journeys.test_every_page import World, node_world, portal_world
from tests.portal.test_federations import Place
from tests.portal.test_federations import place as federation  # noqa: F401 - a fixture
from tests.support.admin_node import AdminNode
from tests.support.looked_at import chromium, filled, opened, window

pytestmark = [pytest.mark.live, pytest.mark.anyio, pytest.mark.program("chromium")]

PAPER = {"width": 672, "height": 986}  # A4 within its margins, at 96 dots to the inch

# Whatever is only for a screen, and is on the paper all the same.
_LEFT = """() => [...document.querySelectorAll(
    'nav, button, input, select, textarea, .skip, .foot, a.button, h2:has(+ form),'
    + 'details:not([open]) summary')]
  .filter((one) => one.getClientRects().length && one.type !== 'hidden')
  .map((one) => one.outerHTML.slice(0, 100))"""
# Cells of which a part lies beyond the paper's edge or their own.
_CUT = """() => [...document.querySelectorAll('th, td, dd, pre, .raw')]
  .filter((one) => one.getClientRects().length
    && one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 100))"""
# Links to elsewhere of which the paper says no address; a text may be one itself.
_UNNAMED = """() => [...document.querySelectorAll('main a[href^="http"]')]
  .filter((one) => one.getClientRects().length && !/^https?:/.test(one.textContent.trim()))
  .filter((one) => !(one.textContent + getComputedStyle(one, '::after').content)
    .includes(one.getAttribute('href')))
  .map((one) => one.outerHTML.slice(0, 100))"""
_ADDRESS = "https://rems.example/apply?resource=far"


async def _printed(world: World, path: str, *says: str, name: str, scheme: str) -> None:
    async with chromium() as browser, window(browser, world.client) as page:
        assert await opened(page, world.client, filled(path, world.values)) == []
        await page.set_viewport_size({"width": PAPER["width"], "height": PAPER["height"]})
        await page.emulate_media(
            media="print", color_scheme="dark" if scheme == "dark" else "light"
        )
        assert await page.evaluate(_LEFT) == []
        assert await page.evaluate(_CUT) == []
        assert await page.evaluate(_UNNAMED) == []
        text = await page.inner_text("main")
        assert [one for one in says if one not in text] == []
        assert await _background(page) == "rgb(255, 255, 255)"
        folder = os.environ.get("SKERRY_ARTIFACTS")
        if folder:
            await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        pdf = await page.pdf(format="A4", path=Path(folder) / f"{name}.pdf" if folder else None)
        assert pdf.startswith(b"%PDF-")


async def _background(page: Page) -> str:
    shown: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return shown


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/search/{search_id}/rows", ("Isle", "Answer", "Status")),
        ("/datasets/{slug}/{dataset_id}", ("Cohort ds1", "Identifier", "Held by")),
        ("/requests/{slug}/{request_id}", ("Sight", "returned", "Say more of the methods.")),
    ],
    ids=["results", "dataset", "request"],
)
async def test_a_page_of_the_portal_is_printed(
    path: str,
    says: tuple[str, ...],
    federation: Place,  # noqa: F811
    tmp_path: Path,
) -> None:
    async with portal_world(tmp_path, federation) as (world, _):
        await _printed(world, path, *says, name=path.split("/")[1], scheme="dark")


async def test_the_record_is_printed(tmp_path: Path) -> None:
    async with node_world(tmp_path) as (world, _):
        await _printed(world, "/admin/record", "Entry", "policy", name="record", scheme="light")


async def test_a_link_to_elsewhere_is_printed_with_its_address(tmp_path: Path) -> None:
    far = {"id": "far", "level": "controlled", "requests_at": _ADDRESS}
    node = AdminNode(tmp_path, policies={"version": "one", "datasets": [far]})
    client = node.browser("adam").http
    async with chromium() as browser, window(browser, client) as page:
        assert await opened(page, client, "/requests") == []
        link = page.locator(f'main a[href="{_ADDRESS}"]')
        assert _ADDRESS not in await link.inner_text()
        assert await page.evaluate(_UNNAMED) != []
        await page.emulate_media(media="print")
        assert await page.evaluate(_UNNAMED) == []
    await node.close()
