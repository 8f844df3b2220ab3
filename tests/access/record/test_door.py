"""Beside the process that holds a record others write to it too: in one chain, or not at all."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import RecordUnavailable
from access.record import door as record_door
from access.record import writer
from access.record.audit import RecordFile, verify
from access.record.client import RecordClient
from access.record.door import door

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
NAMES = b"p" * 32


def held(folder: Path) -> RecordFile:
    return RecordFile(folder / "record.jsonl", pseudonym_key=NAMES, signing_key=KEY)


def test_entries_of_both_stand_in_one_chain(tmp_path: Path) -> None:
    record, each = held(tmp_path), 40
    with door(record, tmp_path / "r.sock"):
        beside = RecordClient(tmp_path / "r.sock", pseudonym_key=NAMES)

        def others() -> None:
            for number in range(each):
                beside.append("agent.header", {"permit": f"p{number}"}, durable=number % 2 == 0)

        thread = threading.Thread(target=others)
        thread.start()
        for number in range(each):
            record.append("release.intent", {"permit": f"p{number}"}, durable=number % 2 == 1)
        thread.join()
        beside.close()
    record.close()
    lines = (tmp_path / "record.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert (kinds.count("agent.header"), kinds.count("release.intent")) == (each, each)
    assert verify(tmp_path / "record.jsonl", KEY.public_key()).problem is None


def test_only_the_owner_may_come_in_and_the_door_goes_with_the_server(tmp_path: Path) -> None:
    record, path = held(tmp_path), tmp_path / "r.sock"
    with door(record, path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
    assert record.append("release.intent", {"permit": "p"}) > 0, "the record itself goes on"
    record.close()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_the_door_is_its_owner_s_whatever_the_umask_and_leaves_that_to_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    record, path, set_to = held(tmp_path), tmp_path / "r.sock", os.umask
    before = set_to(umask)
    try:
        monkeypatch.setattr(os, "umask", lambda _mask: pytest.fail("it is the whole process's"))
        with door(record, path):
            assert path.stat().st_mode & 0o077 == 0
            assert path.stat().st_mode & 0o777 == 0o600 & ~umask
    finally:
        set_to(before)
    record.close()


def test_what_comes_after_the_record_is_closed_is_refused(tmp_path: Path) -> None:
    record = held(tmp_path)
    with door(record, tmp_path / "r.sock"):
        beside = RecordClient(tmp_path / "r.sock", pseudonym_key=NAMES)
        beside.append("agent.header", {"permit": "p"})
        record.close()
        for durable in (False, True):
            with pytest.raises(RecordUnavailable):
                beside.append("agent.header", {"permit": "p"}, durable=durable)
        beside.close()
    assert verify(tmp_path / "record.jsonl", KEY.public_key()).problem is None


def test_a_place_that_cannot_be_listened_at_stops_the_start(tmp_path: Path) -> None:
    record = held(tmp_path)
    with pytest.raises(OSError, match="No such file"), door(record, tmp_path / "no" / "r.sock"):
        pytest.fail("it came up")
    record.close()


@pytest.mark.parametrize("wrong", [RuntimeError("no threads"), SystemExit(3), MemoryError()])
def test_whatever_keeps_it_from_listening_is_raised_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: BaseException
) -> None:
    async def fails(*_: object) -> None:
        raise wrong

    monkeypatch.setattr(writer, "serve", fails)
    monkeypatch.setattr(record_door, "START_SECONDS", 1_000_000.0)
    record = held(tmp_path)
    with pytest.raises(type(wrong)), door(record, tmp_path / "r.sock"):
        pytest.fail("it came up")
    record.close()
