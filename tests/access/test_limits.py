"""Rates per caller: a burst, then a steady rate; nobody spends another's, no process its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from access.errors import TooFast
from access.limits import PROBES, SLOTS, Counts, Limits, Rate, Rates, limited
from beacon.info import ENDPOINT_SETS, FILTERING_TERMS
from passports.errors import BadToken, Reason
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType

KEY = b"k" * 32
SLOW = Rates(public_per_minute=60)
SECOND = 10**9


class Clock:
    def __init__(self) -> None:
        self.now_ns = 5 * SECOND

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(replace(SLOW, portals=frozenset({"192.0.2.7"})), Counts(key=KEY), clock_ns=clock)


def person(name: str, *visas: VisaType) -> Researcher:
    broker = "https://broker.example"
    held = tuple(
        Visa(broker, name, kind, "https://node.example/heart", broker, "dac", 1, 2**40, None)
        for kind in visas
    )
    return Researcher(broker, name, held, (), 2**40)


def passed(limits: Limits, who: Researcher | None, address: str | None, *, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            limits.count(who, address)
        except TooFast:
            continue
        count += 1
    return count


def test_the_public_has_a_burst_of_twenty_and_one_a_second_after(
    limits: Limits, clock: Clock
) -> None:
    assert passed(limits, None, "192.0.2.1", tries=50) == 20
    clock.now_ns += SECOND
    assert passed(limits, None, "192.0.2.1", tries=5) == 1
    clock.now_ns += 3600 * SECOND
    assert passed(limits, None, "192.0.2.1", tries=50) == 20


def test_a_verifier_may_walk_the_whole_map_at_once(clock: Clock) -> None:
    """As EGA's does: each list, and each list below its first entry after asking for that again."""
    walk = sum(1 + 2 * len(one.nested) for one in ENDPOINT_SETS) + len(FILTERING_TERMS)
    limits = Limits(Rates(), Counts(key=KEY), clock_ns=clock)
    taken = passed(limits, None, "192.0.2.1", tries=walk // 2)
    clock.now_ns += SECOND
    assert taken + passed(limits, None, "192.0.2.1", tries=walk - walk // 2) == walk > 75


def test_addresses_do_not_share(limits: Limits) -> None:
    assert passed(limits, None, "192.0.2.1", tries=50) == 20
    assert passed(limits, None, "2001:db8::1", tries=50) == 20


def test_a_portals_visitors_and_a_workers_own_requests_are_not_counted(limits: Limits) -> None:
    assert passed(limits, None, "192.0.2.7", tries=200) == 200
    assert passed(limits, None, None, tries=200) == 200


def test_a_person_is_counted_wherever_she_asks_from(limits: Limits) -> None:
    rosa, dora = person("rosa"), person("dora")
    assert passed(limits, rosa, "192.0.2.7", tries=60) == 60
    assert passed(limits, rosa, "192.0.2.1", tries=200) == 40
    assert passed(limits, dora, "192.0.2.1", tries=200) == 100


def test_a_grant_allows_more(limits: Limits) -> None:
    assert passed(limits, person("rosa", VisaType.CONTROLLED_ACCESS), None, tries=500) == 333


def test_a_day_ends_too(limits: Limits, clock: Clock) -> None:
    rosa, count = person("rosa"), 0
    for _ in range(3_600):  # an hour at the highest rate
        count += passed(limits, rosa, None, tries=6)
        clock.now_ns += SECOND
    assert 5_000 <= count <= 5_000 + 3_600 * 5_000 // 86_400 + 1


def test_the_refusal_says_how_long_to_wait(limits: Limits, clock: Clock) -> None:
    passed(limits, None, "192.0.2.1", tries=20)
    with pytest.raises(TooFast) as refusal:
        limits.count(None, "192.0.2.1")
    assert refusal.value.wait_seconds == 1
    clock.now_ns += refusal.value.wait_seconds * SECOND
    limits.count(None, "192.0.2.1")


def test_zero_is_no_limit(clock: Clock) -> None:
    off = Limits(Rates(0, 0, 0, 0), Counts(key=KEY), clock_ns=clock)
    assert passed(off, None, "192.0.2.1", tries=5_000) == 5_000
    assert passed(off, person("rosa"), None, tries=5_000) == 5_000


def test_processes_share_one_table_and_nobody_else_reads_it(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "limits.map"
    one, other = (Limits(SLOW, Counts(path, key=KEY), clock_ns=clock) for _ in range(2))
    assert passed(one, None, "192.0.2.1", tries=15) == 15
    assert passed(other, None, "192.0.2.1", tries=15) == 5
    assert path.stat().st_mode & 0o077 == 0
    assert b"192.0.2.1" not in path.read_bytes()


def test_very_many_callers_forget_the_freest_and_no_memory_grows(clock: Clock) -> None:
    counts = Counts(key=KEY)
    for number in range(SLOTS // 2):
        counts.wait_ns(f"address {number}", Rate(SECOND, 19 * SECOND), now_ns=clock.now_ns)
    limits = Limits(SLOW, counts, clock_ns=clock)
    assert passed(limits, None, "192.0.2.1", tries=50) <= 20 + PROBES


@given(gaps=st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=200), rate=st.integers(1, 60))
def test_no_window_gives_more_than_burst_and_rate(gaps: list[int], rate: int) -> None:
    """In any stretch of time there pass at most the burst and what the rate adds meanwhile."""
    counts, now, passes = Counts(key=KEY), 0, []
    every, burst = 60 * SECOND // rate, 5
    for gap in gaps:
        now += gap
        if not counts.wait_ns("who", Rate(every, (burst - 1) * every), now_ns=now):
            passes.append(now)
    for first in range(len(passes)):
        for last in range(first, len(passes)):
            assert last - first + 1 <= burst + (passes[last] - passes[first]) // every


def request(address: str | None) -> Request:
    client = None if address is None else (address, 1)
    return Request({"type": "http", "headers": [], "client": client})


@pytest.mark.anyio
async def test_bad_credentials_count_for_their_address(limits: Limits) -> None:
    async def bad(_request: Request) -> Researcher | None:
        raise BadToken(Reason.MALFORMED)

    who = limited(bad, limits)
    for _ in range(20):
        with pytest.raises(BadToken):
            await who(request("192.0.2.1"))
    with pytest.raises(TooFast):
        await who(request("192.0.2.1"))


@pytest.mark.anyio
async def test_a_counted_caller_is_the_caller(limits: Limits) -> None:
    rosa = person("rosa")

    async def found(_request: Request) -> Researcher | None:
        return rosa

    assert await limited(found, limits)(request("192.0.2.1")) is rosa


def test_a_network_of_ipv6_addresses_is_one_caller_and_a_mapped_address_is_itself(
    limits: Limits,
) -> None:
    for number in range(20):
        limits.count(None, f"2001:db8::{number:x}")
    with pytest.raises(TooFast):
        limits.count(None, "2001:db8::ffff:1")
    limits.count(None, "2001:db8:0:1::1")
    assert passed(limits, None, "::ffff:198.51.100.1", tries=30) == 20
    assert passed(limits, None, "198.51.100.1", tries=1) == 0
