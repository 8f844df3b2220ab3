"""Signing in with a real provider (npm `oidc-provider`): pages, exchange, and the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from gateway import signing_in as login_command
from gateway.http_errors import ErrorTable
from gateway.pages.signin import Desk
from passports.errors import SignInFailed
from passports.keys import KeyStore
from passports.login import Login
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from passports.sessions import Sessions
from passports.trust import Assertion, Broker, TrustTable, VisaIssuer
from passports.userinfo import Userinfo
from schemas.passport import VisaType
from tests.support import oidc_provider
from tests.support.broker import DATASET, Issuer
from tests.support.hostile_provider import unlinked

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.program("node")]
NODE = "http://127.0.0.1:8081"
BACK = f"{NODE}/signin/done"
GRANTS = Issuer("https://grants.example")


@pytest.fixture(scope="module")
def visa() -> str:
    now = int(time.time())  # not when the tests were collected: that may be an hour ago
    return GRANTS.visa(sub="rosa", iat=now, exp=now + 600, asserted=now - 60)


@pytest.fixture
def issuer(visa: str) -> Iterator[str]:
    with oidc_provider.running(redirect_uris=[BACK], visas=[visa]) as address:
        yield address


async def _admitted(raw_token: str, issuer: str, http: httpx.AsyncClient) -> Researcher:
    """What a node with the provider in its trust table makes of the token."""
    discovery = await http.get(f"{issuer}/.well-known/openid-configuration")
    grants = Assertion(type=VisaType.CONTROLLED_ACCESS, sources=(GRANTS.issuer,), values=(DATASET,))
    table = TrustTable(
        brokers=[Broker(issuer=issuer, jwks_url=discovery.json()["jwks_uri"])],
        visa_issuers=[
            VisaIssuer(
                issuer=GRANTS.issuer,
                jku=GRANTS.jku,
                keys=(GRANTS.key.public_jwk(),),
                subject_namespace=issuer,
                may_assert=(grants,),
            )
        ],
    )
    return await Clearinghouse(
        trust=table,
        keys=KeyStore(table, http=http, clock=time.time),
        userinfo=Userinfo(http=http, clock=time.time),
        audience=NODE,
        clock=lambda: int(time.time()),
    ).admit(raw_token)


async def test_a_person_signs_in_to_a_nodes_pages_and_her_passport_opens_it(issuer: str) -> None:
    async with httpx.AsyncClient(timeout=600) as outbound, httpx.AsyncClient(timeout=600) as person:
        login = Login(issuer, "node", "node-secret of-the+test", BACK, outbound)
        sessions = Sessions(clock=time.time)
        async with _browser(login, sessions) as browser:
            begun = await browser.get("/signin", params={"next": "/results"})
            back = await oidc_provider.agree(
                person, begun.headers["location"], login="rosa", until=BACK
            )
            done = await browser.get(back)
            assert (done.status_code, done.headers["location"]) == (303, "/results")
            who = (await browser.get("/who")).json()
            assert who == f"rosa@{issuer}"
            # The answer is spent: neither its state nor its code can be used again.
            assert (await browser.get(back)).status_code == 401

        url, pending = await login.begin("/")
        back = await oidc_provider.agree(person, url, login="rosa", until=BACK)
        signed_in = await login.finish(pending, oidc_provider.query_of(back))
        passport = await login.exchange(signed_in.access_token, NODE)
        researcher = await _admitted(passport, issuer, outbound)
        assert researcher.identity == f"rosa@{issuer}"
        assert [held.value for held in researcher.visas] == [DATASET]
        with pytest.raises(SignInFailed):
            await login.exchange("not-a-token", NODE)
        # A code used twice is a stolen one: the provider takes back what it gave for it.
        with pytest.raises(SignInFailed):
            await login.finish(pending, oidc_provider.query_of(back))
        with pytest.raises(SignInFailed):
            await login.exchange(signed_in.access_token, NODE)


async def test_the_command_line_signs_in_by_code_and_keeps_the_passport_to_its_owner(
    issuer: str, tmp_path: Path
) -> None:
    token_file = tmp_path / "token.txt"
    shown: list[str] = []
    signing_in = asyncio.create_task(
        asyncio.to_thread(
            login_command.run,
            issuer,
            client_id="cli",
            client_secret="cli-secret",
            node=NODE,
            token_file=token_file,
            say=shown.append,
        )
    )
    async with httpx.AsyncClient(timeout=600) as person:
        async with asyncio.timeout(600):
            while not shown:  # noqa: ASYNC110 - the command runs in a thread
                await asyncio.sleep(0.05)
        _, address, _, _, user_code = shown[0].split()
        entered = f"{address}?user_code={user_code}"
        assert "Success" in await oidc_provider.agree(person, entered, login="rosa", until="")
        async with asyncio.timeout(600):
            await signing_in
        kept = token_file.read_text(encoding="ascii").strip()
        assert token_file.stat().st_mode & 0o777 == 0o600
        assert kept not in "".join(shown)
        assert (await _admitted(kept, issuer, person)).visas[0].value == DATASET


def _browser(login: Login, sessions: Sessions) -> httpx.AsyncClient:
    """A browser at a node whose pages need signing in."""
    desk, router, app = Desk(sessions, public_url=NODE), APIRouter(), FastAPI()
    desk.add_routes(router, login=login, greet=unlinked)
    app.include_router(router)

    @app.get("/who")
    async def who(request: Request) -> str:
        return (await desk.person(request)).signed_in.identity

    ErrorTable(bodies={}, realm="test").install(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=NODE)
