from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

import gateway.pages.routes
from access.requests.lifecycle import Step
from duo.consent import Condition, Consent
from duo.terms import Term
from gateway.config import NodeSettings, SignInSettings
from gateway.http_errors import ErrorTable
from gateway.pages.render import Pages as NodePages
from gateway.pages.request_routes import RequestOffice
from gateway.pages.signin import Desk
from passports.login import Login, SignedIn
from passports.sessions import Sessions, cookie_name
from tests.support.access_node import ISSUER, NOW, URL, AccessNode, at
from tests.support.grants import active_grant
from tests.support.hostile_provider import unlinked

pytestmark = pytest.mark.anyio

SETTINGS = NodeSettings(
    id="org.example.one",
    name="Node <One>",
    public_url=URL,
    organization_id="org.example",
    organization_name="Example",
    port=8081,
    admins=(at("adam"),),
    signin=SignInSettings(issuer=ISSUER, client_id="node-one"),
)
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}


def provider() -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, str]:
        return DISCOVERY

    return app


class Pages:
    """The node's pages on an ASGI transport, with real sessions, store and record."""

    def __init__(self, node: AccessNode, *, settings: NodeSettings = SETTINGS) -> None:
        self.sessions = Sessions(clock=lambda: float(NOW))
        login = Login(
            ISSUER,
            "node-one",
            "secret",
            f"{URL}/signin/done",
            httpx.AsyncClient(transport=httpx.ASGITransport(provider())),
        )
        self.app = FastAPI()
        self.app.include_router(
            gateway.pages.routes.build(
                settings,
                RequestOffice(
                    NodePages(node=settings.name, admins=settings.admins),
                    Desk(self.sessions, public_url=settings.public_url),
                    node.desk,
                    node.attachments(),
                    node.recipients,
                    node.enquiries,
                    node.clock,
                ),
                login=login,
                greet=unlinked,
            )
        )
        ErrorTable(bodies={}, realm="test").install(self.app)

    def browser(self, name: str | None = None) -> httpx.AsyncClient:
        cookies = {}
        if name is not None:
            person = SignedIn(name, ISSUER, name.title(), "token", NOW + 3600)
            cookies[cookie_name("node", URL)] = self.sessions.create(person)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=URL, cookies=cookies
        )


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pages(node: AccessNode) -> Pages:
    return Pages(node)


async def token_on(browser: httpx.AsyncClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get(path)).text)
    assert found is not None
    return found.group(1)


async def test_anyone_sees_the_nodes_home_escaped_and_locked_down(pages: Pages) -> None:
    page = await pages.browser().get("/")
    assert page.status_code == 200
    assert "Node &lt;One&gt;" in page.text
    assert "Node <One>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=", page.text)


async def test_the_home_names_the_datasets_that_anybody_may_know_of(pages: Pages) -> None:
    anyone = (await pages.browser().get("/")).text
    german = (await pages.browser().get("/", headers={"accept-language": "de"})).text
    assert "<code>ds1</code>" in anyone
    assert "to ds1" not in anyone
    assert '<html lang="en">' in anyone
    assert '<html lang="de">' in german
    assert ("Datensätze" in german, "<code>ds1</code>" in german) == (True, True)


@pytest.mark.parametrize("path", ["/requests", "/requests/req-1"])
async def test_nobody_is_sent_to_sign_in(pages: Pages, path: str) -> None:
    answer = await pages.browser().get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={path}")


async def test_signing_in_goes_to_the_provider_with_a_cookie_that_scripts_cannot_read(
    pages: Pages,
) -> None:
    answer = await pages.browser().get("/signin", params={"next": "/requests"})
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["redirect_uri"] == [f"{URL}/signin/done"]
    assert query["code_challenge_method"] == ["S256"]
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def test_a_way_back_that_was_not_begun_in_this_browser_is_refused(pages: Pages) -> None:
    answer = await pages.browser().get("/signin/done", params={"code": "x", "state": "y"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_session(pages: Pages) -> None:
    browser = pages.browser("dora")
    answer = await browser.post("/signout", data={"csrf": await token_on(browser, "/")})
    assert answer.status_code == 303
    again = pages.browser()
    again.cookies = browser.cookies
    assert (await again.get("/requests")).status_code == 303


async def test_the_committee_approves_on_the_page(node: AccessNode, pages: Pages) -> None:
    request_id = node.submitted(node.workspace())
    browser = pages.browser("dora")
    assert request_id in (await browser.get("/requests")).text
    path = f"/requests/{request_id}"
    form = {"csrf": await token_on(browser, path), "step": "approve", "months": "2", "note": "ok"}
    assert (await browser.post(path, data=form)).status_code == 303
    assert "approved" in (await browser.get(path)).text
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is not None


@pytest.mark.parametrize(("step", "state"), [("reject", "rejected"), ("return", "returned")])
async def test_the_committee_may_say_no(
    node: AccessNode, pages: Pages, step: str, state: str
) -> None:
    path = f"/requests/{node.submitted(node.workspace())}"
    browser = pages.browser("dora")
    form = {"csrf": await token_on(browser, path), "step": step, "months": "6", "note": "<b>no"}
    assert (await browser.post(path, data=form)).status_code == 303
    page = (await browser.get(path)).text
    assert state in page
    assert "<b>no" not in page
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is None


@pytest.mark.parametrize("csrf", ["", "wrong"])
async def test_a_form_without_the_sessions_token_changes_nothing(
    node: AccessNode, pages: Pages, csrf: str
) -> None:
    path = f"/requests/{node.submitted(node.workspace())}"
    answer = await pages.browser("dora").post(path, data={"csrf": csrf, "step": "approve"})
    assert answer.status_code == 403
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is None


async def test_a_form_from_another_origin_or_session_changes_nothing(
    node: AccessNode, pages: Pages
) -> None:
    path = f"/requests/{node.submitted(node.workspace())}"
    browser = pages.browser("dora")
    form = {"csrf": await token_on(browser, path), "step": "approve"}
    elsewhere = {"origin": "http://127.0.0.1:8082"}
    assert (await browser.post(path, data=form, headers=elsewhere)).status_code == 403
    assert (await pages.browser("dora").post(path, data=form)).status_code == 403
    assert (await pages.browser().post(path, data=form)).status_code == 401
    assert active_grant(node.store, at("grace"), "ds1", now=NOW) is None


@pytest.mark.parametrize("name", ["rosa", "adam", "emil"])
async def test_a_request_of_others_looks_like_none(
    node: AccessNode, pages: Pages, name: str
) -> None:
    request_id = node.submitted(node.workspace())
    browser = pages.browser(name)
    theirs = await browser.get(f"/requests/{request_id}")
    unknown = await browser.get("/requests/req-unknown")
    assert theirs.status_code == unknown.status_code == 404
    # The choice of languages leads back to the address that was asked for.
    assert theirs.text.replace(request_id, "req-unknown") == unknown.text


async def test_a_committee_sees_only_its_own_datasets(node: AccessNode, pages: Pages) -> None:
    request_id = node.submitted(node.workspace())
    assert request_id not in (await pages.browser("emil").get("/requests")).text
    assert request_id not in (await pages.browser("adam").get("/requests")).text


@pytest.mark.parametrize("name", ["..%2fbase.html", ".hidden", "none.js"])
async def test_assets_are_the_shared_folders_files_only(pages: Pages, name: str) -> None:
    assert (await pages.browser().get(f"/static/{name}")).status_code == 404


async def test_the_verdict_on_data_use_stands_on_the_request_page(tmp_path: Path) -> None:
    consent = Consent(
        frozenset({Condition(Term.GRU)}),
        frozenset({Condition(Term.NPU), Condition(Term.PUB)}),
    )
    node = AccessNode(tmp_path, consents={"asked": consent})
    pages = Pages(node)
    workspace = node.workspace()
    request_id = node.submitted(workspace, dataset="asked")
    async with pages.browser("dora") as browser:
        shown = (await browser.get(f"/requests/{request_id}")).text
        assert "needs-review" in shown
        assert "requester.organisation.type" in shown
        assert "DUO 2021-02-23; diseases none; policy 1." in shown
        node.take(request_id, Step.APPROVE, by="dora")
        decided = (await browser.get(f"/requests/{request_id}")).text
        assert "Conditions of data use" not in decided
        assert "Make the results available." in decided
    node.close()


async def test_an_enquiry_is_answered_on_the_committees_page_and_read_on_the_askers(
    node: AccessNode, pages: Pages
) -> None:
    asked = node.enquiries.ask("ds1", "Broad <consent>?", asker=at("rosa"), now=NOW)
    dora, rosa = pages.browser("dora"), pages.browser("rosa")
    shown = await dora.get("/requests")
    assert "Broad &lt;consent&gt;?" in shown.text
    place = f"/enquiries/{asked.id}"
    fields = {"csrf": await token_on(dora, "/requests"), "text": "Broad it is."}
    assert (await dora.post(place, data={**fields, "csrf": "other"})).status_code == 403
    assert (await dora.post(place, data={**fields, "text": " "})).status_code == 400
    assert (await dora.post(place, data=fields)).status_code == 303
    read = (await rosa.get("/requests")).text
    assert "Broad it is." in read
    assert "dora" not in read


async def test_whoever_is_of_no_committee_sees_and_answers_no_enquiry(
    node: AccessNode, pages: Pages
) -> None:
    asked = node.enquiries.ask("ds1", "Broad consent?", asker=at("rosa"), now=NOW)
    emil = pages.browser("emil")
    assert "Broad consent?" not in (await emil.get("/requests")).text
    fields = {"csrf": await token_on(emil, "/requests"), "text": "Mine now."}
    assert (await emil.post(f"/enquiries/{asked.id}", data=fields)).status_code == 404
