"""Passports made to be expensive: too many visas, too long, too deep. Refused before any fetch."""

from __future__ import annotations

import pytest

from passports.compact import MAX_PASSPORT_CHARS, MAX_VISA_CHARS
from passports.passport import MAX_VISAS
from tests.support.broker import Federation

pytestmark = pytest.mark.anyio


async def test_four_hundred_visas_are_refused_and_none_is_looked_at() -> None:
    federation = Federation()
    raw = federation.passport(["a.b.c"] * (2 * MAX_VISAS))
    assert await federation.refusal(raw) == "bad_claim"
    assert federation.network.asked == [federation.broker.jku]


async def test_a_passport_beyond_the_cap_is_not_even_parsed() -> None:
    federation = Federation()
    raw = federation.passport(filler="x" * MAX_PASSPORT_CHARS)
    assert await federation.refusal(raw) == "too_large"
    assert federation.network.asked == []


async def test_one_long_visa_costs_only_itself() -> None:
    federation = Federation()
    long = federation.node.visa(filler="x" * MAX_VISA_CHARS)
    raw = federation.passport([long, federation.node.visa()])
    researcher = await federation.clearinghouse().admit(raw)
    assert len(researcher.visas) == 1
    assert [drop.reason for drop in researcher.dropped] == ["too_large"]


async def test_every_visa_up_to_the_cap_is_judged() -> None:
    federation = Federation()
    raw = federation.passport(["x.y.z"] * MAX_VISAS)
    researcher = await federation.clearinghouse().admit(raw)
    assert [drop.reason for drop in researcher.dropped] == ["malformed"] * MAX_VISAS


@pytest.mark.parametrize("deep", ["[" * 20_000 + "]" * 20_000, '{"a":' * 5_000 + "1" + "}" * 5_000])
async def test_deep_brackets_are_no_stack_overflow(deep: str) -> None:
    federation = Federation()
    signed = federation.broker.key.jws(deep.encode(), typ="vnd.ga4gh.passport+jwt", jku=None)
    assert await federation.refusal(signed) in {"malformed", "unknown_issuer"}
