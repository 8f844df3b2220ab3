"""A question and its answer cost one journey each, and are whole or not there at all."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

import workspaces.engine
from tests.support import engine as support
from tests.support.federation import running
from workspaces.engine.federated.waiting import Bell

LIBRARY = Path(next(iter(workspaces.engine.__path__)))


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """Of a coordinator that sends parts within messages, and of one that does not."""
    found: list[dict[str, Any]] = _in_the_engine()
    return found


def _in_the_engine(*given: str) -> Any:
    program = Path(support.__file__).with_name("engine_journeys.py")
    said = subprocess.run(
        [support.engine().python, program, *given],
        capture_output=True, check=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(LIBRARY), "FLWR_TELEMETRY_ENABLED": "0"},
    )  # fmt: skip
    return json.loads(said.stdout.splitlines()[-1])


@pytest.mark.program("bwrap")
def test_a_question_and_its_answer_of_three_parts_are_two_requests(
    told: list[dict[str, Any]],
) -> None:
    assert told[0]["journeys"] == ["PullMessages", "PushMessages"]
    assert all(told[0]["came"].values())
    assert told[0]["left"]


@pytest.mark.program("bwrap")
def test_an_answer_does_not_leave_before_its_last_part(told: list[dict[str, Any]]) -> None:
    assert told[0]["before the last part"] == ["PullMessages"]


@pytest.mark.program("bwrap")
def test_the_engine_finds_a_message_as_it_expects_one(told: list[dict[str, Any]]) -> None:
    assert told[0]["as the engine has it"] == [True, 0]


@pytest.mark.program("bwrap")
def test_parts_that_did_not_come_are_fetched_and_confirmed(told: list[dict[str, Any]]) -> None:
    assert told[1]["journeys"] == [
        "PullMessages", *["PullObject"] * 3, "ConfirmMessageReceived", "PushMessages"
    ]  # fmt: skip
    assert all(told[1]["came"].values())


@pytest.mark.program("bwrap")
def test_work_is_told_of_once_it_is_whole(told: list[dict[str, Any]]) -> None:
    assert [one["arrived"] for one in told] == [1, 1]


@pytest.mark.anyio
@pytest.mark.live
@pytest.mark.program("bwrap")
async def test_an_answer_without_its_parts_is_refused_and_holds_nobody_up(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    key = tmp_path / "key"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    names = dict.fromkeys(("praha", "tartu", "porto"), tmp_path)
    async with running(tmp_path / "fed", names, applications=["gwas"], start=False) as made:
        await made.link.register_node("praha", public.decode())
        given = (str(made.link.nodes_port), str(made.of.folder / "authority.pem"), str(key))
        codes = await asyncio.to_thread(_in_the_engine, *given)
    assert codes == ["FAILED_PRECONDITION"] * 3


def test_a_bell_that_rang_between_looking_and_waiting_is_heard() -> None:
    bell = Bell()
    heard = bell.rings
    bell.ring()
    bell.wait(heard, 3_600)


def test_a_bell_wakes_all_who_wait() -> None:
    bell = Bell()
    waiting = [threading.Thread(target=bell.wait, args=(bell.rings, 3_600)) for _ in range(3)]
    for one in waiting:
        one.start()
    bell.ring()
    for one in waiting:
        one.join(600)
    assert not any(one.is_alive() for one in waiting)


def test_a_bell_that_does_not_ring_is_not_waited_for_longer() -> None:
    bell = Bell()
    bell.wait(bell.rings, 0.01)
    assert bell.rings == 0
