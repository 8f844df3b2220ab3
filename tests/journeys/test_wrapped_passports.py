"""A whole demo whose provider exchanges no tokens: the portal wraps visas, nodes judge them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from gateway.demo import data, preparing, servers
from gateway.demo.preparing import Addresses
from gateway.serving.processes import Processes
from tests.support.loopback import unused_demo

pytestmark = pytest.mark.live
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_ROW = re.compile(r"<tr class=\"is-\w+\">(.*?)</tr>", re.DOTALL)


def _signed_in(browser: httpx.Client, portal: str, account: str) -> None:
    page = browser.get(f"{portal}/auth/login?next=/search", follow_redirects=True)
    form = dict(_HIDDEN.findall(page.text)) | {"account": account}
    chosen = browser.post(urljoin(str(page.url), "/authorize"), data=form)
    assert browser.get(chosen.headers["location"], follow_redirects=True).status_code == 200


def test_without_exchange_a_researcher_is_still_known_at_every_node(tmp_path: Path) -> None:
    addresses = Addresses(unused_demo(), 2)
    (tmp_path / "input").mkdir()
    plans = data.synthetic(tmp_path / "input", nodes=2)
    federation = preparing.prepare(tmp_path, addresses, plans, say=lambda _line: None)
    provider = tmp_path / "signin.json"
    settings = json.loads(provider.read_text())
    for client in settings["clients"]:
        client["may_exchange"] = client["client_id"] != "skerry-portal"
    provider.write_text(json.dumps(settings))
    processes = Processes(logs=tmp_path)
    try:
        servers.start(federation, processes)
        with httpx.Client(trust_env=False, timeout=600) as browser:
            _signed_in(browser, addresses.portal, "rosa")
            late = time.monotonic() + 600
            while browser.get(f"{addresses.portal}/readyz").status_code != 200:
                assert time.monotonic() < late
                time.sleep(0.2)
            me = browser.get(f"{addresses.portal}/me").text
            page = browser.get(f"{addresses.portal}/search").text
            form = dict(_HIDDEN.findall(page)) | {"q": "MONDO:0005148"}
            answers = browser.post(f"{addresses.portal}/search", data=form).text
    finally:
        processes.stop_all()
    assert me.count("bona fide researcher") == 2
    rows = _ROW.findall(answers)
    assert len(rows) == 2
    assert all("signed in" in row for row in rows)
