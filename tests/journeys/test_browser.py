"""The portal in a real Chromium: desktop and phone, light and dark, mouse and keyboard."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

pytestmark = [pytest.mark.live, pytest.mark.program("chromium")]

ROOT = Path(__file__).resolve().parents[2]
PORT = 28_700
PORTAL = f"http://127.0.0.1:{PORT}"
WIDE, NARROW = (1280, 900), (360, 740)


@pytest.fixture(scope="module")
def variant() -> Generator[str]:
    """A running demo; the variant it proposes to type."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", "--port", str(PORT)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with demo:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        typed = re.search(r"type (\S+) at", "".join(said))
        assert typed is not None, "".join(said)
        try:
            yield typed.group(1)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(30)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _pages(scheme: str, size: tuple[int, int]) -> Generator[tuple[Page, list[str]]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": size[0], "height": size[1]},
        )
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda said: problems.append(said.text) if said.type == "error" else None
        )
        yield page, problems
        browser.close()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["desktop", "phone"])
def test_a_typed_variant_brings_each_nodes_row_and_an_honest_sentence(
    variant: str, scheme: str, size: tuple[int, int], tmp_path: Path
) -> None:
    for page, problems in _pages(scheme, size):
        page.goto(PORTAL)
        page.fill("input[name=q]", variant)
        page.keyboard.press("Enter")
        expect(page.get_by_text("No total")).to_be_visible(timeout=10_000)
        for node in ("Isle 1", "Isle 2", "Isle 3"):
            expect(page.get_by_text(node, exact=True).first).to_be_visible()
        expect(page.get_by_text("suppressed", exact=True).first).to_be_visible()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.screenshot(path=tmp_path / f"search-{scheme}-{size[0]}.png", full_page=True)
        assert overflow <= 0
        assert problems == []


def test_the_keyboard_alone_reaches_the_box_and_asks(variant: str) -> None:
    for page, _ in _pages("light", WIDE):
        page.goto(PORTAL)
        page.locator("body").press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        for _ in range(20):
            if page.evaluate("document.activeElement.name") == "q":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type(variant)
        page.keyboard.press("Enter")
        expect(page.get_by_text("No total")).to_be_visible(timeout=10_000)


def test_without_script_the_same_form_answers_with_the_whole_table(variant: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(PORTAL)
        page.fill("input[name=q]", variant)
        page.get_by_role("button", name="Ask the network").click()
        expect(page.get_by_text("No total")).to_be_visible(timeout=10_000)
        browser.close()


def test_rosa_signs_in_and_asks_for_access(variant: str) -> None:
    assert variant
    for page, problems in _pages("light", WIDE):
        page.goto(f"{PORTAL}/datasets")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_role("button", name="Rosa Lind").click()
        page.goto(f"{PORTAL}/datasets")
        page.get_by_role("link", name=re.compile("Isle 2")).first.click()
        page.fill("input[name=project]", "Hearts")
        page.fill("textarea[name=purpose]", "To learn about hearts.")
        page.get_by_role("button", name="Send the request").click()
        page.wait_for_url(f"{PORTAL}/requests")
        expect(page.get_by_text("Hearts")).to_be_visible()
        assert problems == []
