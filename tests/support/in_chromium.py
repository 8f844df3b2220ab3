"""Pages in a real Chromium, acted on step by step: a browser with patience, what a page complains
of, and what axe-core and the window's edge object to. Nothing here waits for a time: what a script
does is waited for by what it leaves on the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from axe_playwright_python.sync_playwright import Axe
from playwright.async_api import Page as AsyncPage
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

PATIENCE_MS = 120_000  # a busy machine takes its time
# A request that a page took back for a newer one is an error to htmx and to nobody else.
_TAKEN_BACK = ("htmx:afterRequest", "htmx:sendAbort")


@contextmanager
def chromium() -> Iterator[Browser]:
    """While it is open, what is expected of its pages may take long."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            expect.set_options(timeout=None)
            browser.close()


@contextmanager
def complaints(page: Page | AsyncPage) -> Iterator[list[str]]:
    """Errors of the page's scripts and of its console, as they come."""
    said: list[str] = []
    heard = cast(Page, page)  # both take listeners in the same way

    def failed(error: Error) -> None:
        said.append(str(error))

    def spoke(one: ConsoleMessage) -> None:
        if one.type == "error" and not one.text.startswith(_TAKEN_BACK):
            said.append(one.text)

    heard.on("pageerror", failed)
    heard.on("console", spoke)
    try:
        yield said
    finally:
        heard.remove_listener("pageerror", failed)
        heard.remove_listener("console", spoke)


def objections(page: Page) -> list[str]:
    """What axe-core finds once nothing is loading; whether the page is wider than the window."""
    settled(page)
    found = [f"{one['id']}: {one['help']}" for one in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
        found.append("wider than the window")
    return found


def settled(page: Page) -> None:
    """Waits for all of the page, its style too, and for the parts that it asks for itself."""
    page.wait_for_load_state()
    expect(page.locator(".htmx-request")).to_have_count(0)
