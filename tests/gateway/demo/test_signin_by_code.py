"""Signing in to the demo from a terminal (RFC 8628): our own client, and forged requests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from gateway.demo.clients import Client
from gateway.demo.signin import create_app
from gateway.demo.visas import NodeRef
from passports import device
from passports.errors import ProviderRefused
from passports.exchange import exchange
from passports.provider import Provider
from tests.support.broker import Clock, Network

pytestmark = pytest.mark.anyio

ISSUER, NODE = "http://127.0.0.1:8089", "http://127.0.0.1:8081"
FORM = {"client_id": "skerry-login", "scope": "openid ga4gh_passport_v1"}


class Terminal:
    """The provider, and a command line that waits by a clock of its own."""

    def __init__(self) -> None:
        self.clock = Clock()
        app = create_app(
            issuer=ISSUER,
            nodes=[NodeRef(NODE, "broker-secret")],
            clients=[
                Client("skerry-login", "", ()),
                Client("other-login", "", ()),
                Client("portal", "portal-secret", ("http://127.0.0.1:8080/done",)),
            ],
            clock=self.clock,
            http=Network().client(),
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ISSUER)
        self.provider = self.named("skerry-login")

    def named(self, client_id: str) -> Provider:
        return Provider(ISSUER, client_id=client_id, client_secret=None, http=self.http)

    async def choose(self, user_code: str, account: str = "rosa") -> httpx.Response:
        page = await self.http.get("/device", params={"user_code": user_code})
        found = re.search(r'name="request" value="([^"]+)"', page.text)
        assert found is not None
        assert 'action="/device"' in page.text
        return await self.http.post("/device", data={"request": found[1], "account": account})

    def meanwhile(
        self, *steps: Callable[[], Awaitable[object]]
    ) -> Callable[[float], Awaitable[None]]:
        """A sleep during which, one wait after the other, these things happen."""
        left = list(steps)

        async def sleep(seconds: float) -> None:
            self.clock.now += seconds
            if left:
                await left.pop(0)()

        return sleep


async def nothing() -> None:
    return None


async def test_a_person_signs_in_by_code_and_the_terminal_gets_a_passport_for_one_node() -> None:
    terminal = Terminal()
    code = await device.begin(terminal.provider)
    assert code.address == f"{ISSUER}/device"

    async def agrees() -> None:
        typed = code.user_code.lower().replace("-", " ")
        done = await terminal.choose(typed)
        assert done.status_code == 200
        assert "Go back to your terminal" in done.text

    sleep = terminal.meanwhile(nothing, agrees)
    token = await device.wait(terminal.provider, code, sleep=sleep)
    passport = await exchange(terminal.provider, token, NODE)
    told = await terminal.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert told.json()["sub"] == "rosa"
    assert passport.count(".") == 2


async def test_the_page_says_which_code_it_is_for_and_who_asks() -> None:
    terminal = Terminal()
    code = await device.begin(terminal.provider)
    page = (await terminal.http.get("/device", params={"user_code": code.user_code})).text
    assert code.user_code in page
    assert "skerry-login" in page


async def test_a_code_of_a_terminal_is_good_for_one_sign_in() -> None:
    terminal = Terminal()
    code = await device.begin(terminal.provider)
    await terminal.choose(code.user_code)
    again = await terminal.http.get("/device", params={"user_code": code.user_code})
    assert again.status_code == 400
    assert "No sign-in waits for this code" in again.text
    await device.wait(terminal.provider, code, sleep=terminal.meanwhile())
    with pytest.raises(ProviderRefused) as late:
        await device.wait(terminal.provider, code, sleep=terminal.meanwhile())
    assert late.value.error == "expired_token"


async def test_who_looked_at_the_page_twice_answers_once() -> None:
    terminal = Terminal()
    code = await device.begin(terminal.provider)
    pages = [await terminal.http.get(f"/device?user_code={code.user_code}") for _ in range(2)]
    names = [re.findall(r'name="request" value="([^"]+)"', page.text)[0] for page in pages]
    sent = [
        await terminal.http.post("/device", data={"request": name, "account": account})
        for name, account in zip(names, ("rosa", "adam"), strict=True)
    ]
    assert [one.status_code for one in sent] == [200, 400]


@pytest.mark.parametrize("typed", ["", "BBBB-BBBB", "x" * 40, "🦭", "<script>"])
async def test_a_code_nobody_was_given_is_told_so(typed: str) -> None:
    page = await Terminal().http.get("/device", params={"user_code": typed})
    assert page.status_code == 400
    assert "<script>" not in page.text


async def test_a_code_is_forgotten_after_ten_minutes() -> None:
    terminal = Terminal()
    code = await device.begin(terminal.provider)
    terminal.clock.now += 600
    page = await terminal.http.get("/device", params={"user_code": code.user_code})
    assert page.status_code == 400
    with pytest.raises(ProviderRefused) as late:
        await device.wait(terminal.provider, code, sleep=terminal.meanwhile())
    assert late.value.error == "expired_token"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_secret": "a guess"}, "invalid_client"),
        ({"client_id": "portal", "client_secret": "portal-secret"}, "unauthorized_client"),
        ({"client_id": "portal"}, "invalid_client"),
        ({"scope": "profile"}, "invalid_scope"),
    ],
)
async def test_only_a_command_line_begins_by_code(changes: dict[str, str], error: str) -> None:
    answer = await Terminal().http.post("/device_authorization", data=FORM | changes)
    assert answer.json() == {"error": error}


async def test_who_asks_too_often_is_told_to_slow_down_and_another_client_gets_nothing() -> None:
    terminal = Terminal()
    begun = (await terminal.http.post("/device_authorization", data=FORM)).json()
    form = {"grant_type": device.GRANT, "device_code": begun["device_code"]}
    said = [
        (await terminal.http.post("/token", data=form | {"client_id": name})).json()["error"]
        for name in ("skerry-login", "skerry-login", "other-login")
    ]
    assert said == ["authorization_pending", "slow_down", "invalid_grant"]


@pytest.mark.parametrize(
    "form", [{"request": "forged", "account": "rosa"}, {"request": "forged", "account": "nobody"}]
)
async def test_a_forged_answer_signs_nobody_in(form: dict[str, str]) -> None:
    assert (await Terminal().http.post("/device", data=form)).status_code == 400
