"""Signing in by a code that is typed in elsewhere."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
import pytest

from passports import device
from passports.errors import ProviderFailed, ProviderRefused, SignInFailed
from passports.provider import Provider
from tests.support.broker import Network, streamed

pytestmark = pytest.mark.anyio
ISSUER = "https://login.example"
GOOD: dict[str, object] = {
    "device_code": "device-secret",
    "user_code": "ABCD-EFGH",
    "verification_uri": f"{ISSUER}/device",
    "interval": 5,
    "expires_in": 60,
}


class Desk:
    """A provider whose token endpoint gives `answers` in turn; `slept` is how we waited."""

    def __init__(self, *answers: str, discovery: bool = True) -> None:
        self.network, self.answers, self.slept = Network(), list(answers), list[float]()
        self.forms: list[dict[str, str]] = []
        self.code = dict(GOOD)
        document = {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/a",
                    "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/jwks"}  # fmt: skip
        if discovery:
            document["device_authorization_endpoint"] = f"{ISSUER}/device/auth"
        self.network.serve(
            f"{ISSUER}/.well-known/openid-configuration", lambda _: streamed(document)
        )
        self.network.serve(f"{ISSUER}/device/auth", lambda _: streamed(self.code))
        self.network.serve(f"{ISSUER}/token", self._token)
        self.provider = Provider(
            ISSUER, client_id="cli", client_secret=None, http=self.network.client()
        )

    def _token(self, request: httpx.Request) -> httpx.Response:
        self.forms.append(dict(parse_qsl(request.content.decode())))
        said = self.answers.pop(0)
        if said == "token":
            return streamed({"access_token": "opaque", "token_type": "Bearer"})
        return httpx.Response(400, json={"error": said})

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def sign_in(self) -> str:
        code = await device.begin(self.provider)
        return await device.wait(self.provider, code, sleep=self.sleep)


async def test_it_waits_as_told_until_the_person_has_agreed() -> None:
    desk = Desk("authorization_pending", "slow_down", "authorization_pending", "token")
    assert await desk.sign_in() == "opaque"
    assert desk.slept == [5, 5, 10, 10]
    assert {form["device_code"] for form in desk.forms} == {"device-secret"}
    assert {form["client_id"] for form in desk.forms} == {"cli"}


async def test_a_refusal_ends_it() -> None:
    with pytest.raises(SignInFailed, match="at the provider"):
        await Desk("access_denied").sign_in()
    with pytest.raises(ProviderRefused):
        await Desk("expired_token").sign_in()


async def test_it_does_not_wait_for_ever() -> None:
    desk = Desk(*["authorization_pending"] * 100)
    with pytest.raises(SignInFailed, match="in time"):
        await desk.sign_in()
    assert sum(desk.slept) == 60


async def test_a_provider_without_such_a_sign_in_says_so() -> None:
    with pytest.raises(ProviderFailed, match="offers no"):
        await Desk(discovery=False).sign_in()


@pytest.mark.parametrize(
    "changes",
    [
        {"user_code": ""},
        {"user_code": "\x1b[2J"},
        {"device_code": None},
        {"verification_uri": "http://evil.example"},
        {"verification_uri": f"{ISSUER}/\x1b[2J"},
        {"verification_uri": None},
    ],
)
async def test_what_is_shown_to_a_person_is_safe_to_show(changes: dict[str, object]) -> None:
    desk = Desk("token")
    desk.code |= changes
    with pytest.raises(ProviderFailed):
        await desk.sign_in()
    assert desk.forms == []


@pytest.mark.parametrize(
    ("changes", "slept"),
    [
        ({"interval": 0}, 5),
        ({"interval": "1"}, 5),
        ({"interval": True}, 5),
        ({"interval": 900}, 60),
    ],
)
async def test_the_providers_pace_is_held_within_reason(
    changes: dict[str, object], slept: int
) -> None:
    desk = Desk("token")
    desk.code |= changes
    await desk.sign_in()
    assert desk.slept == [slept]


@pytest.mark.parametrize("token", [None, "", "x" * 20_000, 7])
async def test_an_answer_without_a_token_has_failed(token: object) -> None:
    desk = Desk("token")
    desk.network.serve(f"{ISSUER}/token", lambda _: streamed({"access_token": token}))
    with pytest.raises(ProviderFailed):
        await desk.sign_in()


async def test_the_secret_half_of_the_code_does_not_print() -> None:
    assert "device-secret" not in repr(await device.begin(Desk().provider))
