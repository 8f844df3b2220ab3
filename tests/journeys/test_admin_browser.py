"""A node admin's story in a real Chromium: publish a dataset, write its policy, approve, revoke,
read the record. Every page is looked at by axe-core, light, dark and 320 px wide."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_socket import enable_socket, socket_allow_hosts

from access.recipients import Recipients
from access.requests.lifecycle import Step
from passports.login import SignedIn
from passports.sessions import cookie_name
from schemas import challenge
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import signed_key
from tests.support.admin_node import ISSUER, AdminNode, at
from tests.support.grants import active_grant

pytestmark = [pytest.mark.live, pytest.mark.program("chromium")]

WIDE, NARROW = (1280, 900), (320, 700)
PEOPLE = [
    {"id": f"P{number}", "sex": {"id": "NCIT:C16576", "label": "female"}} for number in range(40)
]
PAGES = (
    "/admin", "/admin/record", "/admin/record/2", "/admin/datasets", "/admin/datasets/skye",
    "/admin/onboarding", "/admin/onboarding/new", "/admin/policies", "/admin/policies/1",
    "/admin/policies/draft", "/admin/issuers", "/admin/workspaces", "/admin/usage", "/admin/risk",
    "/admin/changes", "/requests",
)  # fmt: skip


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    expect.set_options(timeout=60_000)  # a busy machine takes its time
    yield
    expect.set_options(timeout=None)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminNode]:
    """A node that serves on loopback; adam is its admin, dora the committee of skye to be."""
    enable_socket()  # set up before the single test's own leave
    socket_allow_hosts(["127.0.0.1"])
    folder = tmp_path_factory.mktemp("admin")
    incoming = folder / "incoming" / "skye"
    incoming.mkdir(parents=True)
    (incoming / "individuals.json").write_text(json.dumps(PEOPLE), encoding="utf-8")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        made = AdminNode(
            folder,
            changed={
                "public_url": f"http://127.0.0.1:{port}",
                "port": port,
                "name": "Skye",
                "import_folder": str(folder / "incoming"),
            },
            now=int(time.time()),
        )
        with _served(made, listening):
            yield made
        asyncio.run(made.close())


@contextmanager
def _served(node: AdminNode, listening: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(node.app, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    serving = threading.Thread(
        target=lambda: asyncio.run(server._serve(sockets=[listening])), daemon=True
    )
    serving.start()
    try:
        yield
    finally:
        server.should_exit = True
        serving.join(20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def _signed_in(
    node: AdminNode,
    chromium: Browser,
    name: str,
    *,
    scheme: str = "light",
    size: tuple[int, int] = WIDE,
) -> BrowserContext:
    """No script, as these pages promise to need none; axe brings its own."""
    context = chromium.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": size[0], "height": size[1]},
        bypass_csp=True,  # for axe alone; the policy itself is looked at elsewhere
    )
    context.set_default_timeout(60_000)
    person = SignedIn(name, ISSUER, name.title(), "token", node.now + 3600)
    context.add_cookies(
        [
            {
                "name": cookie_name("node", node.settings.public_url),
                "value": node.sessions.create(person),
                "url": node.settings.public_url,
            }
        ]
    )
    return context


def _artifacts(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("SKERRY_ARTIFACTS", tmp_path)) / "admin"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _until_done(page: Page, text: str) -> None:
    late = time.monotonic() + 90
    while page.get_by_text(text).count() == 0:
        assert time.monotonic() < late, page.inner_text("main")
        page.wait_for_timeout(500)
        page.reload()


def _request(node: AdminNode) -> str:
    """Grace's workspace waits to be confirmed, and her request for skye for its committee."""
    recipients = Recipients(node.node.store, record=node.node.record)
    kept: list[bytes] = []

    def seal(_key: bytes, text: bytes) -> bytes:
        kept.append(text)
        return b"sealed"

    made = recipients.register(
        signed_key(bytes([7]) * 32),
        owner=at("grace"),
        audience=node.settings.public_url,
        seal=seal,
        now=node.now,
    )
    recipients.prove(made.workspace_id, challenge.answer(kept[0]), owner=at("grace"), now=node.now)
    asked = node.node.requests.create(
        NewRequest(
            dataset="skye", project="Hearts", purpose="To learn about hearts.",
            workspace=made.workspace_id, months=6,
        ),
        requester=at("grace"),
        now=node.now,
    )  # fmt: skip
    node.node.requests.take(
        asked.request_id, Step.SUBMIT, StepBody(), actor=at("grace"), now=node.now
    )
    return asked.request_id


def test_the_admins_story(node: AdminNode, chromium: Browser, tmp_path: Path) -> None:
    kept = _artifacts(tmp_path)
    adam = _signed_in(node, chromium, "adam")
    page, url = adam.new_page(), node.settings.public_url
    shots = iter(range(1, 100))

    def keep(name: str) -> None:
        page.screenshot(path=kept / f"{next(shots):02}-{name}.png", full_page=True)

    # Publish a dataset.
    page.goto(f"{url}/admin")
    keep("overview")
    page.get_by_role("link", name="Datasets", exact=True).click()
    keep("no-dataset")
    page.get_by_role("link", name="Publish a dataset").click()
    page.get_by_label("Id", exact=True).fill("skye")
    page.get_by_label("Title").fill("Skye cohort")
    page.get_by_label("Description").fill("Forty people of Skye.")
    for label, text in (
        ("Publisher", "Skye hospital"), ("Contact", "data@skye.example"),
        ("Health data access body", "Skye HDAB"), ("Keywords", "skye, cohort"),
        ("Provenance", "Collected in 2020."),
    ):  # fmt: skip
        page.get_by_label(label, exact=True).fill(text)
    keep("describe")
    page.get_by_role("button", name="Go on to its files").click()
    page.get_by_label("Folder").select_option("skye")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_label("What skye/individuals.json holds")).to_have_value("individuals")
    keep("files")
    page.get_by_role("button", name="Keep this choice").click()
    page.get_by_role("button", name="Check it").click()
    keep("being-checked")
    _until_done(page, "The check found it good")
    keep("checked")
    page.get_by_label("Reason, one line").fill("The committee agreed on 20 November.")
    page.get_by_role("button", name="Publish it").click()
    _until_done(page, "It is loaded and served.")
    keep("published")

    # Write its policy: the editor begins with a closed one.
    page.get_by_role("link", name="Write its policy").click()
    text = page.get_by_label("Policy (YAML)").input_value()
    assert 'id: "skye"' in text
    text = text.replace(
        "committee: []  # subject@issuer of who decides on requests",
        f'committee: ["dora@{ISSUER}"]',
    )
    test = "- {given: {persona: anonymous, dataset: skye}, expect: {outcome: permit}}"
    text = text.replace("\ntests:\n", f"\ntests:\n{test}\n")
    page.get_by_label("Policy (YAML)").fill(text)
    page.get_by_role("button", name="Check and compare").click()
    expect(page.get_by_text("1 of 2 tests fails")).to_be_visible()
    keep("policy-test-fails")
    page.get_by_label("Policy (YAML)").fill(text.replace("outcome: permit", "outcome: deny"))
    page.get_by_role("button", name="Check and compare").click()
    expect(page.get_by_text("All 2 tests hold")).to_be_visible()
    keep("policy-tried")
    page.get_by_label("Reason, one line").fill("Skye is asked for by grant only.")
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_text("a committee of 1 decides on access requests").first).to_be_visible()
    keep("policies")

    # A researcher asks; the admin confirms whose key it is, the committee approves.
    request_id = _request(node)
    page.goto(f"{url}/admin")
    expect(page.get_by_text("1 request for skye waits for its committee")).to_be_visible()
    page.goto(f"{url}/admin/workspaces")
    keep("workspace-waits")
    page.get_by_role("button", name="Confirm Lab").click()
    expect(page.get_by_text("confirmed", exact=True)).to_be_visible()
    dora = _signed_in(node, chromium, "dora").new_page()
    dora.goto(f"{url}/requests/{request_id}")
    dora.get_by_role("button", name="Approve").click()
    expect(dora.get_by_text("approved", exact=True).first).to_be_visible()
    grants = node.node.store
    assert active_grant(grants, at("grace"), "skye", now=node.now) is not None

    # It is revoked, and so is the key.
    dora.get_by_label("Reason, for the requester").fill("The project has ended.")
    dora.get_by_role("button", name="Revoke the access").click()
    assert active_grant(grants, at("grace"), "skye", now=node.now) is None
    page.get_by_role("button", name="Revoke Lab").click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    keep("workspace-revoked")

    # All of it stands in the record.
    page.goto(f"{url}/admin/record")
    keep("record")
    page.get_by_label("Dataset").fill("skye")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("cell", name="access.request").first).to_be_visible()
    keep("record-of-skye")
    page.get_by_label("Action").fill("admin")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("table").get_by_role("link").first.click()
    keep("entry")
    expect(page.get_by_text("dataset.publish", exact=True)).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Verify the whole record").click()
    expect(page.get_by_text("The record holds.")).to_be_visible()
    keep("record-verified")
    for name in ("usage", "risk", "issuers", "changes"):
        page.goto(f"{url}/admin/{name}")
        keep(name)
    adam.close()


@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)],
)
def test_no_page_has_anything_axe_objects_to(
    node: AdminNode, chromium: Browser, scheme: str, size: tuple[int, int], tmp_path: Path
) -> None:
    """After the story, so that the pages have something on them."""
    context = _signed_in(node, chromium, "adam", scheme=scheme, size=size)
    page, url = context.new_page(), node.settings.public_url
    kept, wrong = _artifacts(tmp_path), dict[str, list[str]]()
    page.goto(f"{url}/admin/onboarding")
    plan = page.locator("tbody th a").first.get_attribute("href") or ""
    for path in (*PAGES, plan, f"{plan}/files", f"{plan}/description"):
        page.goto(url + path)
        found = [f"{one['id']}: {one['help']}" for one in Axe().run(page).response["violations"]]
        if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
            found.append("wider than the window")
        if found:
            wrong[path] = found
        name = re.sub(r"[^a-z0-9]+", "-", path.strip("/"))[:40]
        page.screenshot(path=kept / f"{scheme}-{size[0]}-{name}.png", full_page=True)
    context.close()
    assert wrong == {}


def test_the_keyboard_alone_reaches_the_editor_and_its_buttons(
    node: AdminNode, chromium: Browser
) -> None:
    context = _signed_in(node, chromium, "adam")
    page = context.new_page()
    page.goto(f"{node.settings.public_url}/admin/policies/draft")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 40)"))
        if "Put it in force" in reached:
            break
    assert reached[0] == "Skip to the content"
    assert {"Policies", "Check and compare", "Put it in force"} <= set(reached)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Its tests")).to_be_visible()
    context.close()
