"""The record: what it takes, what it refuses, and how it carries on after a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import FactRefused, RecordBroken, RecordUnavailable
from access.record.audit import RecordFile, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PSEUDONYM_KEY = b"p" * 32


def start(path: Path, *, every: int = 4, signing_key: Ed25519PrivateKey = KEY) -> RecordFile:
    return RecordFile(
        path,
        pseudonym_key=PSEUDONYM_KEY,
        signing_key=signing_key,
        clock=lambda: 1_000.0,
        checkpoint_every=every,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.jsonl"


@pytest.fixture
def record(path: Path) -> Iterator[RecordFile]:
    opened = start(path)
    yield opened
    opened.close()


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_an_entry_is_with_the_operating_system_before_append_returns(
    record: RecordFile, path: Path
) -> None:
    number = record.append("answer.sent", {"dataset": "heart", "codes": ("a", "b"), "n": 1})
    assert entries(path)[number - 1]["facts"] == {"dataset": "heart", "codes": ["a", "b"], "n": 1}


@pytest.mark.parametrize("durable", [True, False])
def test_a_whole_record_verifies(path: Path, durable: bool) -> None:
    record = start(path)
    for number in range(10):
        record.append("answer.sent", {"n": number}, durable=durable)
    record.close()
    found = verify(path, KEY.public_key())
    assert (found.ok, found.entries, found.problem) == (True, 13, None)
    assert found.signed == 12


def test_reopening_continues_the_chain(path: Path) -> None:
    for _ in range(3):
        record = start(path, every=100)
        record.append("answer.sent", {"n": 1})
        record.close()
    assert verify(path, KEY.public_key()).entries == 6
    assert [entry["seq"] for entry in entries(path)] == [1, 2, 3, 4, 5, 6]


def test_opening_and_closing_without_entries_adds_nothing(path: Path) -> None:
    start(path).close()
    start(path).close()
    assert path.read_bytes() == b""


def test_a_torn_last_line_is_kept_aside_and_stated(path: Path) -> None:
    record = start(path)
    record.append("answer.sent", {"n": 1})
    record.close()
    with path.open("ab") as stream:
        stream.write(b'{"facts":{"n":2},"ha')
    start(path).close()
    torn = next(entry for entry in entries(path) if entry["kind"] == "record.torn")
    facts = torn["facts"]
    assert isinstance(facts, dict)
    assert (path.parent / facts["kept_as"]).read_bytes() == b'{"facts":{"n":2},"ha'
    assert verify(path, KEY.public_key()).ok


def test_a_record_that_is_one_torn_line_starts_anew(path: Path) -> None:
    path.write_bytes(b'{"fac')
    start(path).close()
    assert verify(path, KEY.public_key()).ok


def test_a_crash_without_close_leaves_a_record_that_goes_on(path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from access.record.audit import RecordFile
key = Ed25519PrivateKey.from_private_bytes({b"k" * 32!r})
record = RecordFile(Path({str(path)!r}), pseudonym_key={PSEUDONYM_KEY!r}, signing_key=key,
                checkpoint_every=4)
for number in range(6):
    record.append("answer.sent", {{"n": number}})
os.kill(os.getpid(), 9)
"""
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run([sys.executable, "-c", program], cwd=root, check=False, timeout=600)
    assert killed.returncode == -9
    start(path).close()
    found = verify(path, KEY.public_key())
    assert (found.ok, found.entries) == (True, 8)


@pytest.mark.parametrize("damage", ["altered", "garbage", "wrong key"])
def test_a_record_whose_tail_does_not_verify_is_not_continued(path: Path, damage: str) -> None:
    record = start(path)
    for number in range(6):
        record.append("answer.sent", {"n": number})
    record.close()
    before = path.read_bytes()
    if damage == "altered":
        lines = before.splitlines(keepends=True)
        lines[-1] = lines[-1].replace(b'"seq":8', b'"seq":9')
        path.write_bytes(b"".join(lines))
    if damage == "garbage":
        path.write_bytes(before + b"not an entry\n")
    key = Ed25519PrivateKey.from_private_bytes(b"o" * 32) if damage == "wrong key" else KEY
    with pytest.raises(RecordBroken):
        start(path, signing_key=key)


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"record.checkpoint"\n',
        b'{"facts":{},"kind":"record.checkpoint"}\n',
        b'{"facts":{"head":"x","seq":"one"},"kind":"record.checkpoint"}\n',
        b'{"facts":{"head":"x","seq":1},"kind":"record.checkpoint"}\n',
        b"\n",
        b"\0\0\0\n",
    ],
)
def test_a_file_that_is_no_record_is_not_continued(path: Path, line: bytes) -> None:
    path.write_bytes(line)
    with pytest.raises(RecordBroken):
        start(path)
    assert path.read_bytes() == line


def test_a_checkpoint_farther_back_than_one_read_is_found(path: Path) -> None:
    record = start(path, every=1_000)
    for _ in range(300):
        record.append("answer.sent", {"text": "x" * 1_900})
    record.close()
    record = start(path, every=1_000)
    for _ in range(300):
        record.append("answer.sent", {"text": "x" * 1_900})
    record._closing.set()  # closed as a crash would: no checkpoint, the lock let go
    record._dirty.set()
    record._syncer.join()
    os.close(record._chain._file)
    start(path).close()
    found = verify(path, KEY.public_key())
    assert (found.ok, found.entries) == (True, 602)


def test_a_second_writer_is_refused(record: RecordFile, path: Path) -> None:
    with pytest.raises(RecordUnavailable):
        start(path)
    assert record.append("answer.sent", {}) == 1


def test_nothing_is_taken_after_close(path: Path) -> None:
    record = start(path)
    record.close()
    record.close()
    with pytest.raises(RecordUnavailable):
        record.append("answer.sent", {})


def test_a_place_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordUnavailable):
        start(tmp_path / "no" / "record.jsonl")


def test_a_full_disk_refuses_and_leaves_no_part_of_a_line(
    record: RecordFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.append("answer.sent", {"n": 1})
    whole = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
    with pytest.raises(RecordUnavailable):
        record.append("answer.sent", {"n": 2})
    assert path.read_bytes() == whole
    monkeypatch.undo()
    assert record.append("answer.sent", {"n": 3}) == 2


def test_an_error_of_the_disk_refuses(record: RecordFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, _data: bytes) -> int:
        raise OSError("disk")

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(RecordUnavailable):
        record.append("answer.sent", {})
    monkeypatch.undo()


def test_after_a_failed_sync_nothing_more_is_taken(
    record: RecordFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError("disk")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RecordUnavailable):
        record.append("release.opened", {}, durable=True)
    monkeypatch.undo()
    with pytest.raises(RecordUnavailable):
        record.append("answer.sent", {})


def test_a_failed_group_sync_refuses_what_comes_after(
    record: RecordFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError("disk")

    monkeypatch.setattr(os, "fsync", fail)
    record.append("answer.sent", {})
    late = time.monotonic() + 600
    while record._chain._failed is None and time.monotonic() < late:
        time.sleep(0.01)
    with pytest.raises(RecordUnavailable):
        record.append("answer.sent", {})
    monkeypatch.undo()


def test_a_line_that_can_not_be_taken_back_ends_the_record(
    record: RecordFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, _size: int) -> None:
        raise OSError("disk")

    write = os.write
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
        broken.setattr(os, "ftruncate", fail)
        with pytest.raises(RecordUnavailable):
            record.append("answer.sent", {"n": 1})
    with pytest.raises(RecordUnavailable):
        record.append("answer.sent", {"n": 2})


def test_the_head_names_the_last_entry(record: RecordFile, path: Path) -> None:
    record.append("answer.sent", {})
    number, digest = record.head
    assert (number, digest) == (1, entries(path)[-1]["hash"])
    assert verify(path, KEY.public_key(), expect=record.head).ok


def test_a_record_that_is_not_there_does_not_verify_silently(path: Path) -> None:
    with pytest.raises(RecordUnavailable):
        verify(path, KEY.public_key())


JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyb3NhIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "value",
    [
        JWT,
        f"token {JWT}",
        "-----BEGIN PRIVATE KEY-----",
        "YzRnaC12MQAGc2NyeXB0",
        "Bearer abcdefghij",
        b"bytes",
        {"nested": 1},
        [["nested"]],
        ["fine", JWT],
        float("nan"),
        float("inf"),
        "x" * 2_001,
        ["x"] * 501,
        object(),
    ],
)
def test_tokens_keys_and_shapeless_values_do_not_enter(
    record: RecordFile, path: Path, value: object
) -> None:
    with pytest.raises(FactRefused):
        record.append("answer.sent", {"value": value})
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("Answer Sent", {}),
        ("", {}),
        ("answer.sent", {"Dataset": 1}),
        ("answer.sent", {"": 1}),
        ("answer.sent", {f"f{n}": n for n in range(41)}),
        ("answer.sent", {f"f{n}": "x" * 2_000 for n in range(20)}),
    ],
)
def test_names_and_sizes_are_bounded(
    record: RecordFile, kind: str, facts: dict[str, object]
) -> None:
    with pytest.raises(FactRefused):
        record.append(kind, facts)


def test_a_pseudonym_is_stable_keyed_and_not_the_identity(
    record: RecordFile, tmp_path: Path
) -> None:
    other = RecordFile(tmp_path / "other", pseudonym_key=b"q" * 32, signing_key=KEY)
    rosa = record.pseudonym("rosa@https://broker.example")
    assert rosa == record.pseudonym("rosa@https://broker.example")
    assert rosa != record.pseudonym("grace@https://broker.example")
    assert rosa != other.pseudonym("rosa@https://broker.example")
    assert "rosa" not in rosa
    other.close()


def test_a_short_pseudonym_key_is_refused(path: Path) -> None:
    with pytest.raises(RecordUnavailable):
        RecordFile(path, pseudonym_key=b"short", signing_key=KEY)


def test_threads_share_one_chain(record: RecordFile, path: Path) -> None:
    def work() -> None:
        for number in range(50):
            record.append("answer.sent", {"n": number})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record.close()
    sent = [entry for entry in entries(path) if entry["kind"] == "answer.sent"]
    assert len(sent) == 200
    assert verify(path, KEY.public_key()).ok


def test_the_file_is_the_owners_alone(record: RecordFile, path: Path) -> None:
    record.append("answer.sent", {})
    assert path.stat().st_mode & 0o077 == 0
