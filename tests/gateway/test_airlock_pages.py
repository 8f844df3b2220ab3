"""The airlock's pages: for the committee to decide with reasons, for the requester to take."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import gateway.pages.airlock.routes
from gateway.http_errors import ErrorTable
from gateway.pages import render
from gateway.pages.airlock.routes import AirlockOffice
from gateway.pages.signin import Desk
from passports.login import SignedIn
from passports.sessions import Sessions, cookie_name
from streams.keys import SecretKey, public_pem
from tests.gateway.test_pages import token_on
from tests.support.access_node import ISSUER, NOW, URL, at
from tests.support.run_node import RunNode, opened

pytestmark = pytest.mark.anyio

NASTY = "<script>alert(1)</script>"
OTHER = {"kind": "other", "description": NASTY, "content": base64.b64encode(b"x").decode()}
TABLE = {"kind": "table", "rows": ["f", "m"], "columns": ["a", "b"], "cells": [[12, 40], [33, 18]]}


class Served:
    def __init__(self, folder: Path) -> None:
        self.node = RunNode(folder)
        self.sessions = Sessions(clock=lambda: float(NOW))
        self.app = FastAPI()
        office = AirlockOffice(
            render.Pages(node="Node", admins=()),
            Desk(self.sessions, public_url=URL),
            self.node.airlock,
            self.node.keys,
            self.node.clock,
        )
        self.app.include_router(gateway.pages.airlock.routes.build(office))
        ErrorTable(bodies={}, realm="test").install(self.app)

    def browser(self, name: str | None = None) -> httpx.AsyncClient:
        cookies = {}
        if name is not None:
            signed_in = SignedIn(name, ISSUER, name, "token", NOW + 3600)
            cookies = {cookie_name("node", URL): self.sessions.create(signed_in)}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=URL, cookies=cookies
        )

    def offered(self, document: dict[str, Any]) -> str:
        self.node.approved()
        run, _ = self.node.started()
        raw = json.dumps(document).encode()
        workspace = self.node.workspace()
        return self.node.airlock.offer(run, raw, workspace=workspace, now=NOW).candidate_id

    async def send(self, name: str, path: str, *, of: str = "", **fields: str) -> httpx.Response:
        async with self.browser(name) as browser:
            csrf = await token_on(browser, of or path)
            return await browser.post(path, data={"csrf": csrf, **fields})


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.node.close()


async def page(served: Served, name: str | None, path: str) -> httpx.Response:
    async with served.browser(name) as browser:
        return await browser.get(path)


async def test_who_is_not_signed_in_is_sent_to_sign_in(served: Served) -> None:
    answer = await page(served, None, "/airlock")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/airlock")


async def test_the_committee_sees_what_waits_and_what_was_offered_as_text(served: Served) -> None:
    name = served.offered(OTHER)
    assert f"/airlock/{name}" in (await page(served, "dora", "/airlock")).text
    shown = (await page(served, "dora", f"/airlock/{name}")).text
    assert NASTY not in shown
    assert "&lt;script&gt;" in shown
    assert served.node.recorded("airlock")[-1]["step"] == "look"


async def test_two_of_the_committee_release_and_the_requester_takes_it_sealed(
    served: Served,
) -> None:
    name, key = served.offered(OTHER), SecretKey.generate()
    place = f"/airlock/{name}"
    for who in ("dora", "emil"):
        answer = await served.send(who, place, step="approve", note="nothing of anybody in it")
        assert answer.status_code == 303
    pem = public_pem(key.public).decode()
    assert (await served.send("grace", "/airlock/key", of="/airlock", public_key=pem)).is_redirect
    shown = (await page(served, "grace", place)).text
    assert "nothing of anybody in it" in shown
    assert "dora" not in shown
    sealed = await page(served, "grace", f"{place}/result")
    assert "attachment" in sealed.headers["content-disposition"]
    assert json.loads(opened(sealed.content, key)) == OTHER


async def test_a_refusal_is_contested_by_whom_it_is_for(served: Served) -> None:
    name = served.offered(TABLE | {"cells": [[1, 2], [3, 4]]})
    place = f"/airlock/{name}"
    assert "Contest" in (await page(served, "grace", place)).text
    answer = await served.send("grace", place, step="contest", note="the floor is too high")
    assert answer.status_code == 303
    assert "the floor is too high" in (await page(served, "vera", place)).text


@pytest.mark.parametrize("who", ["mallory", "adam"])
async def test_for_others_no_output_exists(served: Served, who: str) -> None:
    name = served.offered(OTHER)
    assert (await page(served, who, f"/airlock/{name}")).status_code == 404
    assert (await page(served, who, f"/airlock/{name}/result")).status_code == 404
    assert name not in (await page(served, who, "/airlock")).text


async def test_the_requester_neither_decides_nor_sees_the_offered_form(served: Served) -> None:
    name = served.offered(OTHER)
    shown = (await page(served, "grace", f"/airlock/{name}")).text
    assert "What would leave" not in shown
    assert "Approve" not in shown
    answer = await served.send(
        "grace", f"/airlock/{name}", of="/airlock", step="approve", note="mine"
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("note", ["", "   ", "x" * 2001])
async def test_nobody_decides_without_a_reason(served: Served, note: str) -> None:
    name = served.offered(OTHER)
    answer = await served.send("dora", f"/airlock/{name}", step="approve", note=note)
    assert answer.status_code == 400
    assert served.node.airlock.see(name, viewer=at("dora")).candidate.approved_by == ()


async def test_a_form_from_elsewhere_decides_nothing(served: Served) -> None:
    name = served.offered(OTHER)
    async with served.browser("dora") as browser:
        answer = await browser.post(
            f"/airlock/{name}", data={"csrf": "forged", "step": "approve", "note": "x"}
        )
    assert answer.status_code == 403


async def test_a_step_that_there_is_not_is_refused(served: Served) -> None:
    name = served.offered(OTHER)
    for step in ("release", "take", "offer", ""):
        answer = await served.send("dora", f"/airlock/{name}", step=step, note="x")
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "-----BEGIN CRYPT4GH PUBLIC KEY-----\nAAAA\n-----END CRYPT4GH PUBLIC KEY-----",
    ],
)
async def test_what_is_no_public_key_is_refused(served: Served, text: str) -> None:
    answer = await served.send("grace", "/airlock/key", of="/airlock", public_key=text)
    assert answer.status_code == 400
    assert served.node.keys.of(at("grace")) is None


async def test_without_a_key_the_result_is_not_given(served: Served) -> None:
    name = served.offered(TABLE)
    assert (await page(served, "grace", f"/airlock/{name}/result")).status_code == 409


async def test_runs_are_listed_with_what_their_site_says_of_itself(served: Served) -> None:
    served.offered(TABLE)
    for who in ("grace", "dora"):
        assert "Linux 6.1" in (await page(served, who, "/airlock")).text
    assert "Linux 6.1" not in (await page(served, "mallory", "/airlock")).text
