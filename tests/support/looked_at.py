"""Pages of an application looked at in Chromium with no socket: what the browser asks for, a client
of the application answers. A page is loaded once and seen wide and narrow, light and dark.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from playwright.async_api import Browser, Page, Route, async_playwright

from tests.support.in_chromium import PATIENCE_MS, complaints

SEEN_AS = tuple((scheme, width) for scheme in ("light", "dark") for width in (1280, 320))
# What a smaller window or other colours can change; everything is looked at once.
_AGAIN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]
_VARIABLE = re.compile(r"\{(\w+)(?::\w+)?\}")
_HOP = {"content-encoding", "content-length", "transfer-encoding", "connection"}

# Every element the keyboard reaches and at which nothing shows that it is there.
_UNSEEN = """() => {
  const found = [];
  for (const one of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')) {
    if (!one.checkVisibility({visibilityProperty: true}) || one.type === 'hidden' || one.disabled) continue;
    one.focus();
    const style = getComputedStyle(one);
    const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    if (document.activeElement !== one || !shown) found.push(one.outerHTML.slice(0, 120));
  }
  return found;
}"""  # noqa: E501 - a program of another language


def pages_of(app: FastAPI) -> Iterator[str]:
    """The paths of everything that a GET reaches."""
    for one in iter_route_contexts(app.routes):
        if "GET" in (one.methods or ()) and one.path is not None:
            yield one.path


def filled(path: str, values: Mapping[str, str]) -> str:
    """Raises `KeyError` for a variable of which the world has no value."""
    return _VARIABLE.sub(lambda found: values[found[1]], path)


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def window(browser: Browser, client: httpx.AsyncClient) -> AsyncGenerator[Page]:
    """A page whose every request `client` answers; to anywhere else none is let out."""

    async def answer(route: Route) -> None:
        asked = route.request
        if not asked.url.startswith(f"{str(client.base_url).rstrip('/')}/"):
            await route.abort()
            return
        if "text/event-stream" in asked.headers.get("accept", ""):
            # Of a stream only its end: it might never come to one.
            await route.fulfill(content_type="text/event-stream", body="event: done\ndata: .\n\n")
            return
        headers = {k: v for k, v in asked.headers.items() if k.startswith(("hx-", "content-type"))}
        told = await client.request(
            asked.method, asked.url, content=asked.post_data_buffer, headers=headers
        )
        kept = {name: value for name, value in told.headers.items() if name not in _HOP}
        await route.fulfill(status=told.status_code, headers=kept, body=told.content)

    context = await browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.route("**/*", answer)
    try:
        yield page
        # A page that is left asks for nothing more; what is on its way comes to its end.
        await page.goto("about:blank")
        await page.unroute_all(behavior="wait")
    finally:
        await context.close()


async def opened(page: Page, client: httpx.AsyncClient, path: str) -> list[str]:
    """Loads a page; what is wrong with it is said, and what its scripts complained of."""
    await page.goto("about:blank")  # what the page before still does is no fault of this one
    with complaints(page) as said:
        answer = await page.goto(str(client.base_url).rstrip("/") + path)
        # By a selector: a function that is asked again is evaluated, which the policy forbids.
        await page.locator(".htmx-request").first.wait_for(state="detached")
    if answer is None or answer.status != 200:
        return [f"HTTP {answer and answer.status}"]
    led = [] if urlsplit(page.url).path == path.partition("?")[0] else [f"leads to {page.url}"]
    return said + led


async def wrong_with(page: Page) -> list[str]:
    """What is wrong with the page that is open, however it is looked at."""
    wrong = [*await _structure(page)]
    for turn, (scheme, width) in enumerate(SEEN_AS):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.set_viewport_size({"width": width, "height": 800})
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if turn:
            options["runOnly"] = _AGAIN
        found = (await Axe().run(page, options=options)).response["violations"]
        wrong += [
            f"{scheme} {width}: {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found
        ]
        if await page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
            wrong.append(f"{scheme} {width}: wider than the window")
    return wrong + [f"no focus to be seen: {one}" for one in await _unseen(page)]


async def _structure(page: Page) -> list[str]:
    headings = await page.locator("h1:visible").count()
    title, language = await page.title(), await page.get_attribute("html", "lang")
    said = [f"{headings} h1"] if headings != 1 else []
    if not title.partition(" · ")[0].strip():
        said.append("no title")
    return said if language in ("en", "de") else [*said, f"lang={language}"]


async def _unseen(page: Page) -> list[str]:
    """Tab first: what is focused by hand shows it only to who uses the keyboard."""
    await page.evaluate("document.activeElement && document.activeElement.blur()")
    await page.locator("body").press("Tab")
    first = await page.evaluate("document.activeElement.textContent")
    unseen: list[str] = await page.evaluate(_UNSEEN)
    return unseen if first.strip() == "Skip to the content" else [f"first: {first}", *unseen]
