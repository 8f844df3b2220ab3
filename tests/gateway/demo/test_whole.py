"""`skerry demo` stays until it is told to stop; only `--smoke` walks the journeys and ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo import data, preparing, servers, setup, whole
from gateway.demo.preparing import Federation
from gateway.errors import Exit


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def _ran(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, smoke: bool, countries: bool = False
) -> list[str]:
    """The steps of a run whose servers are not started."""
    steps: list[str] = []

    async def granted(_federation: Federation) -> None:
        steps.append("granted")

    async def studied(*_federation: object, **_how: object) -> None:
        steps.append("studied")

    def walked(*_federation: object, **_how: object) -> Exit:
        steps.append("walked")
        return Exit.FAILED

    monkeypatch.setattr(preparing, "check_ports", lambda _addresses: None)
    monkeypatch.setattr(preparing, "prepare", lambda *_plans, **_how: object())
    monkeypatch.setattr(data, "synthetic", lambda *_where, **_how: [])
    monkeypatch.setattr(data, "countries", lambda *_where: [])
    monkeypatch.setattr(whole, "refuse_where_nothing_runs", lambda: None)
    monkeypatch.setattr(servers, "start", lambda *_federation: steps.append("started"))
    monkeypatch.setattr(setup, "confirm_and_grant", granted)
    monkeypatch.setattr(whole, "_walk", walked)
    monkeypatch.setattr(whole, "_study", studied)
    monkeypatch.setattr(whole, "_welcome", lambda *_federation, **_how: steps.append("welcomed"))
    monkeypatch.setattr(whole, "_wait_for_ctrl_c", lambda: steps.append("waited"))
    ended = whole.run(
        folder,
        nodes=3,
        countries=countries,
        port=27_400,
        data=None,
        smoke=smoke,
        seed="1",
        say=steps.append,
    )
    assert (ended is Exit.OK) == ("walked" not in steps)
    return steps


def test_a_demo_says_what_to_try_and_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps = _ran(monkeypatch, tmp_path, smoke=False)
    assert steps == ["started", "granted", "welcomed", "waited", "stopping"]


def test_a_smoke_demo_walks_and_ends_as_the_journeys_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps = _ran(monkeypatch, tmp_path, smoke=True)
    assert steps == ["started", "granted", "walked", "stopping"]


def test_countries_are_studied_before_one_is_told_what_to_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps = _ran(monkeypatch, tmp_path, smoke=False, countries=True)
    assert steps == ["started", "granted", "studied", "welcomed", "waited", "stopping"]
