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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_socket import enable_socket, socket_allow_hosts

import beacon.routes
from access.recipients import Recipients
from access.requests.lifecycle import Step
from passports.login import SignedIn
from passports.sessions import cookie_name
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from schemas import challenge
from schemas.grants import NewRequest, StepBody
from tests.support.access_node import signed_key
from tests.support.admin_node import ISSUER, AdminNode, at
from tests.support.grants import active_grant
from tests.support.in_chromium import PATIENCE_MS, objections
from tests.support.in_chromium import chromium as opened

pytestmark = [pytest.mark.live, pytest.mark.program("chromium")]

BROKER = "https://broker.example"
KEY, OTHER = SigningKey.generate(), SigningKey.generate()
TRUST = {
    "brokers": [{"issuer": BROKER, "jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}],
    "visa_issuers": [],
}
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


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdminNode]:
    """A node that serves on loopback; adam is its admin, dora the committee of skye to be."""
    enable_socket()  # set up before the single test's own leave
    socket_allow_hosts(["127.0.0.1"])
    folder = tmp_path_factory.mktemp("admin")
    (folder / "incoming").mkdir()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who comes before the server has begun waits, and is not refused
        port = listening.getsockname()[1]
        made = AdminNode(
            folder,
            changed={
                "public_url": f"http://127.0.0.1:{port}",
                "port": port,
                "name": "Skye",
                "import_folder": str(folder / "incoming"),
            },
            trust=yaml.safe_dump(TRUST),
            now=int(time.time()),
        )
        beacon.routes.install(made.app, made.node.beacon)
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
        serving.join(120)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with opened() as browser:
        yield browser


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
        reduced_motion="reduce",  # nothing moves while it is looked at
        bypass_csp=True,  # for axe alone; the policy itself is looked at elsewhere
    )
    context.set_default_timeout(PATIENCE_MS)
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


@dataclass(frozen=True, slots=True)
class Story:
    """One admin's browser at a node, and the pictures of it in their order."""

    node: AdminNode
    page: Page
    keep: Callable[[str, Page], None]

    def look(self, name: str) -> None:
        self.keep(name, self.page)

    def goto(self, path: str) -> None:
        self.page.goto(self.node.settings.public_url + path)

    def click(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()

    def reads(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def comes_to_read(self, text: str) -> None:
        """The page looks again of its own as long as the node's own process is at work."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=600_000)

    def stands_at(self, address: str) -> None:
        """A pattern of the end of its address: what is looked for next is not of the page before,
        and all of it is there."""
        self.page.wait_for_url(re.compile(f"{address}$"))


def test_the_admins_story(node: AdminNode, chromium: Browser, tmp_path: Path) -> None:
    """Publish a dataset, write a policy, approve, revoke, read the record: each from its page."""
    kept, shots = _artifacts(tmp_path), iter(range(1, 100))

    def keep(name: str, page: Page) -> None:
        page.screenshot(path=kept / f"{next(shots):02}-{name}.png", full_page=True)

    adam = _signed_in(node, chromium, "adam")
    story = Story(node, adam.new_page(), keep)
    _publishes(story, tmp_path)
    _writes_its_policy(story)
    _tries_a_change_on_what_was_asked(story)
    anna = _signed_in(node, chromium, "anna")
    _goes_back_by_two(story, anna.new_page())
    dora = _signed_in(node, chromium, "dora")
    _approves_and_revokes(story, dora.new_page())
    _reads_the_record(story)
    _tests_a_token(story)
    for name in ("usage", "risk", "changes"):
        story.goto(f"/admin/{name}")
        story.look(name)
    for context in (adam, anna, dora):
        context.close()


def _publishes(story: Story, folder: Path) -> None:
    page = story.page
    story.goto("/admin")
    story.look("overview")
    page.get_by_role("link", name="Datasets", exact=True).click()
    story.stands_at("/admin/datasets")
    story.look("no-dataset")
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
    story.look("describe")
    story.click("Go on to its files")
    people = folder / "individuals.json"
    people.write_text(json.dumps(PEOPLE), encoding="utf-8")
    page.get_by_label("Bring a file here").set_input_files(people)
    story.click("Send it")
    expect(page.get_by_label("What individuals.json holds")).to_have_value("individuals")
    story.look("files")
    story.click("Keep this choice")
    story.click("Check it")
    story.look("being-checked")
    story.comes_to_read("The check found it good")
    story.look("checked")
    page.get_by_label("Reason, one line").fill("The committee agreed on 20 November.")
    story.click("Publish it")
    story.comes_to_read("It is loaded and served.")
    story.look("published")


def _writes_its_policy(story: Story) -> None:
    """The editor begins with a closed one."""
    page = story.page
    page.get_by_role("link", name="Write its policy").click()
    story.stands_at(r"/admin/policies/draft\?dataset=skye")
    text = page.get_by_label("Policy (YAML)").input_value()
    assert 'id: "skye"' in text
    text = text.replace(
        "committee: []  # subject@issuer of who decides on requests",
        f'committee: ["dora@{ISSUER}"]',
    )
    test = "- {given: {persona: anonymous, dataset: skye}, expect: {outcome: permit}}"
    text = text.replace("\ntests:\n", f"\ntests:\n{test}\n")
    page.get_by_label("Policy (YAML)").fill(text)
    story.click("Check and compare")
    story.reads("1 of 2 tests fails")
    story.look("policy-test-fails")
    page.get_by_label("Policy (YAML)").fill(text.replace("outcome: permit", "outcome: deny"))
    story.click("Check and compare")
    story.reads("All 2 tests hold")
    story.look("policy-tried")
    page.get_by_label("Reason, one line").fill("Skye is asked for by grant only.")
    story.click("Put it in force")
    story.reads("a committee of 1 decides on access requests")
    story.look("policies")


def _tries_a_change_on_what_was_asked(story: Story) -> None:
    """A stranger's questions were refused; the editor says which a wider policy would answer."""
    node, page = story.node, story.page
    node.node.catalog.refresh()  # as the node does every 2 s
    beacon = f"{node.settings.public_url}/beacon/individuals"
    for term in ("NCIT:C16576", "NCIT:C20197"):
        asked = {"filters": term, "requestedGranularity": "boolean"}
        answer = httpx.get(beacon, params=asked, timeout=120)
        assert answer.status_code in (200, 401, 403), answer.text
    node.node.book.keep_facts(node.now)  # as the node does every minute
    story.goto("/admin/policies/draft")
    text = page.get_by_label("Policy (YAML)").input_value()
    wider = text.replace("level: controlled", "level: public").replace(
        "outcome: deny", "outcome: permit", 1
    )
    wider += "second_person: [policies]\n"
    page.get_by_label("Policy (YAML)").fill(wider)
    story.click("Check and compare")
    story.reads("2 past decisions were tried again; these would change:")
    story.look("policy-replayed")
    page.get_by_label("Reason, one line").fill("Presence for everybody; two admins from now on.")
    story.click("Put it in force")
    story.reads("Presence for everybody; two admins from now on.")


def _goes_back_by_two(story: Story, anna: Page) -> None:
    page = story.page
    page.get_by_role("link", name="Version 1", exact=True).click()
    story.stands_at("/admin/policies/1")
    page.get_by_label("Reason, one line").fill("The committee was not asked.")
    story.look("policy-version")
    story.click("Propose to go back to version 1")
    story.reads("You proposed it, so another admin confirms it.")
    story.look("change-waits")
    anna.goto(page.url)
    expect(anna.get_by_role("row", name="skye questions 2 answered with")).to_be_visible()
    story.keep("change-for-the-second", anna)
    anna.get_by_role("button", name="Confirm").click()
    expect(anna.get_by_text("done", exact=True)).to_be_visible()
    story.goto("/admin/policies")
    expect(page.get_by_role("row", name=re.compile("Version 1 in force"))).to_be_visible()
    story.look("gone-back")


def _approves_and_revokes(story: Story, dora: Page) -> None:
    """The admin confirms whose key it is; the committee decides, and ends it again."""
    node, page = story.node, story.page
    request_id = _request(node)
    story.goto("/admin")
    story.reads("1 request for skye waits for its committee")
    story.look("request-waits")
    story.goto("/admin/workspaces")
    story.look("workspace-waits")
    story.click("Confirm Lab")
    expect(page.get_by_text("confirmed", exact=True)).to_be_visible()
    dora.goto(f"{node.settings.public_url}/requests")
    dora.get_by_role("link", name="Hearts").click()
    dora.wait_for_url(f"{node.settings.public_url}/requests/{request_id}")
    story.keep("committee-decides", dora)
    dora.get_by_role("button", name="Approve").click()
    expect(dora.get_by_text("approved", exact=True).first).to_be_visible()
    grants = node.node.store
    assert active_grant(grants, at("grace"), "skye", now=node.now) is not None
    dora.get_by_label("Reason, for the requester").fill("The project has ended.")
    story.keep("approved", dora)
    dora.get_by_role("button", name="Revoke the access").click()
    expect(dora.get_by_text("revoked", exact=True).first).to_be_visible()
    story.keep("revoked", dora)
    assert active_grant(grants, at("grace"), "skye", now=node.now) is None
    story.click("Revoke Lab")
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    story.look("workspace-revoked")


def _reads_the_record(story: Story) -> None:
    page = story.page
    story.goto("/admin/record")
    story.look("record")
    with page.expect_download() as checkpoint:
        page.get_by_role("link", name="Take a checkpoint now").click()
    page.get_by_label("Dataset").fill("skye")
    story.click("Search")
    story.stands_at("[?&]dataset=skye&person=")
    expect(page.get_by_role("cell", name="access.request").first).to_be_visible()
    story.look("record-of-skye")
    with page.expect_download() as exported:
        story.click("Export as JSON lines")
    lines = [json.loads(one) for one in exported.value.path().read_text().splitlines()]
    steps = [one["facts"]["step"] for one in lines if one["kind"] == "access.request"]
    assert steps == ["create", "submit", "approve", "revoke"]
    page.get_by_label("Action").fill("admin")
    story.click("Search")
    story.stands_at("[?&]kind=admin&dataset=skye&person=")
    page.get_by_role("rowheader").get_by_role("link").last.click()
    story.look("entry")
    expect(page.get_by_text("dataset.publish", exact=True)).to_be_visible()
    story.goto("/admin/record")
    page.get_by_label("A checkpoint that was kept elsewhere").fill(
        checkpoint.value.path().read_text()
    )
    story.click("Verify the whole record")
    story.reads("The record holds.")
    expect(page.get_by_text(re.compile("entries of your checkpoint"))).to_be_visible()
    story.look("record-verified")


def _tests_a_token(story: Story) -> None:
    page, now = story.page, story.node.now
    claims = {
        "iss": BROKER, "sub": "grace", "aud": story.node.settings.public_url, "iat": now,
        "exp": now + 600, "jti": "1", "ga4gh_passport_v1": [],
    }  # fmt: skip
    for key, said in ((KEY, "This token is accepted"), (OTHER, "This token is refused")):
        story.goto("/admin/issuers")
        token = sign(claims, key=key, typ=PASSPORT_TYP)
        page.get_by_label("A Passport or an access token").fill(token)
        story.click("Test it")
        story.reads(said)
        assert token not in page.content()
        story.look(said.lower().replace(" ", "-"))


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
        if found := objections(page):
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
