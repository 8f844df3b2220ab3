"""The portal in a real Chromium: desktop and phone, light and dark, mouse and keyboard; axe-core
finds nothing wrong on any page."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, expect
from pytest_socket import enable_socket, socket_allow_hosts

from tests.support.in_chromium import PATIENCE_MS, chromium, complaints, objections, settled
from tests.support.loopback import unused_demo

pytestmark = [pytest.mark.live, pytest.mark.program("chromium")]

ROOT = Path(__file__).resolve().parents[2]
NODES = 3
WIDE, NARROW = (1280, 900), (360, 740)
PAGES = (
    "/",
    "/search",
    "/datasets",
    "/network",
    "/federations",
    "/requests",
    "/enquiries",
    "/me",
    "/basket",
    "/searches",
    "/workspaces",
    "/join",
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: where, the variant it proposes to type, its folder, Grace's workspace."""

    first: int  # of its ports
    variant: str
    folder: Path
    workspace: Path

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.first}"

    @property
    def node(self) -> str:
        return f"http://127.0.0.1:{self.first + 1}"

    def passport(self, account: str, node: str) -> str:
        command = [sys.executable, "-m", "gateway", "demo-passport", account, "--node", node]
        command += ["--demo", str(self.folder)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return ran.stdout


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Its portal gives its nodes a minute: a busy machine needs more than a visitor's wait."""
    enable_socket()  # set up before the single test's own leave
    socket_allow_hosts(["127.0.0.1"])
    first = unused_demo()
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", "--port", str(first)],
        cwd=ROOT,
        env={**os.environ, "SKERRY_PORTAL_DEADLINE_SECONDS": "60"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            said = _welcome(running)
            found = [
                re.search(rf"{name} (\S+)", said) for name in ("type", "--demo", "--workspace")
            ]
            typed, folder, workspace = (one[1] if one else pytest.fail(said) for one in found)
            made = Demo(first, typed, Path(folder), Path(workspace))
            _until_all_are_seen(made.portal)
            yield made
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(300)


def _welcome(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    return said


def _until_all_are_seen(portal: str) -> None:
    """What a node can answer is known only once it was looked at."""
    late = time.monotonic() + 300
    while (seen := httpx.get(f"{portal}/readyz", timeout=120).json())["nodes"] != NODES:
        assert time.monotonic() < late, seen
        time.sleep(0.2)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def _page(scheme: str, size: tuple[int, int]) -> Iterator[tuple[Page, list[str]]]:
    """A page and what it complains of."""
    with chromium() as browser:
        page = browser.new_page(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
        )
        page.set_default_timeout(PATIENCE_MS)
        with complaints(page) as problems:
            yield page, problems


def _has_answers(page: Page) -> None:
    """Every row has come, and what comes after the last."""
    expect(page.locator("#total .keep")).to_be_visible()
    expect(page.locator("form.stop")).to_have_count(0)
    settled(page)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["desktop", "phone"])
def test_a_typed_variant_brings_each_nodes_row_and_an_honest_sentence(
    demo: Demo, scheme: str, size: tuple[int, int], tmp_path: Path
) -> None:
    with _page(scheme, size) as (page, problems):
        page.goto(demo.portal)
        page.fill("input[name=q]", demo.variant)
        page.keyboard.press("Enter")
        _has_answers(page)
        expect(page.get_by_text("Missing:")).to_be_visible()
        for node in ("Isle 1", "Isle 2", "Isle 3"):
            expect(page.locator("#rows").get_by_text(node, exact=True).first).to_be_visible()
        expect(page.get_by_text("suppressed", exact=True).first).to_be_visible()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.screenshot(path=tmp_path / f"search-{scheme}-{size[0]}.png", full_page=True)
        assert overflow <= 0
        assert problems == []


@pytest.mark.parametrize("asked_by", ["Ask the network", "Who can answer?"])
def test_who_can_answer_is_asked_no_more_once_somebody_asked_by_hand(
    demo: Demo, asked_by: str
) -> None:
    """Of its own the page asks a moment after the last change; that moment is over at once here."""
    with _page("light", WIDE) as (page, problems):
        page.clock.install()
        page.goto(f"{demo.portal}/search")
        asked: list[str] = []

        def note(request: Request) -> None:
            if request.url.endswith("/search/preview"):
                asked.append(request.post_data or "")

        page.on("request", note)
        page.fill("#q", demo.variant)
        page.clock.fast_forward(5_000)
        expect(page.get_by_text("Before it is sent")).to_be_visible()
        page.fill("#q", f"{demo.variant} ")
        page.get_by_role("button", name=asked_by).click()
        if asked_by == "Ask the network":
            _has_answers(page)
            expect(page.get_by_text("Before it is sent")).to_have_count(0)
        settled(page)
        before = len(asked)
        page.clock.fast_forward(5_000)
        page.evaluate("fetch('/livez').then((told) => told.text())")  # sent after what was due
        assert before > 0
        assert len(asked) == before
        assert problems == []


def test_a_slow_answer_about_what_was_typed_before_gives_way_to_the_latest(demo: Demo) -> None:
    with _page("light", WIDE) as (page, problems):
        page.clock.install()
        page.goto(f"{demo.portal}/search")
        held: list[Route] = []

        def hold_the_first(route: Route) -> None:
            if held:
                route.continue_()
            else:
                held.append(route)

        page.route("**/search/preview", hold_the_first)
        page.fill("#q", demo.variant)
        page.clock.fast_forward(5_000)
        expect(page.locator("#preview.htmx-request")).to_be_attached()
        page.fill("#q", "22:100-200")
        page.clock.fast_forward(5_000)
        expect(page.locator("#part-last")).to_have_value("200")
        assert len(held) == 1
        assert problems == []


def test_the_keyboard_alone_reaches_the_box_and_asks(demo: Demo) -> None:
    with _page("light", WIDE) as (page, _):
        page.goto(demo.portal)
        page.locator("body").press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        for _ in range(20):
            if page.evaluate("document.activeElement.name") == "q":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type(demo.variant)
        page.keyboard.press("Enter")
        _has_answers(page)


def test_without_script_the_same_form_answers_with_the_whole_table(demo: Demo) -> None:
    with chromium() as browser:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(demo.portal)
        page.fill("input[name=q]", demo.variant)
        page.get_by_role("button", name="Ask the network").click()
        expect(page.get_by_text("Missing:")).to_be_visible()
        page.get_by_text("Ask the same in a program").click()
        expect(page.locator(".snippet pre").first).to_be_visible()
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def _dataset_paths(page: Page, portal: str) -> list[str]:
    page.goto(f"{portal}/datasets")
    link = page.locator(".datasets tbody th a").first.get_attribute("href") or ""
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
    demo: Demo, scheme: str, size: tuple[int, int], who: str, tmp_path: Path
) -> None:
    wrong: dict[str, list[str]] = {}
    with _page(scheme, size) as (page, problems):
        if who == "rosa":
            _signed_in(page, demo.portal, "Rosa Lind")
        own = _dataset_paths(page, demo.portal)
        for path in (*PAGES, *own):
            page.goto(demo.portal + path)
            wrong[path] = objections(page)
            page.screenshot(path=tmp_path / f"{path.strip('/').replace('/', '-')[:40]}.png")
        page.goto(f"{demo.portal}/search")
        page.fill("#q", demo.variant)
        page.get_by_role("button", name="Who can answer?").click()
        expect(page.get_by_text("Before it is sent")).to_be_visible()
        wrong["preview"] = objections(page)
        page.get_by_role("button", name="Ask the network").click()
        _has_answers(page)
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        wrong["answers"] = objections(page)
        page.screenshot(path=tmp_path / "answers.png", full_page=True)
        assert problems == []
    assert {path: found for path, found in wrong.items() if found} == {}


def test_terms_are_chosen_with_the_keyboard_alone_and_removed_again(demo: Demo) -> None:
    with _page("light", WIDE) as (page, problems):
        page.goto(f"{demo.portal}/search")
        field = page.get_by_role("combobox", name="People with")
        field.focus()
        page.keyboard.insert_text("diab")  # at once: there is one list, and none comes later
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(field).to_have_attribute("aria-activedescendant", "terms-0")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=re.compile("Remove MONDO:"))).to_be_visible()
        expect(page.locator("input[name=terms]")).to_have_value(re.compile("^MONDO:"))
        page.keyboard.type("sex = fem")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.press("Backspace")
        expect(page.locator("input[name=terms]")).to_have_value("")
        page.fill("#q", demo.variant)
        page.keyboard.press("Enter")
        _has_answers(page)
        assert problems == []


def test_what_a_swap_brings_takes_over_no_inline_style_which_the_policy_forbids(
    demo: Demo,
) -> None:
    """htmx settles attributes of elements of one id; an extension may have styled the old one."""
    with _page("light", WIDE) as (page, problems):
        page.goto(f"{demo.portal}/search")
        page.fill("#q", demo.variant)
        ask = page.get_by_role("button", name="Who can answer?")
        ask.click()
        expect(page.locator("#part-chrom")).to_be_attached()
        page.evaluate(
            "document.getElementById('part-chrom').style.setProperty('caret-color', 'red')"
        )
        with page.expect_response("**/search/preview"):
            ask.click()
        expect(page.locator("#part-chrom:not([style])")).to_be_attached()
        assert problems == []


def test_a_snippet_is_copied_at_the_press_of_a_key_and_says_so(demo: Demo) -> None:
    with _page("light", NARROW) as (page, problems):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"{demo.portal}/search")
        page.fill("#q", demo.variant)
        page.get_by_role("button", name="Ask the network").click()
        _has_answers(page)
        page.get_by_text("Ask the same in a program").click()
        one = page.locator(".snippet").first
        one.get_by_role("button", name="Copy").focus()
        page.keyboard.press("Enter")
        expect(one.get_by_role("status")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert "curl" in copied
        assert copied == one.locator("pre").text_content()
        assert objections(page) == []
        assert problems == []


def test_where_the_clipboard_is_kept_from_pages_a_snippet_is_selected_instead(demo: Demo) -> None:
    with _page("dark", WIDE) as (page, problems):
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        page.context.add_cookies([{"name": "skerry-language", "value": "de", "url": demo.portal}])
        _signed_in(page, demo.portal, "Rosa Lind")
        page.goto(f"{demo.portal}/search")
        page.fill("#q", demo.variant)
        page.locator("#ask button.primary").click()
        _has_answers(page)
        page.locator("details.share").last.click()
        one = page.locator(".snippet").first
        one.get_by_role("button", name="Kopieren").click()
        expect(one.get_by_role("status")).to_have_text("Ausgewählt: bitte selbst kopieren")
        assert page.evaluate("getSelection().toString()").strip() == one.locator("pre").inner_text()
        assert problems == []


def test_every_example_of_the_first_page_finds_something(demo: Demo) -> None:
    with _page("light", WIDE) as (page, _):
        page.goto(demo.portal)
        links = page.locator(".examples a").all()
        hrefs = [link.get_attribute("href") for link in links]
        assert len(hrefs) == 4
        for href in hrefs:
            page.goto(f"{demo.portal}{href}")
            page.get_by_role("button", name="Ask the network").click()
            found = re.compile("^(Found at|Between|About|[0-9])")
            expect(page.locator(".sentence", has_text=found)).to_be_visible()


def test_rosa_signs_in_and_asks_for_access(demo: Demo) -> None:
    with _page("light", WIDE) as (page, problems):
        page.goto(f"{demo.portal}/datasets")
        page.get_by_role("link", name="Sign in").click()
        page.get_by_role("button", name="Rosa Lind").click()
        page.wait_for_url(f"{demo.portal}/datasets")
        page.get_by_role("link", name=re.compile("Isle 2")).first.click()
        page.fill("input[name=project]", "Hearts")
        page.fill("textarea[name=purpose]", "To learn about hearts.")
        page.get_by_label("in these regions").fill("chr21:9-5")
        page.get_by_role("button", name="Send the request").click()
        expect(page.get_by_text("the first is not after the last")).to_be_visible()
        page.get_by_label("in these regions").fill("chr21:1000-2,000")
        page.get_by_role("button", name="Send the request").click()
        page.wait_for_url(re.compile(f"{demo.portal}/requests/[^/]+/req-"))
        expect(page.get_by_text("Wait for the committee.")).to_be_visible()
        expect(page.get_by_text("from 1,000 to 2,000 of chr21 (both included)")).to_be_visible()
        page.goto(f"{demo.portal}/requests")
        expect(page.get_by_role("heading", name="Hearts")).to_be_visible()
        assert len(problems) == 1, problems
        assert "400" in problems[0]  # the console tells of the refused form


def _signed_in(page: Page, portal: str, name: str) -> None:
    page.goto(f"{portal}/auth/login?next=/")
    page.get_by_role("button", name=name).click()
    page.wait_for_url(f"{portal}/")


def test_a_researcher_searches_understands_requests_follows_and_receives(
    demo: Demo, scheme: str, tmp_path: Path
) -> None:
    """The whole story in one browser, but for the committee's and the workspace's own parts."""
    kept = Path(os.environ.get("SKERRY_ARTIFACTS", tmp_path)) / "researcher" / scheme
    kept.mkdir(parents=True, exist_ok=True)
    node, project = demo.node, f"Hearts {scheme}"
    wrong: dict[str, list[str]] = {}
    with _page(scheme, WIDE) as (page, problems):

        def look(name: str, page: Page = page) -> None:
            wrong[name] = objections(page)
            page.screenshot(path=kept / f"{name}.png", full_page=True)

        # 1. Search, and understand before and after.
        _signed_in(page, demo.portal, "Grace Holm")
        page.goto(f"{demo.portal}/search")
        page.fill("#q", demo.variant)
        page.get_by_role("button", name="Who can answer?").click()
        expect(page.get_by_text("3 of 3 nodes can answer you.")).to_be_visible()
        look("1-who-can-answer")
        page.get_by_role("button", name="Ask the network").click()
        _has_answers(page)
        page.get_by_role("button", name="Allele frequencies by node").click()
        expect(page.get_by_role("heading", name="Allele frequency by node")).to_be_visible()
        page.get_by_text("Keep this question").click()
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.get_by_text("Kept under")).to_be_visible()
        look("2-answers")
        _takes_the_whole_result(page)
        # 2. Request.
        page.locator("td a", has_text="isle-1").first.click()
        expect(page.get_by_role("heading", name="People by sex")).to_be_visible()
        page.fill("input[name=project]", project)
        page.fill("textarea[name=purpose]", "To learn about hearts.")
        look("3-dataset")
        page.get_by_role("button", name="Send the request").click()
        expect(page.get_by_text("Wait for the committee.")).to_be_visible()
        look("4-waiting")
        address = page.url
        # 3. The committee approves at its node.
        request = address.rpartition("/")[2]
        _decide(page, node, request)
        # 4. Follow, and receive: the line of the page, run as it stands.
        page.goto(f"{demo.portal}/requests")
        row = page.locator("section", has=page.get_by_role("heading", name=project))
        row.get_by_role("link", name="Fetch the data").click()
        expect(page.get_by_role("heading", name="Fetch the data")).to_be_visible()
        look("5-fetch")
        lines = page.locator("section[aria-labelledby=fetch] code").last.inner_text()
        # 5. Where the data goes, and what her rights are from now on.
        page.locator("dl a[href^='/workspaces/']").click()
        expect(page.get_by_role("link", name=project)).to_be_visible()
        look("6-workspace")
        page.get_by_role("link", name="My rights").click()
        expect(page.get_by_text("You were granted access to").first).to_be_visible()
        look("7-rights")
        assert problems == []
    (tmp_path / "workspace").symlink_to(demo.workspace)
    (tmp_path / "passport.txt").write_text(demo.passport("grace", node))
    line = next(one for one in lines.splitlines() if one.startswith("skerry fetch"))
    name = f"{scheme}.bam"
    command = [sys.executable, "-m", "gateway", *shlex.split(line)[1:], "--out", name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert (demo.workspace / "data" / name).stat().st_size > 0
    assert {step: found for step, found in wrong.items() if found} == {}


def _takes_the_whole_result(page: Page) -> None:
    """As a file of either kind: a row for each of the three nodes."""
    with page.expect_download() as table:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(table.value.path().read_text().splitlines()))
    with page.expect_download() as document:
        page.get_by_role("link", name="JSON").click()
    told = json.loads(document.value.path().read_text())
    isles = {"Isle 1", "Isle 2", "Isle 3"}
    assert {row["node"] for row in rows} == {row["node"] for row in told["rows"]} == isles


def _decide(page: Page, node: str, request: str) -> None:
    """Dora, at the node's own page, in a browser of her own."""
    browser = page.context.browser
    assert browser is not None
    with browser.new_context() as context:
        dora = context.new_page()
        dora.set_default_timeout(PATIENCE_MS)
        dora.goto(f"{node}/signin?next=/requests/{request}")
        dora.get_by_role("button", name="Dora Vik").click()
        dora.wait_for_url(f"{node}/requests/{request}")
        dora.get_by_role("button", name="Approve").click()
        expect(dora.get_by_text("Approved", exact=True)).to_be_visible()
