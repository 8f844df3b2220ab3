"""A coordinator that wants one site's numbers: it subtracts, or asks others for nothing."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import socket_allow_hosts

from tests.workspaces.engine.test_runs import Sites, Total, only
from workspaces.engine.federated.conducting import Federation, Progress, conduct
from workspaces.engine.federated.roster import Refused
from workspaces.engine.settling import SettledDoor, SettledSites
from workspaces.errors import EngineRefused

OTHERS = "sums under this permit have been opened over other sites"


def again(sites: Sites, run: str, folder: Path, *, gone: tuple[int, ...] = ()) -> None:
    """Another run at the same sites, under the same permits; those in `gone` are not connected."""
    for number in gone:
        del sites.visits[number]
    for number, visit in sites.visits.items():
        scratch = folder / f"{run}-{number}"
        scratch.mkdir()
        sites.visits[number] = replace(visit, run=run, scratch=scratch)


def leading(sites: Sites) -> tuple[Federation, Progress]:
    run, progress = next(iter(sites.visits.values())).run, Progress(lambda now: None)
    return Federation(
        sites, sites.names, run=run, seconds=1, now=time.time(), progress=progress
    ), progress


def conducted(sites: Sites) -> list[dict[str, Any]]:
    return conduct(Total(), sites.plan, leading(sites)[0])


def test_a_site_opens_no_sum_over_fewer_sites_than_its_first(tmp_path: Path) -> None:
    """Round 1 is led by a coordinator that does not check itself."""
    sites = Sites(tmp_path, 4, plan={})
    led, progress = leading(sites)
    led.agree(Total().agree({}, led.offers()))
    assert led.ask(b"0", "all")[0].tolist() == [6, 4]
    led._drop(sites.visits[3].facts.start.fingerprint, "said so")
    led._summed = frozenset()
    with pytest.raises(Refused, match="0 sites helped"):
        led.ask(b"0", "without one")
    assert list(progress.missing.values()).count(OTHERS) == 3


def test_a_second_run_without_one_site_opens_nothing(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={})
    assert conducted(sites) == [{"total": [6, 4], "sites": 4}]
    again(sites, "100", tmp_path, gone=(3,))
    with pytest.raises(Refused, match="opened over other sites"):
        conducted(sites)


def test_nor_does_a_second_run_with_one_site_more(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={})
    late = sites.visits.pop(3)
    assert conducted(sites) == [{"total": [3, 3], "sites": 3}]
    sites.visits[3] = late
    again(sites, "100", tmp_path)
    assert conducted(sites) == [{"total": [3, 3], "sites": 3}]  # the fourth is left out


def test_the_same_sites_may_sum_as_often_as_they_like(tmp_path: Path) -> None:
    sites = Sites(tmp_path, 4, plan={"rounds": 3})
    for number in range(3):
        again(sites, str(100 + number), tmp_path)
        assert conducted(sites) == [{"total": [6, 4], "sites": 4}] * 3


def test_a_site_that_dropped_out_later_ends_the_run_and_may_be_back_in_the_next(
    tmp_path: Path,
) -> None:
    sites = Sites(tmp_path, 4, plan={"rounds": 2, "breaks": "3 1"})
    with pytest.raises(Refused, match=r"after a sum with it was opened\. site3: broken"):
        sites.run()
    again(sites, "100", tmp_path)
    for number, visit in sites.visits.items():
        sites.visits[number] = replace(visit, plan={"rounds": 2})
    sites.plan = {"rounds": 2}
    assert conducted(sites) == [{"total": [6, 4], "sites": 4}] * 2


@pytest.mark.parametrize("what", ["question", "agreed", "plan"])
def test_sites_that_were_asked_different_things_open_nothing(tmp_path: Path, what: str) -> None:
    """Others asked for what is known beforehand would leave one site's own numbers in the sum."""
    sites = Sites(tmp_path, 4, plan={})
    if what == "plan":
        sites.visits[0] = replace(sites.visits[0], plan={"rounds": 1, "other": 1})
    else:
        sites.tamper = only(
            "ask",
            lambda node, message: (
                message[0],
                {**message[1], **({what: b"nothing"} if node else {})},
            ),
        )
    led, progress = leading(sites)
    with pytest.raises(Refused, match="0 sites helped to open the sum"):
        conduct(Total(), sites.plan, led)
    told = "a share was not sealed to this site, or for another question"
    assert list(progress.missing.values()) == [told] * 4


ROSTER = tuple(letter * 64 for letter in "abcd")


def kept(folder: Path, *, me: str = ROSTER[0]) -> SettledSites:
    return SettledSites(folder / "sums" / "one.json", roster=ROSTER, me=me, least=3)


def test_the_first_sum_settles_its_sites_for_every_start_after_it(tmp_path: Path) -> None:
    assert kept(tmp_path).settle(()) == ()
    assert kept(tmp_path).settle(ROSTER[:3]) == ROSTER[:3]
    assert kept(tmp_path).settle(ROSTER) == ROSTER[:3]
    assert kept(tmp_path).settle(()) == ROSTER[:3]
    assert [one.name for one in (tmp_path / "sums").iterdir()] == ["one.json"]


@pytest.mark.parametrize(
    "sites", [ROSTER[:2], ROSTER[1:], (*ROSTER, "e" * 64), (*ROSTER[:2], "../../etc/passwd")]
)
def test_nothing_but_enough_sites_of_the_roster_is_kept(
    tmp_path: Path, sites: tuple[str, ...]
) -> None:
    with pytest.raises(EngineRefused):
        kept(tmp_path).settle(sites)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", [b"", b"[", b"\xff"])
def test_where_it_cannot_be_read_nothing_is_summed(tmp_path: Path, broken: bytes) -> None:
    kept(tmp_path).settle(ROSTER)
    (tmp_path / "sums" / "one.json").write_bytes(broken)
    with pytest.raises(EngineRefused, match="nothing is summed"):
        kept(tmp_path).settle(ROSTER)


async def _said(door: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(door))
    writer.write(line + b"\n")
    try:
        return await asyncio.wait_for(reader.read(), timeout=600)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.live
@pytest.mark.anyio
async def test_a_sandbox_can_settle_sites_and_do_nothing_else(tmp_path: Path) -> None:
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    door = SettledDoor(tmp_path / "door", kept(tmp_path))
    await door.open()
    try:
        for line in (
            b"",
            b"{}",
            b"[1]",
            b'"a"',
            b"\xff",
            b"[" * 9_000,
            b"[" * 20_000,
            b'["x"]',
            b"[[]]",
        ):
            assert await _said(door.socket, line) == b""
        assert await _said(door.socket, b"[]") == b"[]\n"
        assert not (tmp_path / "sums").exists()
        everyone = json.dumps(ROSTER).encode()
        assert json.loads(await _said(door.socket, everyone)) == list(ROSTER)
        fewer = json.dumps(ROSTER[:3]).encode()
        assert json.loads(await _said(door.socket, fewer)) == list(ROSTER)
    finally:
        await door.close()
    assert not door.socket.exists()
