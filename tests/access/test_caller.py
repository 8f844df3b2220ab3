"""Where a credential may stand, and what becomes of one that stands elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from fastapi import Request

from access.caller import bearer, caller
from access.errors import CredentialMisplaced, CredentialUnreadable
from passports.passport import Clearinghouse
from passports.researcher import Researcher
from schemas.errors import Unauthenticated

ROSA = Researcher("https://broker.example", "rosa", visas=(), dropped=(), expires=100)


def request(*authorization: str, query: str = "") -> Request:
    headers: Sequence[tuple[bytes, bytes]] = [
        (b"authorization", value.encode()) for value in authorization
    ]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


class OneToken:
    """A clearinghouse that knows one token; verification has its own tests in `passports`."""

    async def admit(self, raw_token: str) -> Researcher:
        if raw_token != "good":
            raise Unauthenticated("The token is not good.")
        return ROSA


CLEARINGHOUSE = cast(Clearinghouse, OneToken())


def test_no_credential_is_none() -> None:
    assert bearer(request()) is None
    assert bearer(request(query="datasets=heart")) is None


@pytest.mark.parametrize("sent", ["Bearer a.b-c_d~e+f/g==", "bearer x", "BEARER  x", " Bearer x "])
def test_one_bearer_token_is_taken(sent: str) -> None:
    assert bearer(request(sent)) == sent.split()[1]


@pytest.mark.parametrize(
    "query", ["access_token=x", "token=", "ACCESS_TOKEN=x", "a=1&passport=x", "jwt=x", "bearer=x"]
)
@pytest.mark.parametrize("headers", [(), ("Bearer good",)])
def test_a_token_in_the_address_is_refused(query: str, headers: tuple[str, ...]) -> None:
    with pytest.raises(CredentialMisplaced):
        bearer(request(*headers, query=query))


def test_two_credentials_are_refused() -> None:
    with pytest.raises(CredentialMisplaced):
        bearer(request("Bearer good", "Bearer good"))


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "good", "Basic Z29vZA==", "Bearer a b", "Bearer a,b", "B x"]
)
def test_what_is_no_bearer_token_is_refused(sent: str) -> None:
    with pytest.raises(CredentialUnreadable):
        bearer(request(sent))


@pytest.mark.anyio
async def test_a_bad_token_is_refused_and_never_an_anonymous_caller() -> None:
    with pytest.raises(Unauthenticated):
        await caller(CLEARINGHOUSE)(request("Bearer bad"))


@pytest.mark.anyio
async def test_a_good_token_is_its_researcher_and_none_is_anonymous() -> None:
    who = caller(CLEARINGHOUSE)
    assert await who(request("Bearer good")) is ROSA
    assert await who(request()) is None


@pytest.mark.anyio
async def test_a_token_passes_each_step_in_order_and_nobody_none() -> None:
    asked: list[Researcher] = []

    async def first(who: Researcher) -> Researcher:
        asked.append(who)
        return replace(who, expires=1)

    async def second(who: Researcher) -> Researcher:
        asked.append(who)
        return who

    who = caller(CLEARINGHOUSE, first, second)
    assert await who(request()) is None
    with pytest.raises(Unauthenticated):
        await who(request("Bearer bad"))
    assert asked == []
    assert await who(request("Bearer good")) == replace(ROSA, expires=1)
    assert asked == [ROSA, replace(ROSA, expires=1)]


@pytest.mark.anyio
async def test_a_step_that_fails_lets_nobody_in() -> None:
    async def closed(_: Researcher) -> Researcher:
        raise Unauthenticated("The links cannot be kept.")

    with pytest.raises(Unauthenticated):
        await caller(CLEARINGHOUSE, closed)(request("Bearer good"))
