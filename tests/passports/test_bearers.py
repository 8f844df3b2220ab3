"""Bearers that stand for a passport: how long, whose, how many, and what ends them."""

from __future__ import annotations

import pytest

from passports import bearers
from passports.bearers import PREFIX, Bearers, Opened
from passports.errors import BadToken, TooManySessions
from passports.keys import FRESH_SECONDS
from passports.passport import CACHE_SECONDS
from tests.support.broker import DATASET, NOW, Federation

pytestmark = pytest.mark.anyio


class House:
    def __init__(self) -> None:
        self.federation = Federation()
        self.bearers = Bearers(self.federation.clearinghouse(), clock=self.federation.clock)

    async def opened(self, **claims: object) -> Opened:
        return await self.bearers.open(self.federation.passport(**claims))  # type: ignore[arg-type]  # claims by name

    async def refusal(self, raw_token: str) -> str:
        with pytest.raises(BadToken) as refused:
            await self.bearers.admit(raw_token)
        return refused.value.reason


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize(
    ("passport_seconds", "visa_seconds", "lasts"),
    [(7200, 7200, 3600), (7200, 300, 300), (120, 7200, 120)],
)
async def test_it_ends_with_the_hour_the_passport_or_the_first_visa(
    house: House, passport_seconds: int, visa_seconds: int, lasts: int
) -> None:
    visas = [house.federation.node.visa(exp=NOW + end) for end in (visa_seconds, 9000)]
    opened = await house.opened(visas=visas, exp=NOW + passport_seconds)
    assert opened.expires == NOW + lasts
    house.federation.clock.now = NOW + lasts - 1
    assert (await house.bearers.admit(opened.bearer)).expires == NOW + lasts
    house.federation.clock.now = NOW + lasts
    assert await house.refusal(opened.bearer) == "expired"
    house.federation.clock.now = NOW
    assert await house.refusal(opened.bearer) == "unknown_session"


async def test_a_passport_in_its_last_leeway_opens_nothing(house: House) -> None:
    raw = house.federation.passport(exp=NOW - 5)
    assert (await house.bearers.admit(raw)).subject == "rosa"
    with pytest.raises(BadToken):
        await house.bearers.open(raw)


async def test_it_is_as_good_as_its_passport_and_no_better(house: House) -> None:
    opened = await house.opened(visas=[house.federation.node.visa()])
    found = await house.bearers.admit(opened.bearer)
    assert (found.subject, [visa.value for visa in found.visas]) == ("rosa", [DATASET])
    house.federation.network.serve_keys(house.federation.node.jku)
    house.federation.clock.now = NOW + CACHE_SECONDS + FRESH_SECONDS
    opened = await house.opened(visas=[house.federation.node.visa()], exp=NOW + 7200)
    assert (await house.bearers.admit(opened.bearer)).visas == ()


@pytest.mark.parametrize("guess", ["", "A", "A" * 43, "\ud800"])
async def test_a_guess_is_nobody(house: House, guess: str) -> None:
    await house.opened()
    assert await house.refusal(PREFIX + guess) == "unknown_session"


async def test_bearers_are_256_random_bits_and_opened_bearers_open_none(house: House) -> None:
    made = {(await house.opened()).bearer for _ in range(bearers.MAX_PER_PERSON)}
    assert len(made) == bearers.MAX_PER_PERSON
    assert {len(bearer) for bearer in made} == {len(PREFIX) + 43}
    with pytest.raises(BadToken):
        await house.bearers.open(made.pop())


async def test_closing_ends_it_once(house: House) -> None:
    opened = await house.opened()
    assert house.bearers.close(opened.bearer)
    assert not house.bearers.close(opened.bearer)
    assert await house.refusal(opened.bearer) == "unknown_session"


async def test_a_persons_oldest_goes_when_she_opens_too_many(house: House) -> None:
    dora = await house.opened(sub="dora")
    made = [await house.opened() for _ in range(bearers.MAX_PER_PERSON + 1)]
    assert await house.refusal(made[0].bearer) == "unknown_session"
    assert (await house.bearers.admit(made[1].bearer)).subject == "rosa"
    assert (await house.bearers.admit(dora.bearer)).subject == "dora"


async def test_a_full_house_turns_the_next_away_and_nobody_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await house.opened()
    monkeypatch.setattr(bearers, "MAX_HELD_CHARS", house.bearers._kept.size("bearer", now=NOW) + 10)
    with pytest.raises(TooManySessions):
        await house.opened(sub="dora")
    assert (await house.bearers.admit(first.bearer)).subject == "rosa"
    house.federation.clock.now = NOW + 600
    assert (await house.opened(sub="dora", exp=NOW + 900)).expires == NOW + 900


def test_nothing_secret_prints() -> None:
    assert "hunter2" not in repr(Opened("hunter2", 1))
