"""Access tokens shown to userinfo: by whom, for whom, and what userinfo may answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from passports import userinfo
from passports.errors import BadToken, ScopeMissing, UserinfoUnavailable
from passports.passport import MAX_ACCESS_TOKEN_CHARS, MAX_VISAS, USERINFO_KEPT_SECONDS
from passports.tokens import SigningKey
from tests.support.broker import BROKER, DATASET, NODE, NOW, USERINFO, Federation, streamed

pytestmark = pytest.mark.anyio


class Hanging(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""


async def test_an_access_token_is_its_person_with_the_visas_userinfo_gives() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    researcher = await federation.clearinghouse().admit(federation.access_token())
    assert [visa.value for visa in researcher.visas] == [DATASET]
    assert researcher.identity == f"rosa@{BROKER}"
    assert researcher.expires == NOW + 3600


async def test_a_broker_that_has_no_visas_need_not_say_so() -> None:
    federation = Federation()
    federation.take_access_tokens()
    federation.network.serve(USERINFO, lambda _request: streamed({"sub": "rosa"}))
    assert (await federation.clearinghouse().admit(federation.access_token())).visas == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://other.example"}, "wrong_audience"),
        ({"aud": None}, "wrong_audience"),
        ({"exp": NOW - 30}, "expired"),
        ({"iss": "https://evil.example"}, "unknown_issuer"),
        ({"key": SigningKey.generate()}, "unknown_key"),
        ({"typ": "JWT"}, "wrong_token_type"),
        ({"ga4gh_passport_v1": []}, "bad_claim"),
        ({"ga4gh_visa_v1": {}}, "bad_claim"),
        ({"filler": "x" * MAX_ACCESS_TOKEN_CHARS}, "too_large"),
    ],
)
async def test_a_token_that_is_not_good_is_never_shown_to_anybody(
    changes: dict[str, object], reason: str
) -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    raw = federation.access_token(**changes)  # type: ignore[arg-type]  # claims by name
    assert await federation.refusal(raw) == reason
    assert USERINFO not in federation.network.asked


async def test_a_broker_without_userinfo_in_the_table_gives_no_access_tokens() -> None:
    federation = Federation()
    assert await federation.refusal(federation.access_token()) == "wrong_token_type"
    assert federation.network.asked == []


@pytest.mark.parametrize("scope", [None, "", "openid", "ga4gh_passport_v1", ["openid"], 7])
async def test_a_token_without_the_passport_scope_is_not_enough(scope: object) -> None:
    federation = Federation()
    federation.take_access_tokens()
    with pytest.raises(ScopeMissing):
        await federation.clearinghouse().admit(federation.access_token(scope=scope))
    assert USERINFO not in federation.network.asked


@pytest.mark.parametrize("sub", ["dora", "", None, ["rosa"]])
async def test_an_answer_about_another_person_is_refused(sub: object) -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa(), sub=sub)
    assert await federation.refusal(federation.access_token()) == "other_person"


@pytest.mark.parametrize("visas", [None, "a.b.c", {}, [1], ["a.b.c"] * (MAX_VISAS + 1)])
async def test_an_answer_without_a_list_of_visas_is_refused(visas: object) -> None:
    federation = Federation()
    federation.take_access_tokens(ga4gh_passport_v1=visas)
    assert await federation.refusal(federation.access_token()) == "bad_claim"


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_token_that_its_broker_disowns_is_refused(status: int) -> None:
    federation = Federation()
    federation.take_access_tokens()
    federation.network.serve(USERINFO, lambda _request: httpx.Response(status))
    assert await federation.refusal(federation.access_token()) == "disowned_by_broker"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://evil.example/"}),
        httpx.Response(200, content=b"not json"),
        httpx.Response(200, content=b'{"sub":"rosa","sub":"dora"}'),
        httpx.Response(200, content=b" " * (userinfo.MAX_ANSWER_BYTES + 1)),
        httpx.Response(200, stream=Hanging()),
    ],
    ids=["500", "redirect", "nonsense", "twice", "huge", "hanging"],
)
async def test_a_userinfo_that_fails_is_an_outage_and_nothing_is_decided(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response
) -> None:
    monkeypatch.setattr(userinfo, "ASK_SECONDS", 0.05)
    federation = Federation()
    federation.take_access_tokens()
    federation.network.serve(USERINFO, lambda _request: answer)
    with pytest.raises(UserinfoUnavailable):
        await federation.clearinghouse().admit(federation.access_token())
    assert set(federation.network.asked) == {federation.broker.jku, USERINFO}


async def test_nobody_waits_twice_for_a_hanging_userinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(userinfo, "ASK_SECONDS", 0.05)
    federation = Federation()
    federation.take_access_tokens()
    federation.network.serve(USERINFO, lambda _request: httpx.Response(200, stream=Hanging()))
    house = federation.clearinghouse()
    for number in range(10):
        with pytest.raises(UserinfoUnavailable):
            await house.admit(federation.access_token(jti=f"a-{number}"))
    assert federation.network.asked.count(USERINFO) == 1
    assert (await house.admit(federation.passport())).subject == "rosa"


async def test_one_token_in_many_requests_at_once_asks_once() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    house, raw = federation.clearinghouse(), federation.access_token()
    found = await asyncio.gather(*(house.admit(raw) for _ in range(3 * userinfo.MAX_IN_FLIGHT)))
    assert {len(one.visas) for one in found} == {1}
    assert federation.network.asked.count(USERINFO) == 1
    assert not house._turns


async def test_more_people_than_places_are_told_to_come_back() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    house = federation.clearinghouse()
    await house.admit(federation.access_token())
    tokens = [federation.access_token(jti=f"t-{n}") for n in range(2 * userinfo.MAX_IN_FLIGHT)]
    found = await asyncio.gather(*(house.admit(raw) for raw in tokens), return_exceptions=True)
    turned_away = [one for one in found if isinstance(one, UserinfoUnavailable)]
    assert len(turned_away) == userinfo.MAX_IN_FLIGHT
    assert (await house.admit(tokens[-1])).visas


async def test_a_grant_withdrawn_at_the_broker_ends_within_a_minute() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    house, raw = federation.clearinghouse(), federation.access_token()
    assert (await house.admit(raw)).visas
    assert (await house.admit(raw)).visas
    assert federation.network.asked.count(USERINFO) == 1
    federation.network.serve(USERINFO, lambda _request: httpx.Response(401))
    federation.clock.now += USERINFO_KEPT_SECONDS
    with pytest.raises(BadToken):
        await house.admit(raw)


async def test_a_broker_may_know_the_node_by_another_name_that_the_table_gives() -> None:
    federation = Federation()
    federation.take_access_tokens()
    named = {"audiences": ("beacon-client",), "audience_required": False}
    federation.brokers = [broker.model_copy(update=named) for broker in federation.brokers]
    house = federation.clearinghouse()
    for aud in ("beacon-client", ["x", "beacon-client"], NODE, None):
        assert (await house.admit(federation.access_token(aud=aud))).subject == "rosa"
    assert await federation.refusal(federation.access_token(aud="other")) == "wrong_audience"
