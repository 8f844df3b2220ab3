"""The portal in a real Chromium: desktop and phone, light and dark, mouse and keyboard; axe-core
finds nothing wrong on any page."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
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
        expect(page.get_by_text("Missing:")).to_be_visible(timeout=10_000)
        for node in ("Isle 1", "Isle 2", "Isle 3"):
            expect(page.get_by_text(node, exact=True).first).to_be_visible()
        expect(page.get_by_text("suppressed", exact=True).first).to_be_visible()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.screenshot(path=tmp_path / f"search-{scheme}-{size[0]}.png", full_page=True)
        page.wait_for_timeout(900)
        expect(page.get_by_text("Before it is sent")).to_have_count(0)
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
        expect(page.get_by_text("Missing:")).to_be_visible(timeout=10_000)


def test_without_script_the_same_form_answers_with_the_whole_table(variant: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(PORTAL)
        page.fill("input[name=q]", variant)
        page.get_by_role("button", name="Ask the network").click()
        expect(page.get_by_text("Missing:")).to_be_visible(timeout=10_000)
        browser.close()


def _wrong(page: Page) -> list[str]:
    """What axe-core finds, and whether the page is wider than the window."""
    found = [f"{one['id']}: {one['help']}" for one in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
        found.append("wider than the window")
    return found


def _dataset_paths(page: Page) -> list[str]:
    page.goto(f"{PORTAL}/datasets")
    link = page.locator(".card a").first.get_attribute("href") or ""
    return [link, link.replace("/datasets/", "/people/", 1), f"/basket?dataset={link[10:]}"]


@pytest.mark.parametrize(
    ("scheme", "size", "who"),
    [
        ("light", WIDE, "anyone"),
        ("dark", (320, 700), "anyone"),
        ("light", (320, 700), "rosa"),
        ("dark", WIDE, "rosa"),
    ],
)
def test_no_page_has_anything_axe_objects_to(
    variant: str, scheme: str, size: tuple[int, int], who: str, tmp_path: Path
) -> None:
    wrong: dict[str, list[str]] = {}
    for page, problems in _pages(scheme, size):
        if who == "rosa":
            page.goto(f"{PORTAL}/auth/login?next=/")
            page.get_by_role("button", name="Rosa Lind").click()
        own = _dataset_paths(page)
        for path in ("/", "/search", "/datasets", "/network", "/requests", "/me", "/basket", *own):
            page.goto(PORTAL + path)
            wrong[path] = _wrong(page)
            page.screenshot(path=tmp_path / f"{path.strip('/').replace('/', '-')[:40]}.png")
        page.goto(f"{PORTAL}/search")
        page.fill("#q", variant)
        page.get_by_role("button", name="Who can answer?").click()
        expect(page.get_by_text("Before it is sent")).to_be_visible(timeout=10_000)
        wrong["preview"] = _wrong(page)
        page.get_by_role("button", name="Ask the network").click()
        expect(page.get_by_text("Missing:")).to_be_visible(timeout=10_000)
        expect(page.get_by_role("button", name="Stop waiting")).to_have_count(0)
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        wrong["answers"] = _wrong(page)
        page.screenshot(path=tmp_path / "answers.png", full_page=True)
        assert problems == []
    assert {path: found for path, found in wrong.items() if found} == {}


def test_terms_are_chosen_with_the_keyboard_alone_and_removed_again(variant: str) -> None:
    for page, problems in _pages("light", WIDE):
        page.goto(f"{PORTAL}/search")
        field = page.get_by_role("combobox", name="People with")
        field.focus()
        page.keyboard.type("diab")
        expect(page.get_by_role("option").first).to_be_visible(timeout=5_000)
        page.keyboard.press("ArrowDown")
        assert field.get_attribute("aria-activedescendant") == "terms-0"
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=re.compile("Remove MONDO:"))).to_be_visible()
        assert page.locator("input[name=terms]").input_value().startswith("MONDO:")
        page.keyboard.type("sex = fem")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.press("Backspace")
        assert page.locator("input[name=terms]").input_value() == ""
        page.fill("#q", variant)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Missing:")).to_be_visible(timeout=10_000)
        assert problems == []


def test_every_example_of_the_first_page_finds_something(variant: str) -> None:
    assert variant
    for page, _ in _pages("light", WIDE):
        page.goto(PORTAL)
        links = page.locator(".examples a").all()
        hrefs = [link.get_attribute("href") for link in links]
        assert len(hrefs) == 4
        for href in hrefs:
            page.goto(f"{PORTAL}{href}")
            page.get_by_role("button", name="Ask the network").click()
            found = re.compile("^(Found at|Between|About|[0-9])")
            expect(page.locator(".sentence", has_text=found)).to_be_visible(timeout=10_000)


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
        page.wait_for_url(re.compile(f"{PORTAL}/requests/[^/]+/req-"))
        expect(page.get_by_text("Wait for the committee.")).to_be_visible()
        page.goto(f"{PORTAL}/requests")
        expect(page.get_by_role("heading", name="Hearts")).to_be_visible()
        assert problems == []
