"""Uses the portal as a browser does: signs in through its redirects, fills in its own forms."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urljoin

import httpx

from gateway.demo import setup
from gateway.demo.smoke.walk import Walk
from gateway.errors import DemoError
from workspaces import settings

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_MAX_REDIRECTS = 5


async def ask_in_portal(walk: Walk, dataset: str, workspace: Path) -> str:
    """Rosa fills in the form of a dataset at the first node; the id of the request there."""
    portal, url = walk.federation.addresses.portal, walk.urls[0]
    slug = await _slug(walk, url)
    known = settings.load(workspace).node(url)
    async with setup.client() as browser:
        page = await _sign_in(browser, portal, f"/datasets/{slug}/{quote(dataset)}", account="rosa")
        form = dict(_HIDDEN.findall(page.text[page.text.find('action="/requests"') :]))
        form |= {
            "project": "Smoke",
            "purpose": "To see whether the door opens.",
            "workspace": known.workspace_id or "",
            "months": "1",
        }
        sent = await browser.post(f"{portal}/requests", data=form, headers={"Origin": portal})
        if sent.status_code != httpx.codes.SEE_OTHER:
            raise DemoError(f"the portal's request form answered {sent.status_code}")
    token = await walk.people.passport("rosa", url)
    listed = await setup.call(walk.http, "GET", f"{url}/access/requests", token=token)
    found = listed["requests"]
    if not isinstance(found, list) or not found:
        raise DemoError("the request asked for in the portal is not at the node")
    return str(found[0]["id"])


async def seen_in_portal(walk: Walk, path: str, *, account: str) -> str:
    """The page at `path` as that account sees it; raises `DemoError` where there is none."""
    async with setup.client() as browser:
        page = await _sign_in(browser, walk.federation.addresses.portal, path, account=account)
    if not page.is_success:
        raise DemoError(f"the portal's {path} answered {page.status_code}")
    return page.text


async def _slug(walk: Walk, url: str) -> str:
    answer = await walk.http.get(f"{walk.federation.addresses.portal}/api/nodes")
    return next(str(node["slug"]) for node in answer.json() if node["url"] == url)


async def _sign_in(
    browser: httpx.AsyncClient, portal: str, path: str, *, account: str
) -> httpx.Response:
    """The page at `path`, once `account` has signed in on the way to it."""
    page = await _follow(browser, f"{portal}/auth/login?next={quote(path)}")
    form = dict(_HIDDEN.findall(page.text)) | {"account": account}
    chosen = await browser.post(urljoin(str(page.url), "/authorize"), data=form)
    return await _follow(browser, chosen.headers["location"])


async def _follow(browser: httpx.AsyncClient, url: str) -> httpx.Response:
    for _ in range(_MAX_REDIRECTS):
        answer = await browser.get(url)
        if not answer.has_redirect_location:
            return answer
        url = urljoin(url, answer.headers["location"])
    raise DemoError("signing in went round in circles")
